"""Who goes first in a process: what runners ask for, then what is drawn for people.

Python runs one thread at a time. A reviewer who has decided waits for the runner; pages that are
drawn meanwhile would make each of its requests take several times as long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_AT_MOST = 0.05  # seconds: who draws is not kept for long, however much runners ask
_BETWEEN = 0.005  # seconds from a reply to the runner's next request
_RESUMING = 0.05  # seconds from a claimed run to what its agent asks first, checkpoints aside


class Precedence:
    """Threads that go first, and others that give way to them."""

    def __init__(self) -> None:
        """Nobody is at work."""
        self._changed = threading.Condition()
        self._at_work = 0
        self._free = 0.0  # from when on others may work

    @contextmanager
    def first(self) -> Iterator[None]:
        """Go before those who give way."""
        with self._changed:
            self._at_work += 1
        try:
            yield
        finally:
            with self._changed:
                self._at_work -= 1
                self._free = max(self._free, time.monotonic() + _BETWEEN)
                self._changed.notify_all()

    def expect_agent(self) -> None:
        """Keep the way free for a run that was claimed: who has decided waits for its agent."""
        with self._changed:
            self._free = max(self._free, time.monotonic() + _RESUMING)

    def call_back(self) -> None:
        """Have those who give way see whether they still should."""
        with self._changed:
            self._changed.notify_all()

    def give_way(self, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Block this thread while others go first, for a moment at most; not if `unless` is so."""
        deadline = time.monotonic() + _AT_MOST
        with self._changed:
            while not unless() and (now := time.monotonic()) < deadline:
                if not self._at_work and now >= self._free:
                    return
                until = deadline if self._at_work else min(self._free, deadline)
                self._changed.wait(until - now)


runners = Precedence()  # one a process, as there is one interpreter
