"""Room for frames: how many bytes of them this process has in hand at once.

A frame takes several times its size while it is read, stored and answered, so large ones wait for
each other; the connections of those that wait are not read any further (`management.flow`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """So many bytes, shared by all connections of an event loop; a larger frame has it alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes of it, waiting until they are free; who came first is first."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._give()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():  # else it was never given
                self._taken -= size
                self._give()

    def _give(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if self._taken and self._taken + size > self._size and not turn.cancelled():
                return
            self._waiting.popleft()
            if not turn.cancelled():
                self._taken += size
                turn.set_result(None)
