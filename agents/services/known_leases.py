"""What the store knows of threads and runs from the transaction before.

Each step of an agent asks for the same thread and the same run. What is known is never believed by
itself: the database compares it in the very transaction that builds on it (`Engine.guard`), or says
that nothing was written since (`Engine.stamp`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from agents.services.engines import LeasedRun, LockedThread, Stamp

K = TypeVar("K")
V = TypeVar("V")

KEPT = 10_000  # threads, and as many runs; some hundred bytes each

Known: TypeAlias = tuple[list[LockedThread], list[LeasedRun]]


@dataclass(slots=True)
class KnownLeases:
    """A bounded memory of threads and runs; used by one writer thread, so it has no lock."""

    _threads: OrderedDict[str, LockedThread] = field(default_factory=OrderedDict)
    _runs: OrderedDict[int, LeasedRun] = field(default_factory=OrderedDict)
    _moment: Stamp = None

    def of(self, steps: Collection[tuple[str, int]], now: Stamp) -> Known | None:
        """What is known of these threads and runs; None unless that is all.

        `now` is `Engine.stamp` of the transaction that asks.
        """
        self._see(now)
        names, runs = {name for name, _ in steps}, {run for _, run in steps}
        if not (self._threads.keys() >= names and self._runs.keys() >= runs):
            return None
        return [self._threads[name] for name in names], [self._runs[run] for run in runs]

    def keep(
        self,
        threads: Iterable[LockedThread],
        runs: Iterable[LeasedRun],
        began: Stamp,
        now: Stamp,
    ) -> None:
        """Remember threads and runs as a transaction has left them; its moments at both ends."""
        self._see(began)
        self._moment = now
        _add(self._threads, {thread.thread_id: thread for thread in threads})
        _add(self._runs, {run.pk: run for run in runs})

    def _see(self, moment: Stamp) -> None:
        """Forget what others may have changed before this moment."""
        if moment != self._moment:
            self.forget()
            self._moment = moment

    def forget(self) -> None:
        """Know nothing: what was known has proved old, or a transaction failed."""
        self._threads.clear()
        self._runs.clear()


def _add(memory: OrderedDict[K, V], found: Mapping[K, V]) -> None:
    for key, value in found.items():
        memory[key] = value
        memory.move_to_end(key)
    while len(memory) > KEPT:
        memory.popitem(last=False)
