"""Rows of the checkpoint store: wire values in, table rows out, and back.

An array's value is kept as runs of part numbers, `(first, count)` pairs: an append-only channel
costs eight bytes a version for ever, an edit in the middle a few pairs more.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeAlias

from django.conf import settings

from agents.exceptions import RequestRefused
from agents.models import SHOWN, Blob, Checkpoint, Form, Part, PendingWrite, Run, Thread
from agents.services.part_numbers import PartNumbers, ThreadParts
from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.messages import (
    ChannelValue,
    Parts,
    Put,
    PutWrites,
    RefusalCode,
    Show,
    Value,
    Whole,
)
from reviewconsole.protocol.parts import HASH_BYTES, join, part_hash
from reviewconsole.protocol.plain import Plain

_RUN = struct.Struct(">II")

WriteKey: TypeAlias = tuple[int, str, str, str, int]


class Batch:
    """The rows of many puts and writes, folded so that each table is written once.

    Duplicates inside the batch are folded here, since `ON CONFLICT DO UPDATE` cannot touch a row
    twice: of checkpoints and special writes the last stays, of values and plain writes the first.
    """

    def __init__(self, numbers: PartNumbers) -> None:
        self._numbers = numbers
        self._parts: dict[int, ThreadParts] = {}
        self._checkpoints: dict[tuple[int, str, str], Checkpoint] = {}
        self._blobs: dict[tuple[int, str, str, str], Blob] = {}
        self._writes: dict[WriteKey, PendingWrite] = {}
        self._special: dict[WriteKey, PendingWrite] = {}

    def put(self, thread: Thread, run: Run | None, request: Put) -> None:
        """Add a checkpoint and its new channel values.

        Raises:
            RequestRefused: a hash names a part that neither the thread nor the request has, a name
                or id is too long, or the document or the metadata cannot be read. Nothing was
                added then.
        """
        _check_ids(request.checkpoint_id, request.parent_id or "")
        metadata = _read_metadata(request.metadata)
        channel_versions(request.document)  # what cannot be read back is not stored
        added = self._put_values(thread, request.ns, request.values)
        key = (thread.pk, request.ns, request.checkpoint_id)
        repeated = self._checkpoints.get(key)  # of which the values are there already
        self._checkpoints[key] = Checkpoint(
            thread=thread, ns=request.ns, checkpoint_id=request.checkpoint_id,
            parent_id=request.parent_id, document=request.document, metadata=metadata, run=run,
            stored_bytes=repeated.stored_bytes
            if repeated
            else len(request.document) + len(request.metadata) + added,
        )  # fmt: skip

    def show(self, thread: Thread, request: Show) -> None:
        """Add what people read of channels, beside what graphs read.

        Raises:
            RequestRefused: a hash names a part that neither the thread nor the request has, or a
                name or version is too long. Nothing was added then.
        """
        self._put_values(thread, request.ns, request.values, prefix=SHOWN)

    def _put_values(
        self, thread: Thread, ns: str, items: Sequence[ChannelValue], prefix: str = ""
    ) -> int:
        """Add the values of channels; returns how many bytes of them are new to the thread."""
        _check_ids(*(item.version for item in items))
        _check_kinds(item.value for item in items)
        _check_names(ns, *(prefix + item.channel for item in items))
        parts = self._parts_of(thread)
        known = len(parts.added)
        values = self._store(thread, [item.value for item in items])
        for item, (form, data) in zip(items, values, strict=True):
            channel = prefix + item.channel
            row = Blob(
                thread=thread, ns=ns, channel=channel, version=item.version,
                kind=item.value.kind, form=form, data=data,
            )  # fmt: skip
            self._blobs.setdefault((thread.pk, ns, channel, item.version), row)
        new_parts = parts.added[known:]
        return sum(len(data) for _, data in values) + sum(len(part.data) for part in new_parts)

    def put_writes(self, thread: Thread, request: PutWrites) -> None:
        """Add the pending writes of a task.

        Raises:
            RequestRefused: a hash names a part that neither the thread nor the request has, or a
                name or id is too long. Nothing was added then.
        """
        _check_ids(request.checkpoint_id, request.task_id)
        _check_kinds(write.value for write in request.writes)
        _check_names(request.ns, request.task_path, *(write.channel for write in request.writes))
        values = self._store(thread, [write.value for write in request.writes])
        for write, (form, data) in zip(request.writes, values, strict=True):
            key = (thread.pk, request.ns, request.checkpoint_id, request.task_id, write.index)
            row = PendingWrite(
                thread=thread, ns=request.ns, checkpoint_id=request.checkpoint_id,
                task_id=request.task_id, index=write.index, task_path=request.task_path,
                channel=write.channel, kind=write.value.kind, form=form, data=data,
            )  # fmt: skip
            if request.replace:
                self._special[key] = row
            else:
                self._writes.setdefault(key, row)

    def forget(self, thread: Thread) -> None:
        """Read the thread's parts again when they are next needed: some were removed."""
        self._parts.pop(thread.pk, None)

    def flush(self) -> None:
        """Write all rows: at most six statements, whatever the size of the batch."""
        added = [part for parts in self._parts.values() for part in parts.added]
        if added:
            Part.objects.bulk_create(added)
            grown = [parts for parts in self._parts.values() if parts.added]
            for parts in grown:
                parts.thread.part_next = parts.next
                parts.added = []
            Thread.objects.bulk_update([parts.thread for parts in grown], ["part_next"])
        if self._blobs:
            Blob.objects.bulk_create(self._blobs.values(), ignore_conflicts=True)
        if self._checkpoints:
            Checkpoint.objects.bulk_create(
                self._checkpoints.values(),
                update_conflicts=True,
                unique_fields=("thread", "ns", "checkpoint_id"),
                update_fields=("parent_id", "document", "metadata"),
            )
        if self._writes:
            PendingWrite.objects.bulk_create(self._writes.values(), ignore_conflicts=True)
        if self._special:
            PendingWrite.objects.bulk_create(
                self._special.values(),
                update_conflicts=True,
                unique_fields=("thread", "ns", "checkpoint_id", "task_id", "index"),
                update_fields=("task_path", "channel", "kind", "form", "data"),
            )
        for rows in (self._blobs, self._checkpoints, self._writes, self._special):
            rows.clear()

    def _store(self, thread: Thread, values: Sequence[Value]) -> list[tuple[Form, bytes]]:
        """Number the parts of one request's values: all of them, or none."""
        parts = self._parts_of(thread)
        split = [value for value in values if isinstance(value, Parts)]
        sent = {part_hash(part): part for value in split for part in value.new}
        for name in chain.from_iterable(map(_hashes, split)):
            if name not in parts.numbers and name not in sent:
                raise RequestRefused(
                    RefusalCode.MISSING_PARTS,
                    f"part {name.hex()} of thread {thread.thread_id} is unknown; send it again",
                )
        return [
            (Form.RUNS, pack_runs(parts.number(name, sent) for name in _hashes(value)))
            if isinstance(value, Parts)
            else (Form.WHOLE, value.data)
            for value in values
        ]

    def _parts_of(self, thread: Thread) -> ThreadParts:
        parts = self._parts.get(thread.pk)
        if parts is None:
            parts = self._parts[thread.pk] = self._numbers.of(thread)
        return parts


