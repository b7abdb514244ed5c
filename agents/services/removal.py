"""Removing checkpoints of a thread, and with them what no other checkpoint needs.

Whoever says which checkpoints go (`pruning` for operators, `agent_pruning` for agents), the rest is
done here: writes go with their checkpoint, values and parts when nothing that stays names them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.db import models

from agents.models import Blob, Checkpoint, Form, Part, PendingWrite, Thread
from agents.services.part_runs import unpack_runs
from agents.services.value_references import (
    ROWS_AT_ONCE,
    ValueKey,
    grouped,
    in_batches,
    named_by,
)

Place: TypeAlias = tuple[str, str]
"""Namespace and id of a checkpoint."""

_DELTA = "counters_since_delta_snapshot"  # in LangGraph's metadata: it rebuilds values from writes


@dataclass(slots=True)
class Removal:
    """The rows to remove."""

    checkpoints: list[Place]
    values: list[ValueKey] = field(default_factory=list)
    writes: int = 0
    parts: list[int] = field(default_factory=list)


def has_delta_channels(thread: Thread) -> bool:
    """Whether values of the thread are rebuilt from all that came before. One query."""
    metadata = (
        Checkpoint.objects.filter(thread=thread).order_by().values_list("metadata", flat=True)
    )
    return any(_DELTA in dict(found) for found in metadata.iterator(chunk_size=ROWS_AT_ONCE))


def remembers(ns: str) -> bool:
    """Whether it is the namespace of a graph that remembers its state from one step to the next.

    LangGraph names the others by the task they ran in. Any step may go on from what these keep.
    """
    return ":" not in ns.rpartition("|")[2]


def plan(thread: Thread, gone: list[Place]) -> Removal:
    """What goes with these checkpoints. Queries: 4, and one for each 500 checkpoints that stay."""
    going = Removal(gone)
    if not gone:
        return going
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
            going.values.append((ns, channel, version))
        else:
            needed.update(_parts(form, data))
    writes = PendingWrite.objects.filter(thread=thread).order_by()
    for ns, checkpoint_id, form, data in _stored(writes, "ns", "checkpoint_id"):
        if (ns, checkpoint_id) in removed:
            going.writes += 1
        else:
            needed.update(_parts(form, data))
    numbers = Part.objects.filter(thread=thread).order_by().values_list("seq", flat=True)
    going.parts = sorted(set(numbers) - needed)
    return going


def _stored(rows: Any, *columns: str) -> Any:
    """The columns, and of arrays also what says their parts; other data stays in the database."""
    data = models.Case(models.When(form=Form.RUNS, then="data"))
    return rows.values_list(*columns, "form", data).iterator(chunk_size=ROWS_AT_ONCE)


def _parts(form: int, data: Any) -> Collection[int]:
    return unpack_runs(bytes(data)) if form == Form.RUNS else ()


def remove(thread: Thread, going: Removal) -> None:
    """Remove these rows, inside the caller's transaction, which has locked the thread."""
    for ns, ids in grouped(going.checkpoints):
        at: dict[str, Any] = {"thread": thread, "ns": ns, "checkpoint_id__in": ids}
        PendingWrite.objects.filter(**at).delete()
        Checkpoint.objects.filter(**at).delete()
    for (ns, channel), versions in grouped(((ns, name), each) for ns, name, each in going.values):
        Blob.objects.filter(thread=thread, ns=ns, channel=channel, version__in=versions).delete()
    for numbers in in_batches(going.parts):
        Part.objects.filter(thread=thread, seq__in=numbers).delete()
    if going.parts:
        # No process goes on trusting the numbers it remembers.
        Thread.objects.filter(pk=thread.pk).update(part_epoch=models.F("part_epoch") + 1)
