"""What checkpoints refer to: the values they name, the parts of these, and other checkpoints."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from django.db.models import QuerySet

from agents.models import SHOWN, Blob, Checkpoint, Form, PendingWrite
from agents.services.checkpoint_rows import channel_versions
from agents.services.part_runs import unpack_runs
from reviewconsole.protocol import marks
from reviewconsole.protocol.plain import Plain

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

ValueKey: TypeAlias = tuple[str, str, str]
"""Namespace, channel and version of a `Blob`."""

Ways: TypeAlias = Mapping[str, tuple[str | None, Plain]]
"""The parent and the metadata of each checkpoint of a thread's root."""

ROWS_AT_ONCE = 500  # in memory, or named in one statement


def named_by(rows: QuerySet[Checkpoint]) -> set[ValueKey]:
    """The values that the documents of these checkpoints name, and what is shown of them.

    Not every one is stored: a delta channel has none. Queries: 1.
    """
    found: set[ValueKey] = set()
    documents = rows.order_by().values_list("ns", "document")
    for ns, document in documents.iterator(chunk_size=ROWS_AT_ONCE):
        for channel, version in channel_versions(bytes(document)).items():
            found.add((ns, channel, version))
            found.add((ns, SHOWN + channel, version))
    return found


def parts_in(rows: QuerySet[Blob] | QuerySet[PendingWrite]) -> set[int]:
    """The numbers of the parts that these values are made of. Queries: 1."""
    found: set[int] = set()
    packed = rows.filter(form=Form.RUNS).order_by().values_list("data", flat=True)
    for data in packed.iterator(chunk_size=ROWS_AT_ONCE):
        found.update(unpack_runs(bytes(data)))
    return found


def root_of(metadata: Plain) -> str | None:
    """The root's checkpoint from which the step began that a graph inside ran in."""
    match metadata:
        case {"parents": {"": str(checkpoint_id)}}:
            return checkpoint_id
    return None


def origin_of(metadata: Plain) -> str | None:
    """The older checkpoint that a replay or fork made this one of."""
    match metadata:
        case {marks.FROM: str(checkpoint_id)}:
            return checkpoint_id
    return None


def telling(ways: Ways, checkpoints: Iterable[str]) -> set[str]:
    """The checkpoints that tell which nodes led to these, as far as there are such.

    A runner reads them to know which breakpoint a thread stands at: the parent tells what ran in a
    step; of what people made (copies, changes) what it was made of and beside, up to a step.
    """
    found: set[str] = set()
    walked: set[str] = set()
    due = list(checkpoints)
    while due:
        if (each := due.pop()) in walked:
            continue
        walked.add(each)
        parent, metadata = ways[each]
        near = {name for name in (parent, origin_of(metadata)) if name is not None} & ways.keys()
        found |= near
        if not _is_step(metadata):
            due += near
    return found


def _is_step(metadata: Plain) -> bool:
    match metadata:
        case {"source": "loop", **others}:
            return not any(str(key).startswith(marks.PREFIX) for key in others)
    return False


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """The items, as many at once as a statement may name."""
    rows: Sequence[T] = list(items)
    for first in range(0, len(rows), ROWS_AT_ONCE):
        yield list(rows[first : first + ROWS_AT_ONCE])


def grouped(pairs: Iterable[tuple[K, T]]) -> Iterator[tuple[K, list[T]]]:
    """The second items by the first, as many at once as a statement may name."""
    groups: dict[K, list[T]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    for key, items in groups.items():
        for batch in in_batches(items):
            yield key, batch
