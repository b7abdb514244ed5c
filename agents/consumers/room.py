"""Room for frames: how many bytes of them this process has in hand at once.

A frame takes several times its size while it is read, stored and answered, so large ones wait for
each other; the connections of those that wait are not read any further (`management.flow`).
"""

from __future__ import annotations

import asyncio
from collections import deque


class Room:
    """So many bytes, shared by all connections of an event loop; a larger frame has it alone."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def of(self, size: int) -> Share:
        """What holds so many bytes of it inside `async with`."""
        return Share(self, size)

    async def take(self, size: int) -> None:
        """Take so many bytes, waiting until they are free; who came first is first."""
        if not self._waiting and self._fits(size):
            self._taken += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._pass_on()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # else it was never given
                self.give_back(size)
            raise

    def give_back(self, size: int) -> None:
        """Give so many bytes back."""
        self._taken -= size
        self._pass_on()

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._size

    def _pass_on(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not self._fits(size) and not turn.cancelled():
                return
            self._waiting.popleft()
            if not turn.cancelled():
                self._taken += size
                turn.set_result(None)


class Share:
    """A part of a room, held inside `async with`."""

    __slots__ = ("_room", "_size")

    def __init__(self, room: Room, size: int) -> None:
        self._room = room
        self._size = size

    async def __aenter__(self) -> None:
        await self._room.take(self._size)

    async def __aexit__(self, *_: object) -> None:
        self._room.give_back(self._size)
