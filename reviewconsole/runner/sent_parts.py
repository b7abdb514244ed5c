"""Which parts of stored arrays the console has from this connection, so that each travels once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TypeVar

from reviewconsole.protocol.messages import (
    ChannelValue,
    Parts,
    Put,
    PutWrites,
    Request,
    Show,
    Write,
)
from reviewconsole.protocol.parts import HASH_BYTES

THREADS = 256  # remembered at once; a hash costs about 100 bytes, a thread one a message

V = TypeVar("V", ChannelValue, Write)


class SentParts:
    """The parts sent on one connection, by thread.

    A memory that is too short costs bytes; one that is too long would name parts the console lacks
    and costs a refusal (`missing_parts`), after which the request goes again in full. So whoever
    is in doubt forgets.
    """

    def __init__(self) -> None:
        self._hashes: OrderedDict[str, set[bytes]] = OrderedDict()

    def thin(self, request: Request) -> tuple[Request, set[bytes]]:
        """Leave out what was sent before. Returns the request to send and the hashes new in it."""
        new: set[bytes] = set()
        match request:
            case Put(thread=thread, values=values) | Show(thread=thread, values=values):
                known = self._hashes.get(thread, set())
                thinned = tuple(_thin(item, known, new) for item in values)
                return replace(request, values=thinned) if new or known else request, new
            case PutWrites(thread=thread, writes=writes):
                known = self._hashes.get(thread, set())
                thin_writes = tuple(_thin(item, known, new) for item in writes)
                return replace(request, writes=thin_writes) if new or known else request, new
        return request, new

    def note(self, request: Request, new: set[bytes]) -> None:
        """Remember that the parts of these hashes are on their way."""
        if new and isinstance(request, Put | PutWrites | Show):
            self._hashes.setdefault(request.thread, set()).update(new)
            self._hashes.move_to_end(request.thread)
            if len(self._hashes) > THREADS:
                self._hashes.popitem(last=False)

    def forget(self, request: Request) -> None:
        """Doubt every part of the thread that `request` names."""
        thread = getattr(request, "thread", None)
        if thread is not None:
            self._hashes.pop(thread, None)


def _thin(item: V, known: set[bytes], new: set[bytes]) -> V:
    """The item without the parts in `known` and `new`; adds the hashes it brings to `new`.

    The value is as its maker wrote it: every part is there, in the order of the hashes.
    """
    value = item.value
    if not isinstance(value, Parts):
        return item
    needed = []
    for index, part in enumerate(value.new):
        name = value.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        if name not in known and name not in new:
            new.add(name)
            needed.append(part)
    return replace(item, value=replace(value, new=tuple(needed)))
