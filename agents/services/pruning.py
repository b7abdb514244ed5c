"""Pruning: old checkpoints of a thread are removed, and what nothing else needs with them.

What must stay stays, whatever its age: where the thread stands, the end of each branch, every
checkpoint that a question was asked at (it is the evidence of a decision), what tells which nodes
led to these (it decides where a breakpoint is), and what the kept ones are made of. A kept
checkpoint reads back byte for byte; only the way to it gets shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from agents.exceptions import NotFound
from agents.models import Checkpoint, Run, Thread
from agents.services import removal
from agents.services.removal import Place
from agents.services.value_references import ROWS_AT_ONCE, root_of, telling

_UNFINISHED = (Run.Status.WAITING, *Run.ACTIVE)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were removed, or would be; `spared` says why nothing of a thread may be."""

    checkpoints: int = 0
    values: int = 0
    writes: int = 0
    parts: int = 0
    spared: str = ""


@transaction.atomic
def prune(*, thread: int, before: datetime, keep: int, dry_run: bool = False) -> Pruned:
    """Remove the root's checkpoints stored before a moment, but for the newest `keep` of them.

    The one before each that stays, stays as well: it tells which nodes ran.
    With each go the graphs that ran inside of its step, its writes, and the values and parts that
    no other checkpoint names. In one transaction under the thread's lock; with `dry_run` nothing is
    removed. A thread is left alone while a run of it is not over, when an agent writes it without
    runs (it may go on from anywhere), and when it has delta channels (their values are rebuilt
    from all that came before). Idempotent. Queries: about 10, and one for each 500 rows.

    Raises:
        NotFound: there is no such thread.
    """
    begun = ("created_by_id", "copied_checkpoint_id")
    row = Thread.objects.select_for_update().only(*begun).filter(pk=thread).first()
    if row is None:
        raise NotFound(f"There is no thread {thread}.")
    if why := _spared(row):
        return Pruned(spared=why)
    going = removal.plan(row, _removable(row, before, keep))
    if not dry_run:
        removal.remove(row, going)
    return Pruned(len(going.checkpoints), len(going.values), going.writes, len(going.parts))


def _spared(thread: Thread) -> str:
    statuses = set(thread.runs.order_by().values_list("status", flat=True).distinct())
    if not statuses and not thread.is_begun_by_people:
        return "an agent writes it without runs"
    if not statuses.isdisjoint(_UNFINISHED):
        return "a run of it is not over"
    if removal.has_delta_channels(thread):
        return "it has delta channels"
    return ""


def _removable(thread: Thread, before: datetime, keep: int) -> list[Place]:
    rows = Checkpoint.objects.filter(thread=thread)
    columns = ("checkpoint_id", "parent_id", "metadata", "created_at")
    root = list(rows.filter(ns="").order_by("-checkpoint_id").values_list(*columns))
    ways = {checkpoint_id: (parent, metadata) for checkpoint_id, parent, metadata, _ in root}
    parents = {parent for parent, _ in ways.values()}
    needed = set(thread.interrupts.order_by().values_list("checkpoint_id", flat=True).distinct())
    gone = {
        checkpoint_id
        for position, (checkpoint_id, _, _, stored) in enumerate(root)
        if position >= max(keep, 1)  # the head stays in any case
        and stored < before
        and checkpoint_id in parents  # else it is the end of a branch
        and checkpoint_id not in needed
    }
    gone -= telling(ways, ways.keys() - gone)
    inside = rows.exclude(ns="").order_by().values_list("ns", "checkpoint_id", "metadata")
    return [("", each) for each in gone] + [
        (ns, checkpoint_id)
        for ns, checkpoint_id, metadata in inside.iterator(chunk_size=ROWS_AT_ONCE)
        if root_of(metadata) in gone and not removal.remembers(ns)
    ]
