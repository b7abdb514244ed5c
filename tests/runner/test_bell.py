"""The bell is heard whenever there may be something to see, and wakes nobody for nothing."""

import asyncio
from collections.abc import Callable

import pytest

from reviewconsole.runner.bell import Bell

LONG = 3600.0  # seconds: longer than any test


class Listener:
    """Listens once, in a task."""

    def __init__(self, bell: Bell, *, rings: bool = True) -> None:
        bell.listen()
        self.task = asyncio.create_task(bell.heard(rings=rings))

    async def hears(self) -> bool:
        """Whether it has heard the bell, once the loop has done what it had to do."""
        for _ in range(3):
            await asyncio.sleep(0)
        return self.task.done()


@pytest.fixture
async def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What other threads have called the loop with."""
    found: list[object] = []
    loop = asyncio.get_running_loop()
    call = loop.call_soon_threadsafe

    def noted(callback: Callable[..., object], *args: object, **options: object) -> object:
        found.append(callback)
        return call(callback, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_soon_threadsafe", noted)
    return found


async def test_a_ring_is_heard_and_more_of_them_cost_nothing(calls: list[object]) -> None:
    bell = Bell()
    listener = Listener(bell)
    assert not await listener.hears()
    states = [bell.is_heard]
    for _ in range(3):
        bell.ring()
        states.append(bell.is_heard)
    assert states == [True, False, False, False]
    assert await listener.hears()
    assert len(calls) == 1


async def test_a_ring_before_the_wait_is_heard() -> None:
    bell = Bell()
    bell.listen()
    bell.ring()
    await bell.heard()


async def test_it_is_heard_from_another_thread() -> None:
    bell = Bell()
    listener = Listener(bell)
    await asyncio.gather(listener.task, asyncio.to_thread(bell.ring))


async def test_who_can_send_nothing_is_roused_by_the_loop_alone(calls: list[object]) -> None:
    bell = Bell()
    listener = Listener(bell, rings=False)
    assert not await listener.hears()
    assert not bell.is_heard
    bell.ring()
    bell.ring_in_time()
    assert not await listener.hears()
    assert calls == []
    bell.rouse()
    assert await listener.hears()


async def test_what_has_time_rings_unless_somebody_is_about_to_look(calls: list[object]) -> None:
    bell = Bell()
    bell.glance_in(LONG)
    listener = Listener(bell)
    bell.ring_in_time()
    assert not await listener.hears()
    bell.no_glance()
    bell.ring_in_time()
    assert await listener.hears()
    assert len(calls) == 1


async def test_what_has_no_time_rings_all_the_same() -> None:
    bell = Bell()
    bell.glance_in(LONG)
    listener = Listener(bell)
    bell.ring()
    assert await listener.hears()
    bell.no_glance()


async def test_a_glance_comes_once_and_the_next_ring_counts_again(calls: list[object]) -> None:
    bell = Bell()
    bell.glance_in(0)
    await Listener(bell).task
    listener = Listener(bell)
    bell.ring_in_time()
    assert await listener.hears()
    assert len(calls) == 1


async def test_the_last_glance_counts() -> None:
    bell = Bell()
    bell.glance_in(LONG)
    bell.glance_in(0)
    await Listener(bell).task
