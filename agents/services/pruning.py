"""Pruning: old checkpoints of a thread are removed, and what nothing else needs with them.

What must stay stays, whatever its age: where the thread stands, the end of each branch, every
checkpoint that a question was asked at (it is the evidence of a decision), what tells which nodes
led to these (it decides where a breakpoint is), and what the kept ones are made of. A kept
checkpoint reads back byte for byte; only the way to it gets shorter.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from django.db import models, transaction

from agents.exceptions import NotFound
from agents.models import Blob, Checkpoint, Form, Part, PendingWrite, Run, Thread
from agents.services.checkpoint_rows import unpack_runs
from agents.services.value_references import (
    ROWS_AT_ONCE,
    ValueKey,
    grouped,
    in_batches,
    named_by,
    root_of,
    telling,
)

_Place: TypeAlias = tuple[str, str]
"""Namespace and id of a checkpoint."""

_DELTA = "counters_since_delta_snapshot"  # in LangGraph's metadata: it rebuilds values from writes
_UNFINISHED = (Run.Status.WAITING, *Run.ACTIVE)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were removed, or would be; `spared` says why nothing of a thread may be."""

    checkpoints: int = 0
    values: int = 0
    writes: int = 0
    parts: int = 0
    spared: str = ""


@dataclass(slots=True)
class _Plan:
    """The rows to remove."""

    checkpoints: list[_Place]
    values: list[ValueKey] = field(default_factory=list)
    writes: int = 0
    parts: list[int] = field(default_factory=list)


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
    plan = _plan(row, _removable(row, before, keep))
    if not dry_run:
        _remove(row, plan)
    return Pruned(len(plan.checkpoints), len(plan.values), plan.writes, len(plan.parts))


def _spared(thread: Thread) -> str:
    statuses = set(thread.runs.order_by().values_list("status", flat=True).distinct())
    if not statuses and not thread.is_begun_by_people:
        return "an agent writes it without runs"
    if not statuses.isdisjoint(_UNFINISHED):
        return "a run of it is not over"
    metadata = (
        Checkpoint.objects.filter(thread=thread).order_by().values_list("metadata", flat=True)
    )
    if any(_DELTA in dict(found) for found in metadata.iterator(chunk_size=ROWS_AT_ONCE)):
        return "it has delta channels"
    return ""


def _removable(thread: Thread, before: datetime, keep: int) -> list[_Place]:
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
        if root_of(metadata) in gone and not _remembers(ns)
    ]


def _remembers(ns: str) -> bool:
    """Whether it is the namespace of a graph that remembers its state from one step to the next.

    LangGraph names the others by the task they ran in. Any step may go on from what these keep.
    """
    return ":" not in ns.rpartition("|")[2]


def _plan(thread: Thread, gone: list[_Place]) -> _Plan:
    plan = _Plan(gone)
    if not gone:
        return plan
    removed = set(gone)
    rows = Checkpoint.objects.filter(thread=thread)
    kept = set(rows.order_by().values_list("ns", "checkpoint_id")) - removed
    named: set[ValueKey] = set()
    for ns, ids in grouped(kept):
        named |= named_by(rows.filter(ns=ns, checkpoint_id__in=ids))
    needed: set[int] = set()
    values = Blob.objects.filter(thread=thread).order_by()
    for ns, channel, version, form, data in _stored(values, "ns", "channel", "version"):
        if (ns, channel, version) not in named:
            plan.values.append((ns, channel, version))
        else:
            needed.update(_parts(form, data))
    writes = PendingWrite.objects.filter(thread=thread).order_by()
    for ns, checkpoint_id, form, data in _stored(writes, "ns", "checkpoint_id"):
        if (ns, checkpoint_id) in removed:
            plan.writes += 1
        else:
            needed.update(_parts(form, data))
    numbers = Part.objects.filter(thread=thread).order_by().values_list("seq", flat=True)
    plan.parts = sorted(set(numbers) - needed)
    return plan


def _stored(rows: Any, *columns: str) -> Any:
    """The columns, and of arrays also what says their parts; other data stays in the database."""
    data = models.Case(models.When(form=Form.RUNS, then="data"))
    return rows.values_list(*columns, "form", data).iterator(chunk_size=ROWS_AT_ONCE)


def _parts(form: int, data: Any) -> Collection[int]:
    return unpack_runs(bytes(data)) if form == Form.RUNS else ()


def _remove(thread: Thread, plan: _Plan) -> None:
    for ns, ids in grouped(plan.checkpoints):
        at: dict[str, Any] = {"thread": thread, "ns": ns, "checkpoint_id__in": ids}
        PendingWrite.objects.filter(**at).delete()
        Checkpoint.objects.filter(**at).delete()
    for (ns, channel), versions in grouped(((ns, name), each) for ns, name, each in plan.values):
        Blob.objects.filter(thread=thread, ns=ns, channel=channel, version__in=versions).delete()
    for numbers in in_batches(plan.parts):
        Part.objects.filter(thread=thread, seq__in=numbers).delete()
    if plan.parts:
        # No process goes on trusting the numbers it remembers.
        Thread.objects.filter(pk=thread.pk).update(part_epoch=models.F("part_epoch") + 1)
