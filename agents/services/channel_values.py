"""The channel values of checkpoints as people read them: what cannot be read says so by channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.db.models import QuerySet

from agents.exceptions import RequestRefused
from agents.history.documents import Document, is_internal
from agents.models import SHOWN, Blob, PendingWrite, Thread
from agents.prepared import Each, Given, Prepared
from agents.services.checkpoint_rows import read_values
from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Plain, Typed, UnreadableValue

_DELTA_SNAPSHOT = 7  # the msgpack extension by which a delta channel's value is stored whole

Key: TypeAlias = tuple[str, str, str]
"""The namespace, channel and version of a stored value."""

Read: TypeAlias = "Plain | UnreadableValue"
"""A value, or why it cannot be read."""


@dataclass(frozen=True, slots=True)
class ChannelValues:
    """The values of a checkpoint's channels, those that LangGraph keeps for itself apart."""

    values: Mapping[str, Plain]
    internal: Mapping[str, Plain]
    unreadable: Mapping[str, str]  # why, by channel
    unshown: tuple[str, ...]  # rebuilt by the agent itself, and nothing was kept here


def keys(ns: str, document: Document) -> set[Key]:
    """The values of a checkpoint, with what people read of channels that have none."""
    return {
        (ns, channel, version)
        for name, version in document.versions.items()
        for channel in (name, SHOWN + name)
    }


def stored(thread: Thread, wanted: Collection[Key]) -> dict[Key, Blob]:
    """The rows of these values, as far as there are any. One query, none for no keys."""
    if not wanted:
        return {}
    namespaces, channels, versions = (set(names) for names in zip(*wanted, strict=True))
    found = _NAMED(thread=thread.pk, namespaces=namespaces, channels=channels, versions=versions)
    keyed = {(blob.ns, blob.channel, blob.version): blob for blob in found}
    return {key: blob for key, blob in keyed.items() if key in wanted}


def _named() -> QuerySet[Blob]:
    return Blob.objects.filter(
        thread=Given("thread", int),
        ns__any=Each("namespaces", str),
        channel__any=Each("channels", str),
        version__any=Each("versions", str),
    )


_NAMED = Prepared(_named)


def decoded(rows: Sequence[Blob | PendingWrite]) -> list[Read]:
    """Read stored values, each by itself. At most one query.

    Where they are too large together, that is the reason of each.
    """
    try:
        whole = read_values(rows)
    except RequestRefused as error:
        return [UnreadableValue(str(error)) for _ in rows]
    except KeyError:
        return [UnreadableValue("the store has lost a part of it") for _ in rows]
    return [decode(value.kind, value.data) for value in whole]


def put_together(
    document: Document, read: Mapping[Key, Read], rebuilt: Iterable[str] = ()
) -> ChannelValues:
    """Put together what the document and the store hold of a checkpoint.

    `rebuilt` are the channels that the agent rebuilds from writes (delta channels).
    """
    values: dict[str, Plain] = dict(document.inline)
    unreadable: dict[str, str] = {}
    for key in sorted(read, key=_shown_last):
        name, value = key[1].removeprefix(SHOWN), read[key]
        if isinstance(value, UnreadableValue):
            unreadable[name] = str(value)
        else:
            unreadable.pop(name, None)
            values[name] = _whole(value)
    known = values.keys() | unreadable.keys()
    return ChannelValues(
        values={name: value for name, value in values.items() if not is_internal(name)},
        internal={name: value for name, value in values.items() if is_internal(name)},
        unreadable=unreadable,
        unshown=tuple(name for name in rebuilt if name in document.versions.keys() - known),
    )


def _shown_last(key: Key) -> bool:
    return key[1].startswith(SHOWN)


def decode(kind: str, data: bytes) -> Read:
    """Read one value."""
    try:
        return plain.decode(kind, data)
    except UnreadableValue as error:
        return error


def if_readable(value: Read) -> Plain:
    """The value, or None where it cannot be read."""
    return None if isinstance(value, UnreadableValue) else value


def _whole(value: Plain) -> Plain:
    """The value itself, where a delta channel keeps it whole."""
    if isinstance(value, Typed) and value.code == _DELTA_SNAPSHOT:
        payload: Plain = value.payload
        return payload
    return value
