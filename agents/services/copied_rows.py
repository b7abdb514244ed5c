"""The rows of a thread's history, copied: all of them, or the way to one checkpoint.

They are copied inside the database. The numbers of parts are a thread's own, so nothing of a row
changes but the thread. A checkpoint keeps its moment and the run that made it, which stays a run of
the source: it tells with what context the copy can go on.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import QuerySet, Value

from agents.models import Blob, Checkpoint, Part, PendingWrite, Thread
from agents.services.value_references import (
    grouped,
    in_batches,
    named_by,
    origin_of,
    parts_in,
    root_of,
)


def copy_rows(*, source: Thread, target: Thread, checkpoint_id: str | None = None) -> None:
    """Copy a thread's store into a thread that has none, inside the caller's transaction.

    With a checkpoint of the root: it, its ancestors, what replays and forks among these were made
    of, which tells where breakpoints are, and the graphs that ran inside of their steps, with all
    their writes, which rebuild delta channels. Of the ends of these ways, such as the checkpoint
    itself, no writes, so that what waits there is asked anew. The caller holds the lock of the
    source. Queries: 5 for a whole thread, else about one for 500 rows or a namespace.
    """
    if checkpoint_id is None:
        for model in (Checkpoint, Blob, Part, PendingWrite):
            _insert(model.objects.filter(thread=source), target)
    else:
        _copy_way(source, target, checkpoint_id)
    numbering = Thread.objects.filter(pk=source.pk).values("part_next", "part_epoch").get()
    Thread.objects.filter(pk=target.pk).update(**numbering)


def _copy_way(source: Thread, target: Thread, checkpoint_id: str) -> None:
    ways, ends = _ways(source, checkpoint_id)
    before = [("", each) for each in ways] + _inside(source, ways)
    for ns, ids in grouped([*(("", each) for each in ends), *before]):
        _insert(Checkpoint.objects.filter(thread=source, ns=ns, checkpoint_id__in=ids), target)
    for ns, ids in grouped(before):
        _insert(PendingWrite.objects.filter(thread=source, ns=ns, checkpoint_id__in=ids), target)
    keys = named_by(Checkpoint.objects.filter(thread=target))
    for (ns, channel), versions in grouped(((key[0], key[1]), key[2]) for key in keys):
        values = Blob.objects.filter(thread=source, ns=ns, channel=channel, version__in=versions)
        _insert(values, target)
    numbers = parts_in(Blob.objects.filter(thread=target))
    numbers |= parts_in(PendingWrite.objects.filter(thread=target))
    for batch in in_batches(sorted(numbers)):
        _insert(Part.objects.filter(thread=source, seq__in=batch), target)


def _ways(thread: Thread, checkpoint_id: str) -> tuple[set[str], set[str]]:
    """What the checkpoint came of, by parents and by what copies and changes were made of; ends."""
    rows = Checkpoint.objects.filter(thread=thread, ns="")
    columns = rows.values_list("checkpoint_id", "parent_id", "metadata")
    known = {each: (parent, origin_of(metadata)) for each, parent, metadata in columns}
    found: set[str] = set()
    due = {checkpoint_id}
    while due:
        each = due.pop()
        found.add(each)
        due |= {near for near in known[each] if near in known and near not in found}
    parents = {parent for each in found if (parent := known[each][0]) in known}
    return parents - {checkpoint_id}, {checkpoint_id} | (found - parents)


def _inside(thread: Thread, roots: set[str]) -> list[tuple[str, str]]:
    """The checkpoints of graphs that ran inside a step from one of these checkpoints."""
    rows = Checkpoint.objects.filter(thread=thread).exclude(ns="")
    return [
        (ns, checkpoint_id)
        for ns, checkpoint_id, metadata in rows.values_list("ns", "checkpoint_id", "metadata")
        if root_of(metadata) in roots
    ]


def _insert(rows: QuerySet[Any], target: Thread) -> None:
    """Insert these rows once more, as the target's, by one `INSERT … SELECT`."""
    fields = [field for field in rows.model._meta.concrete_fields if field.name != "thread"]
    names = [field.attname for field in fields]
    selected = rows.order_by().annotate(to=Value(target.pk)).values_list("to", *names)
    sql, params = selected.query.sql_with_params()
    quote = connection.ops.quote_name
    columns = ", ".join(quote(name) for name in ("thread_id", *(f.column for f in fields)))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(rows.model._meta.db_table)} ({columns}) {sql}", params)
