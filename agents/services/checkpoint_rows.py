"""Rows of the checkpoint store: wire values in, table rows out, and back.

An array's value is kept as runs of part numbers, `(first, count)` pairs: an append-only channel
costs eight bytes a version for ever, an edit in the middle a few pairs more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from agents.exceptions import RequestRefused
from agents.models import SHOWN, Blob, Form, Part, PendingWrite
from agents.pipelines import Ending
from agents.services.engines import LockedThread, engine, is_dense
from agents.services.part_numbers import PartNumbers, ThreadParts
from agents.services.part_runs import pack_runs, unpack_runs
from agents.services.remembered_heads import RememberedHeads
from agents.services.stored_tables import BLOB, CHECKPOINT, PART, SPECIAL_WRITE, WRITE, Row
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

RUNS, WHOLE = Form.RUNS.value, Form.WHOLE.value
ID_BYTES, KIND_BYTES = 64, 32  # what their columns hold
RUN = "run_id"  # of LangGraph's metadata: what the agent's program calls a run
NAME_BYTES = 1000  # a row of PostgreSQL's index has room for two and the ids

_NUMBERS_AT_ONCE = 10_000  # SQLite takes 32,766 parameters

WriteKey: TypeAlias = tuple[int, str, str, str, int]


class Batch:
    """The rows of many puts and writes, folded so that each table is written once.

    Duplicates inside the batch are folded here, since `ON CONFLICT DO UPDATE` cannot touch a row
    twice: of checkpoints and special writes the last stays, of values and plain writes the first.
    """

    def __init__(self, numbers: PartNumbers, heads: RememberedHeads | None = None) -> None:
        self._numbers = numbers
        self._heads = heads
        self._now = connection.ops.adapt_datetimefield_value(timezone.now())
        self._parts: dict[int, ThreadParts] = {}
        self._checkpoints: dict[tuple[int, str, str], Row] = {}
        self._blobs: dict[tuple[int, str, str, str], Row] = {}
        self._writes: dict[WriteKey, Row] = {}
        self._special: dict[WriteKey, Row] = {}

    def put(self, thread: LockedThread, run: int | None, request: Put) -> None:
        """Add a checkpoint and its new channel values.

        Raises:
            RequestRefused: a hash names a part that neither the thread nor the request has, a name
                or id is too long, or the document or the metadata cannot be read. Nothing was
                added then.
        """
        _check_texts((request.checkpoint_id, request.parent_id or ""), ID_BYTES)
        metadata = _read_metadata(request.metadata)
        versions = channel_versions(request.document)  # what cannot be read back is not stored
        added = self._put_values(thread, request.ns, request.values)
        key = (thread.pk, request.ns, request.checkpoint_id)
        size = len(request.document) + len(request.metadata) + added
        if (repeated := self._checkpoints.get(key)) is not None:
            size = repeated[-1]  # the values are there already
        self._checkpoints[key] = (
            *key, request.parent_id, request.document, metadata, run, self._now, size,
        )  # fmt: skip
        if self._heads is not None:
            self._heads.put(thread, *key[1:], versions, self._arrays(thread, request), size)

    def _arrays(self, thread: LockedThread, request: Put) -> dict[str, tuple[str, bytes]]:
        """The arrays among the values that were added: channel → version, runs."""
        return {
            item.channel: (
                item.version,
                self._blobs[thread.pk, request.ns, item.channel, item.version][-1],
            )
            for item in request.values
            if isinstance(item.value, Parts)
        }

    def show(self, thread: LockedThread, request: Show) -> None:
        """Add what people read of channels, beside what graphs read.

        Raises:
            RequestRefused: a hash names a part that neither the thread nor the request has, or a
                name or version is too long. Nothing was added then.
        """
        self._put_values(thread, request.ns, request.values, prefix=SHOWN)

    def _put_values(
        self, thread: LockedThread, ns: str, items: Sequence[ChannelValue], prefix: str = ""
    ) -> int:
        """Add the values of channels; returns how many bytes of them are new to the thread."""
        _check_texts((item.version for item in items), ID_BYTES)
        _check_texts((item.value.kind for item in items), KIND_BYTES)
        _check_texts((ns, *(prefix + item.channel for item in items)), NAME_BYTES)
        parts = self._parts_of(thread)
        known = parts.added_bytes
        values = self._store(thread, [item.value for item in items])
        for item, (form, data) in zip(items, values, strict=True):
            key = (thread.pk, ns, prefix + item.channel, item.version)
            self._blobs.setdefault(key, (*key, item.value.kind, form, data))
        return sum(len(data) for _, data in values) + parts.added_bytes - known

    def put_writes(self, thread: LockedThread, request: PutWrites) -> None:
        """Add the pending writes of a task.

        Raises:
            RequestRefused: a hash names a part that neither the thread nor the request has, or a
                name or id is too long. Nothing was added then.
        """
        _check_texts((request.checkpoint_id, request.task_id), ID_BYTES)
        _check_texts((write.value.kind for write in request.writes), KIND_BYTES)
        names = (write.channel for write in request.writes)
        _check_texts((request.ns, request.task_path, *names), NAME_BYTES)
        values = self._store(thread, [write.value for write in request.writes])
        for write, (form, data) in zip(request.writes, values, strict=True):
            key = (thread.pk, request.ns, request.checkpoint_id, request.task_id, write.index)
            row = (*key, request.task_path, write.channel, write.value.kind, form, data)
            if request.replace:
                self._special[key] = row
            else:
                self._writes.setdefault(key, row)
        if self._heads is not None:
            arrays = [data for form, data in values if form == RUNS]
            self._heads.put_writes(thread, request.ns, request.checkpoint_id, arrays)

    def forget(self, thread: LockedThread) -> None:
        """Read the thread's parts again when they are next needed: some were removed."""
        self._parts.pop(thread.pk, None)

    def flush(self, ending: Ending | None = None) -> None:
        """Write all rows: one round trip, or with the `ending`, whatever the size of the batch."""
        grown = [parts for parts in self._parts.values() if parts.added]
        rows = (
            (PART, [part for parts in grown for part in parts.added]),
            (BLOB, list(self._blobs.values())),
            (CHECKPOINT, list(self._checkpoints.values())),
            (WRITE, list(self._writes.values())),
            (SPECIAL_WRITE, list(self._special.values())),  # they replace what stands before them
        )
        engine().write(rows, {parts.thread: parts.next for parts in grown}, ending)
        for parts in grown:
            parts.added = []
        for written in (self._blobs, self._checkpoints, self._writes, self._special):
            written.clear()

    def next_part(self, thread: LockedThread) -> int:
        """The number of the thread's next part, with those that are written here."""
        parts = self._parts.get(thread.pk)
        return thread.part_next if parts is None else parts.next

    def _store(self, thread: LockedThread, values: Sequence[Value]) -> list[tuple[int, bytes]]:
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
            (RUNS, pack_runs(parts.number(name, sent) for name in _hashes(value)))
            if isinstance(value, Parts)
            else (WHOLE, value.data)
            for value in values
        ]

    def _parts_of(self, thread: LockedThread) -> ThreadParts:
        parts = self._parts.get(thread.pk)
        if parts is None:
            parts = self._parts[thread.pk] = self._numbers.of(thread)
        return parts


