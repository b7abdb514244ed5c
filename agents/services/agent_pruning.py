"""Pruning by agents: what LangGraph's saver may remove from threads that an agent keeps itself.

Threads that a run has touched are pruned by operators alone (`pruning`): there checkpoints are the
evidence of decisions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db.models import Q, QuerySet

from agents.exceptions import RequestRefused
from agents.models import Checkpoint, Thread
from agents.services import removal
from agents.services.checkpoint_rows import NAME_BYTES, RUN, run_in_metadata
from agents.services.removal import Place
from agents.services.value_references import ROWS_AT_ONCE, in_batches, root_of
from reviewconsole.protocol.messages import RefusalCode

_RUNS_AT_MOST = 1000  # in one request: everybody's round waits for it


def refuse_delta_channels(threads: Iterable[Thread]) -> None:
    """Make sure that no thread rebuilds values from what pruning removes. One query a thread.

    Raises:
        RequestRefused: `invalid` — one does; nothing was removed.
    """
    for thread in threads:
        if removal.has_delta_channels(thread):
            raise RequestRefused(
                RefusalCode.INVALID,
                f"thread {thread.thread_id!r} has delta channels: its state is rebuilt from all "
                "its checkpoints, so none of them can go; delete the thread as a whole, or keep it",
            )


def keep_latest(thread: Thread) -> None:
    """Remove all but the newest checkpoint of each namespace of a locked thread.

    The namespaces of graphs that ran inside of a step go with the root's checkpoint that their
    step began from, but for those of graphs that remember. Idempotent. Queries: about 10, and one
    for each 500 rows.
    """
    newest: dict[str, tuple[str, Any]] = {}
    places: list[Place] = []
    rows = Checkpoint.objects.filter(thread=thread).order_by("checkpoint_id")
    columns = rows.values_list("ns", "checkpoint_id", "metadata")
    for ns, checkpoint_id, metadata in columns.iterator(chunk_size=ROWS_AT_ONCE):
        newest[ns] = (checkpoint_id, metadata)
        places.append((ns, checkpoint_id))
    saved = {checkpoint_id for ns, checkpoint_id in places if ns == ""}
    head = newest.get("", ("", None))[0]
    staying = {
        (ns, checkpoint_id)
        for ns, (checkpoint_id, metadata) in newest.items()
        if removal.remembers(ns) or (root := root_of(metadata)) == head or root not in saved
    }
    remove(thread, [place for place in places if place not in staying])


def check_runs(runs: Collection[str]) -> None:
    """Make sure that these runs can be looked for.

    Raises:
        RequestRefused: `invalid` — they are too many, or the id of one is too long.
    """
    if len(runs) > _RUNS_AT_MOST:
        raise RequestRefused(
            RefusalCode.INVALID, f"{len(runs)} runs are too many: name at most {_RUNS_AT_MOST}"
        )
    for run in runs:
        if len(run.encode()) > NAME_BYTES:
            raise RequestRefused(
                RefusalCode.INVALID, f"{run[:40]!r} is no run here: at most {NAME_BYTES} bytes"
            )


def threads_of_runs(agent: str, runs: Collection[str]) -> set[str]:
    """The ids of the agent's threads in which these runs stored checkpoints.

    Reads the metadata of all its checkpoints: one query for each 500 runs.
    """
    rows = Checkpoint.objects.filter(thread__agent__name=agent)
    return {name for name, _ in _of_runs(rows, runs, "thread__thread_id")}


def stored_by_runs(thread: Thread, runs: Collection[str]) -> list[Place]:
    """The checkpoints that these runs stored in a thread. At most 3 queries for 500 runs.

    Raises:
        RequestRefused: `invalid` — what would be left without them has delta channels.
    """
    rows = Checkpoint.objects.filter(thread=thread)
    found = list(_of_runs(rows, runs, "ns"))
    if found and len(found) < rows.count():
        refuse_delta_channels([thread])
    return found


def remove(thread: Thread, gone: list[Place]) -> None:
    """Remove these checkpoints of a locked thread, with what nothing that stays needs."""
    removal.remove(thread, removal.plan(thread, gone))


def _of_runs(
    rows: QuerySet[Checkpoint], runs: Collection[str], column: str
) -> Iterator[tuple[str, str]]:
    """A column and the id of each checkpoint of these runs."""
    wanted = set(runs)
    for batch in in_batches(wanted):
        # The metadata is text: it is searched for what may be there, and read to know.
        named = Q()
        for run in batch:
            named |= Q(metadata__contains=run_in_metadata(run))
        found = rows.filter(named).order_by().values_list(column, "checkpoint_id", "metadata")
        for name, checkpoint_id, metadata in found.iterator(chunk_size=ROWS_AT_ONCE):
            run = metadata.get(RUN)
            if isinstance(run, str) and run in wanted:
                yield name, checkpoint_id
