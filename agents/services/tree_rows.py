"""Rows of the tree: checkpoints told briefly, many at once. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from agents.history import documents, steps, tasks
from agents.history.documents import is_internal
from agents.history.levels import Levels
from agents.history.steps import Standing
from agents.history.tasks import Trace
from agents.history.tree import Lane
from agents.models import Checkpoint, Interrupt, PendingWrite, Run, Thread
from agents.services import channel_values
from agents.services.channel_values import Key, Read
from agents.services.value_references import origin_of
from reviewconsole.protocol.plain import Plain, UnreadableValue

Place: TypeAlias = tuple[str, str]
"""The namespace and id of a checkpoint."""


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint of the tree."""

    checkpoint_id: str
    parent_id: str | None
    ns: str
    step: int | None
    source: str  # input, loop, update or fork; "": unknown
    nodes: tuple[str, ...]  # that ran to make it
    next: tuple[str, ...]  # of the step that follows
    created_at: datetime
    duration: timedelta | None  # since its parent was stored or, if later, its run was taken
    stored_bytes: int | None  # that storing it added; None: not measured
    run: Run | None  # with created_by
    from_checkpoint_id: str  # where its replay or fork began, if it was the first of one
    pruned_parent: bool  # it had a parent, which is no longer kept
    interrupts: tuple[Interrupt, ...] = ()  # with their decisions, and who decided
    inside: tuple[Row, ...] = ()  # of graphs inside, in the step that follows; newest first
    inside_left_out: int = 0  # older ones of them
    lane: Lane | None = None  # None: it is not drawn
    is_head: bool = False
    is_tip: bool = False  # nothing follows it

    @property
    def waits(self) -> bool:
        """Whether a person is asked here."""
        return any(each.status == Interrupt.Status.PENDING for each in self.interrupts)


def read(thread: Thread, places: Collection[Place], levels: Levels) -> dict[Place, Row]:
    """The rows of these checkpoints, with neither what is inside nor a place in the tree.

    Queries: at most 7, whatever their number.
    """
    rows = {(row.ns, row.checkpoint_id): row for row in _at(thread, places)}
    parents = {place: _parent(row) for place, row in rows.items()}
    others = {place for place in parents.values() if place is not None and place not in rows}
    kept = rows | {(row.ns, row.checkpoint_id): row for row in _at(thread, others)}
    standings = _standings(thread, kept)
    runs = _runs({row.run_id for row in kept.values() if row.run_id is not None})
    asked = _interrupts(thread, {checkpoint for ns, checkpoint in rows if not ns})
    found = {}
    for place, row in rows.items():
        before = parents[place]
        parent = kept.get(before) if before else None
        run = runs.get(row.run_id) if row.run_id else None
        here = standings[place]
        found[place] = Row(
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            ns=row.ns,
            step=steps.step(row.metadata),
            source=steps.source(row.metadata),
            nodes=steps.ran(
                row.metadata, here.document, standings[before] if before and parent else None
            ),
            next=steps.following(here, levels.triggers(row.ns), _reported(row, run)),
            created_at=row.created_at,
            duration=_duration(row, parent, run),
            stored_bytes=row.stored_bytes,
            run=run,
            from_checkpoint_id=_origin(row, parent, run),
            pruned_parent=row.parent_id is not None and parent is None,
            interrupts=tuple(asked.get(row.checkpoint_id, ())) if not row.ns else (),
        )
    return found


def _at(thread: Thread, places: Collection[Place]) -> Iterable[Checkpoint]:
    if not places:
        return ()
    namespaces, checkpoints = (set(names) for names in zip(*places, strict=True))
    found = Checkpoint.objects.filter(
        thread=thread, ns__in=namespaces, checkpoint_id__in=checkpoints
    )
    return [row for row in found if (row.ns, row.checkpoint_id) in places]


def _parent(row: Checkpoint) -> Place | None:
    return None if row.parent_id is None else (row.ns, row.parent_id)


def _standings(thread: Thread, rows: Mapping[Place, Checkpoint]) -> dict[Place, Standing]:
    """What the steps of these checkpoints need. Queries: 3."""
    read = {place: documents.read(bytes(row.document)) for place, row in rows.items()}
    keys = {
        place: {
            (place[0], channel, version)
            for channel, version in document.versions.items()
            if is_internal(channel) and channel != "__start__"  # an input may be large
        }
        for place, document in read.items()
    }
    blobs = channel_values.stored(thread, set().union(*keys.values()))
    values = dict(zip(blobs, channel_values.decoded([*blobs.values()]), strict=True))
    traces = _traces(thread, rows)
    return {
        place: Standing(
            read[place],
            _internal(rows[place], keys[place], values),
            traces.get(place, ()),
        )
        for place in rows
    }


def _internal(row: Checkpoint, keys: Iterable[Key], values: Mapping[Key, Read]) -> dict[str, Plain]:
    found: dict[str, Plain] = {}
    for key in keys:
        value = values.get(key)
        if key in values and not isinstance(value, UnreadableValue):
            found[key[1]] = value
    if steps.source(row.metadata) == "input":
        found["__start__"] = None  # it is there at no other checkpoint
    return found


def _traces(thread: Thread, places: Collection[Place]) -> dict[Place, tuple[Trace, ...]]:
    found = PendingWrite.objects.filter(
        thread=thread, checkpoint_id__in={checkpoint for _, checkpoint in places}
    ).order_by("task_path", "task_id", "index")
    writes: dict[Place, list[tuple[str, str, str]]] = {}
    named = ("ns", "checkpoint_id", "task_id", "task_path", "channel")
    for ns, checkpoint, *write in found.values_list(*named):
        task_id, path, channel = write
        writes.setdefault((ns, checkpoint), []).append((task_id, path, channel))
    return {place: tasks.traces(wrote) for place, wrote in writes.items()}


def _runs(wanted: Collection[int]) -> dict[int, Run]:
    large = ("input", "context", "update", "traceback")
    return Run.objects.select_related("created_by").defer(*large).in_bulk(wanted)


def _interrupts(thread: Thread, checkpoints: Collection[str]) -> dict[str, list[Interrupt]]:
    rows = Interrupt.objects.filter(thread=thread, checkpoint_id__in=checkpoints)
    found: dict[str, list[Interrupt]] = {}
    for row in rows.select_related("decision__decided_by").order_by("pk"):
        found.setdefault(row.checkpoint_id, []).append(row)
    return found


def _reported(row: Checkpoint, run: Run | None) -> list[str]:
    """The nodes that the runner has said to wait here."""
    is_pause = run and run.status == Run.Status.INTERRUPTED and not row.ns
    return run.next if run and is_pause and run.checkpoint_id == row.checkpoint_id else []


def _duration(row: Checkpoint, parent: Checkpoint | None, run: Run | None) -> timedelta | None:
    begun = [parent.created_at] if parent else []
    if run and run.started_at:
        begun.append(run.started_at)
    return max(row.created_at - max(begun), timedelta()) if begun else None


def _origin(row: Checkpoint, parent: Checkpoint | None, run: Run | None) -> str:
    if marked := origin_of(row.metadata):
        return marked
    is_first = run is not None and (parent is None or parent.run_id != run.pk)
    return run.from_checkpoint_id if run and is_first else ""