def _hashes(value: Parts) -> Iterator[bytes]:
    joined = value.hashes
    return (joined[i : i + HASH_BYTES] for i in range(0, len(joined), HASH_BYTES))


def _check_texts(texts: Iterable[str], at_most: int) -> None:
    for text in texts:
        if len(text.encode()) > at_most or "\0" in text:
            raise RequestRefused(
                RefusalCode.INVALID,
                f"{text[:40]!r} is no name or id here: at most {at_most} bytes, and no NUL",
            )


def _read_metadata(data: bytes) -> str:
    """The text of the metadata, as it is kept, once it can be read back.

    It is searched for its run, so other writers' JSON is written anew.
    """
    try:
        text = data.decode()
        metadata = tagged.loads(text)
    except ValueError as error:
        raise RequestRefused(RefusalCode.INVALID, f"metadata is not JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise RequestRefused(RefusalCode.INVALID, "metadata is a JSON object, and this is none")
    run = metadata.get(RUN)
    if isinstance(run, str) and run_in_metadata(run) not in text:
        return tagged.dumps(metadata)
    return text


def run_in_metadata(run: str) -> str:
    """What the kept text of a checkpoint's metadata contains if this run stored it."""
    return tagged.dumps({RUN: run})[1:-1]


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
        for named in _named(numbers):
            found = Part.objects.filter(named, thread=thread)
            for seq, data in found.values_list("seq", "data"):
                parts[thread, seq] = bytes(data)
    pieces = [_pieces(row, parts) for row in rows]
    check_size(sum(sum(map(len, each)) for each in pieces))
    return [
        Whole(row.kind, each[0] if row.form == Form.WHOLE else join(each))
        for row, each in zip(rows, pieces, strict=True)
    ]


def _named(numbers: set[int]) -> Iterator[Q]:
    """What selects parts with these numbers: one query for all, or for each few thousand."""
    if is_dense(numbers):
        yield Q(seq__gte=min(numbers), seq__lte=max(numbers))
        return
    scattered = sorted(numbers)
    for first in range(0, len(scattered), _NUMBERS_AT_ONCE):
        yield Q(seq__in=scattered[first : first + _NUMBERS_AT_ONCE])


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
