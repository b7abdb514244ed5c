"""Reading the checkpoint store: rows in, whole checkpoints out, as the wire tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from django.db import connection
from django.db.models import Q, QuerySet

from agents.models import SHOWN, Blob, Checkpoint, Form, PendingWrite, Thread
from agents.services.checkpoint_rows import (
    channel_versions,
    check_size,
    read_values,
)
from agents.services.engines import LockedThread, StoredHead, StoredValue, engine
from agents.services.part_runs import unpack_runs
from reviewconsole.protocol import tagged
from reviewconsole.protocol.messages import (
    ChannelValue,
    CheckpointRequest,
    Get,
    List,
    StoredCheckpoint,
    StoredWrite,
    Whole,
)
from reviewconsole.protocol.parts import join

_LIST_AT_MOST = 200  # checkpoints in one reply; the runner asks for the next ones
_ABSENT = object()


def found(thread: LockedThread, request: Get) -> StoredCheckpoint | None:
    """What is asked for, step by step: see `one`."""
    return one(thread, request.ns, request.checkpoint_id)


def one(
    thread: Thread | LockedThread, ns: str, checkpoint_id: str | None = None
) -> StoredCheckpoint | None:
    """The named checkpoint of a namespace, else its newest; None if there is none.

    Round trips on PostgreSQL: 3; queries elsewhere: 4.

    Raises:
        RequestRefused: `too_large` — it does not fit into a frame.
    """
    database = engine()
    head, writes = database.checkpoint(thread.pk, ns, checkpoint_id)
    if head is None:
        return None
    versions = channel_versions(bytes(head.document))
    found, parts = database.values(thread.pk, ns, stored_versions(versions), writes)
    whole = _whole([*found, *writes], parts)
    return assembled(thread.thread_id, ns, head, versions, found, writes, whole)


def stored_versions(versions: Mapping[str, str]) -> dict[str, str]:
    """Those channels of a document's that may have a value of their own for graphs to read."""
    return {name: version for name, version in versions.items() if not name.startswith(SHOWN)}


def assembled(
    thread: str,
    ns: str,
    head: StoredHead,
    versions: Mapping[str, str],
    found: Sequence[StoredValue],
    writes: Sequence[StoredValue],
    whole: Sequence[Whole],
) -> StoredCheckpoint:
    """A checkpoint of its rows; `whole` are the values of channels that were found, then writes."""
    values = {item.name[0]: value for item, value in zip(found, whole, strict=False)}
    return StoredCheckpoint(
        thread=thread,
        ns=ns,
        checkpoint_id=head.checkpoint_id,
        parent_id=head.parent_id,
        document=bytes(head.document),
        metadata=head.metadata.encode(),
        values=tuple(
            ChannelValue(channel, version, values[channel])
            for channel, version in versions.items()
            if channel in values
        ),
        writes=tuple(
            StoredWrite(*item.name, value)
            for item, value in zip(writes, whole[len(found) :], strict=True)
        ),
    )


def all_gets(requests: Sequence[CheckpointRequest]) -> Sequence[Get]:
    """The requests, if all of them only read one checkpoint each; else none.

    Nor inside another transaction: what that has read already is of another moment.
    """
    gets = [request for request in requests if isinstance(request, Get)]
    return gets if len(gets) == len(requests) and not connection.in_atomic_block else ()


def _whole(items: Sequence[StoredValue], parts: Mapping[int, bytes]) -> list[Whole]:
    """The values with their parts put together, in order."""
    pieces = [
        [parts[number] for number in unpack_runs(item.data)]
        if item.form == Form.RUNS
        else [item.data]
        for item in items
    ]
    check_size(sum(sum(map(len, each)) for each in pieces))
    return [
        Whole(item.kind, bytes(each[0]) if item.form == Form.WHOLE else join(each))
        for item, each in zip(items, pieces, strict=True)
    ]


