"""Room for frames: bounded, first come first served, given back whatever happens."""

import asyncio
from contextlib import suppress

from agents.consumers.room import Room


class Holder:
    """Somebody who holds room, or waits for it."""

    def __init__(self, room: Room, size: int) -> None:
        self.has_it = False
        self.done = asyncio.Event()
        self.task = asyncio.create_task(self.hold(room, size))

    async def hold(self, room: Room, size: int) -> None:
        """Hold it until told to give it back."""
        async with room.of(size):
            self.has_it = True
            await self.done.wait()
        self.has_it = False


async def holding(*holders: Holder) -> list[bool]:
    """Who has it, once all have had their turn."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [holder.has_it for holder in holders]


async def test_what_does_not_fit_waits_and_so_does_what_came_later() -> None:
    room = Room(10)
    holders = [Holder(room, size) for size in (6, 5, 4)]
    assert await holding(*holders) == [True, False, False]

    holders[0].done.set()
    assert await holding(*holders) == [False, True, True]
    for holder in holders:
        holder.done.set()
        await holder.task


async def test_what_is_larger_than_all_has_it_alone() -> None:
    room = Room(10)
    first, large, last = holders = [Holder(room, size) for size in (1, 50, 1)]
    assert await holding(*holders) == [True, False, False]
    first.done.set()
    assert await holding(*holders) == [False, True, False]
    large.done.set()
    assert await holding(*holders) == [False, False, True]
    last.done.set()
    await last.task


async def test_who_leaves_gives_it_back() -> None:
    """While waiting, while holding, and when it was given but not yet taken."""
    room = Room(10)
    first, waiting, last = holders = [Holder(room, size) for size in (10, 10, 10)]
    await holding(*holders)
    waiting.task.cancel()
    await holding(*holders)
    first.done.set()
    await first.task  # the last one is given it now
    last.task.cancel()
    with suppress(asyncio.CancelledError):
        await last.task

    another = Holder(room, 10)
    assert await holding(another) == [True]
    another.task.cancel()
    assert await holding(another) == [True]
    after = Holder(room, 10)
    assert await holding(after) == [True]
    after.done.set()
    await after.task
