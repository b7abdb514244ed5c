"""The numbers of a thread's parts, remembered between transactions.

Stale numbers would be silent corruption: another process may have numbered parts, or deleted some.
So a remembered map is used only under the lock of the thread's row and only while the row's
`part_next` and `part_epoch` are those it was made for; a failed transaction forgets all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.models import Part
from agents.services.engines import LockedThread
from agents.services.stored_tables import Row

REMEMBERED_PARTS = 1_000_000  # about 120 bytes each
_THREAD = 10  # parts that a thread counts for, beside its own


@dataclass(slots=True)
class ThreadParts:
    """What one thread has: hash → number, and the rows of parts that this transaction adds."""

    thread: int
    next: int
    epoch: int
    numbers: dict[bytes, int]
    added: list[Row] = field(default_factory=list)
    added_bytes: int = 0  # so far, whether they are written yet or not

    def number(self, name: bytes, sent: Mapping[bytes, bytes]) -> int:
        """The number of the part with this hash; one the thread lacks is added from `sent`."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = self.next
            self.next += 1
            self.added.append((self.thread, number, name, sent[name]))
            self.added_bytes += len(sent[name])
        return number


class PartNumbers:
    """A bounded memory of `ThreadParts`; used by one writer thread, so it has no lock."""

    def __init__(self) -> None:
        self._threads: OrderedDict[int, ThreadParts] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._used: set[int] = set()  # threads whose size may have changed
        self._size = 0

    def of(self, thread: LockedThread) -> ThreadParts:
        """The parts of a thread whose row this transaction has locked: no query if remembered."""
        parts = self._threads.pop(thread.pk, None)
        if parts is None or (parts.next, parts.epoch) != (thread.part_next, thread.part_epoch):
            rows = (
                Part.objects.filter(thread=thread.pk).values_list("hash", "seq")
                if thread.part_next
                else ()
            )
            numbers = {bytes(name): seq for name, seq in rows}
            parts = ThreadParts(thread.pk, thread.part_next, thread.part_epoch, numbers)
        self._threads[thread.pk] = parts
        self._used.add(thread.pk)
        return parts

    def trim(self) -> None:
        """Forget the threads that were used the longest ago, where there is not room for all."""
        for thread in self._used:
            size = len(self._threads[thread].numbers) + _THREAD
            self._size += size - self._sizes.get(thread, 0)
            self._sizes[thread] = size
        self._used.clear()
        while self._size > REMEMBERED_PARTS and len(self._threads) > 1:
            thread, _ = self._threads.popitem(last=False)
            self._size -= self._sizes.pop(thread)

    def forget(self) -> None:
        """Drop everything: called when a transaction failed, and its numbers with it."""
        self._threads.clear()
        self._sizes.clear()
        self._used.clear()
        self._size = 0
