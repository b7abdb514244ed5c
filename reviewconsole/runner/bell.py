"""What rouses the connection's task: from any thread, and no more often than it has to.

To wake another thread takes a system call, and both threads then ask for the interpreter. So nobody
rings while the connection could send nothing, or while it is about to look by itself.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Belongs to the running loop: rung by any thread, heard by one task of the loop."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._is_deaf = True  # or will look: whoever rings changes nothing
        self._glance: asyncio.TimerHandle | None = None  # when to look without having been rung

    def ring(self) -> None:
        """Have the listener look. May be called from any thread, after what there is to be seen."""
        if not self._is_deaf:
            self._is_deaf = True
            with suppress(RuntimeError):  # the loop ended just now
                self._loop.call_soon_threadsafe(self._rung.set)

    def ring_in_time(self) -> None:
        """Do as `ring`, unless the listener looks soon anyway; see `glance_in`."""
        if self._glance is None:
            self.ring()

    # In the loop ------------------------------------------------------------------------------

    @property
    def is_heard(self) -> bool:
        """Whether the listener waits for a ring, and none has come."""
        return not self._is_deaf

    def rouse(self) -> None:
        """Have the listener look, even if it listens to nobody."""
        self._rung.set()

    def glance_in(self, seconds: float) -> None:
        """Have the listener look then, whether anybody rings or not."""
        self.no_glance()
        self._glance = self._loop.call_later(seconds, self._look)

    def no_glance(self) -> None:
        """Take back the last `glance_in`: from here on everybody rings."""
        if self._glance is not None:
            self._glance.cancel()
            self._glance = None

    def _look(self) -> None:
        self._glance = None  # first: what comes from here on rings again
        self._rung.set()

    def listen(self) -> None:
        """Hear whoever rings from now on; call it before looking."""
        self._rung.clear()
        self._is_deaf = False

    async def heard(self, *, rings: bool = True) -> None:
        """Wait until there is something to look at; without `rings`, for the loop's own word."""
        if not rings:
            self._is_deaf = True
        await self._rung.wait()