def listed(rows: QuerySet[Checkpoint], request: List) -> tuple[StoredCheckpoint, ...]:
    """Those of `rows` that the request asks for, newest first, at most 200. Queries: 4."""
    if request.ns is not None:
        rows = rows.filter(ns=request.ns)
    if request.checkpoint_id is not None:
        rows = rows.filter(checkpoint_id=request.checkpoint_id)
    if request.before is not None:
        rows = rows.filter(checkpoint_id__lt=request.before)
    limit = _LIST_AT_MOST if request.limit is None else min(request.limit, _LIST_AT_MOST)
    if limit <= 0:
        return ()
    found = _newest_first(rows)
    if not request.metadata:
        return _read(found[:limit])
    # Metadata is text here and its keys are the caller's: compared in Python, never in SQL.
    wanted = request.metadata.items()
    matching = (
        row
        for row in found.iterator(chunk_size=_LIST_AT_MOST)
        if all(row.metadata.get(key, _ABSENT) == value for key, value in wanted)
    )
    return _read(islice(matching, limit))


def _newest_first(rows: QuerySet[Checkpoint]) -> QuerySet[Checkpoint]:
    # The thread is named in each reply; its snapshot is large and not asked for.
    return rows.select_related("thread").defer("thread__snapshot").order_by("-checkpoint_id")


def _read(rows: Iterable[Checkpoint]) -> tuple[StoredCheckpoint, ...]:
    """Read checkpoints whole: three queries for their values, writes and parts.

    One more for each thread after the first.

    Raises:
        RequestRefused: `too_large` — they do not fit into a frame.
    """
    checkpoints = list(rows)
    if not checkpoints:
        return ()
    versions = [channel_versions(bytes(row.document)) for row in checkpoints]
    blobs = _blobs(checkpoints, versions)
    writes = _writes(checkpoints)
    values = read_values([*blobs.values(), *writes])
    blob_values = dict(zip(blobs, values, strict=False))
    write_values = values[len(blobs) :]
    by_checkpoint: dict[tuple[int, str, str], list[StoredWrite]] = {}
    for write, value in zip(writes, write_values, strict=True):
        place = (write.thread_id, write.ns, write.checkpoint_id)
        stored = StoredWrite(write.task_id, write.channel, value)
        by_checkpoint.setdefault(place, []).append(stored)
    found = tuple(
        StoredCheckpoint(
            thread=row.thread.thread_id,
            ns=row.ns,
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            document=bytes(row.document),
            metadata=tagged.dumps(row.metadata).encode(),
            values=tuple(
                ChannelValue(channel, version, blob_values[key])
                for channel, version in seen.items()
                if (key := (row.thread_id, row.ns, channel, version)) in blob_values
            ),
            writes=tuple(by_checkpoint.get((row.thread_id, row.ns, row.checkpoint_id), ())),
        )
        for row, seen in zip(checkpoints, versions, strict=True)
    )
    check_size(sum(map(size, found)))  # a value is sent with every checkpoint that has it
    return found


def size(stored: StoredCheckpoint) -> int:
    """How many bytes of a reply are its document and values."""
    items: tuple[ChannelValue | StoredWrite, ...] = (*stored.values, *stored.writes)
    values = (item.value for item in items)
    return len(stored.document) + sum(len(each.data) for each in values if isinstance(each, Whole))


def _blobs(
    checkpoints: Sequence[Checkpoint], versions: Sequence[dict[str, str]]
) -> dict[tuple[int, str, str, str], Blob]:
    wanted = {
        (row.thread_id, row.ns, channel, version)
        for row, seen in zip(checkpoints, versions, strict=True)
        for channel, version in seen.items()
    }
    found = Blob.objects.filter(
        thread__in={key[0] for key in wanted},
        ns__in={key[1] for key in wanted},
        version__in={key[3] for key in wanted},
    ).exclude(channel__startswith=SHOWN)
    keyed = ((row.thread_id, row.ns, row.channel, row.version) for row in found)
    return {key: row for key, row in zip(keyed, found, strict=True) if key in wanted}


def _writes(checkpoints: Sequence[Checkpoint]) -> list[PendingWrite]:
    named = Q(
        thread__in={row.thread_id for row in checkpoints},
        checkpoint_id__in={row.checkpoint_id for row in checkpoints},
    )
    order = ("task_path", "task_id", "index")
    return list(PendingWrite.objects.filter(named).order_by(*order))