def _hashes(value: Parts) -> Iterator[bytes]:
    joined = value.hashes
    return (joined[i : i + HASH_BYTES] for i in range(0, len(joined), HASH_BYTES))


def _check_ids(*ids: str) -> None:
    _check_texts(ids, 64)


def _check_kinds(values: Iterable[Value]) -> None:
    _check_texts((value.kind for value in values), 32)


def _check_names(*names: str) -> None:
    _check_texts(names, 1000)  # a row of PostgreSQL's index has room for two and the ids


def _check_texts(texts: Iterable[str], at_most: int) -> None:
    for text in texts:
        if len(text.encode()) > at_most or "\0" in text:
            raise RequestRefused(
                RefusalCode.INVALID,
                f"{text[:40]!r} is no name or id here: at most {at_most} bytes, and no NUL",
            )


def _read_metadata(data: bytes) -> dict[Any, Plain]:
    try:
        metadata = tagged.loads(data.decode())
    except ValueError as error:
        raise RequestRefused(RefusalCode.INVALID, f"metadata is not JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise RequestRefused(RefusalCode.INVALID, "metadata is a JSON object, and this is none")
    return metadata


def channel_versions(document: bytes) -> dict[str, str]:
    """The version of each channel in a checkpoint's document, the one thing read in it.

    Raises:
        RequestRefused: `invalid` — the document is not msgpack, or not a checkpoint.
    """
    try:
        read = plain.decode("msgpack", document)
    except plain.UnreadableValue as error:
        raise RequestRefused(RefusalCode.INVALID, f"the checkpoint: {error}") from error
    match read:
        case {"channel_versions": dict(versions)}:
            return {str(channel): str(version) for channel, version in versions.items()}
    raise RequestRefused(RefusalCode.INVALID, "a checkpoint is a map with channel_versions")


def pack_runs(numbers: Iterable[int]) -> bytes:
    """Write part numbers as runs of consecutive ones."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return b"".join(_RUN.pack(first, count) for first, count in runs)


def unpack_runs(data: bytes) -> list[int]:
    """Read part numbers back; the inverse of `pack_runs`."""
    return [n for first, count in _RUN.iter_unpack(data) for n in range(first, first + count)]


def read_values(rows: Sequence[Blob | PendingWrite]) -> list[Whole]:
    """The stored values of these rows, whole and in order: one query for all their parts.

    Raises:
        RequestRefused: `too_large` — together they do not fit into a frame. A part may stand in an
            array any number of times, so a small request can store more than memory holds.
        KeyError: a row names a part that does not exist; the store is damaged.
    """
    wanted: dict[int, set[int]] = {}
    for row in rows:
        if row.form == Form.RUNS:
            wanted.setdefault(row.thread_id, set()).update(unpack_runs(bytes(row.data)))
    parts: dict[tuple[int, int], bytes] = {}
    for thread, numbers in wanted.items():
        if not numbers:
            continue  # empty arrays alone
        found = Part.objects.filter(thread=thread, seq__gte=min(numbers), seq__lte=max(numbers))
        for seq, data in found.values_list("seq", "data"):
            parts[thread, seq] = bytes(data)
    pieces = [_pieces(row, parts) for row in rows]
    check_size(sum(len(piece) for each in pieces for piece in each))
    return [
        Whole(row.kind, each[0] if row.form == Form.WHOLE else join(each))
        for row, each in zip(rows, pieces, strict=True)
    ]


def _pieces(row: Blob | PendingWrite, parts: dict[tuple[int, int], bytes]) -> list[bytes]:
    data = bytes(row.data)
    if row.form == Form.WHOLE:
        return [data]
    return [parts[row.thread_id, number] for number in unpack_runs(data)]


def check_size(size: int) -> None:
    """Make sure that so many bytes can be sent.

    Raises:
        RequestRefused: `too_large`.
    """
    limit = settings.RUNNER_MAX_FRAME_BYTES
    if size > limit:
        raise RequestRefused(
            RefusalCode.TOO_LARGE,
            f"the values of {size} bytes exceed RUNNER_MAX_FRAME_BYTES={limit}; raise it, or read "
            "fewer checkpoints at once",
        )
