"""What a loop awaits ends in whatever thread, in order, and once."""

import asyncio
import gc
import threading

import pytest

from reviewconsole.runner.awaited import Awaited


async def test_another_thread_ends_it() -> None:
    first: Awaited[str] = Awaited()
    second: Awaited[str] = Awaited()

    def end() -> None:
        first.set_result("done")
        second.set_exception(ValueError("broken"))

    threading.Thread(target=end).start()
    assert await first.future == "done"
    with pytest.raises(ValueError, match="broken"):
        await second.future
    assert (first.done(), second.done()) == (True, True)


async def test_many_are_ended_in_one_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []
    loop = asyncio.get_running_loop()
    call_soon = loop.call_soon_threadsafe

    def counted(*args: object) -> object:
        turns.append(args)
        return call_soon(*args)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    many: list[Awaited[int]] = [Awaited() for _ in range(100)]
    for number, each in enumerate(many):
        each.set_result(number)
    assert [await each.future for each in many] == list(range(100))
    assert len(turns) == 1


async def test_who_stops_to_await_is_left_alone() -> None:
    awaited: Awaited[str] = Awaited()
    waiting = asyncio.ensure_future(awaited.future)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not awaited.done()
    awaited.set_result("late")
    other: Awaited[str] = Awaited()
    other.set_result("in time")
    assert await other.future == "in time"


def test_each_loop_has_its_own() -> None:
    async def begin() -> Awaited[str]:
        return Awaited()

    left = asyncio.run(begin())
    left.set_result("nobody hears it: its loop is closed")

    async def again() -> str:
        awaited: Awaited[str] = Awaited()
        threading.Thread(target=awaited.set_result, args=["heard"]).start()
        return await awaited.future

    assert asyncio.run(again()) == "heard"
    assert asyncio.run(again()) == "heard"
    gc.collect()


async def test_none_is_lost_while_threads_race_the_loop() -> None:
    rounds, threads = 200, 4
    for _ in range(rounds):
        many: list[Awaited[int]] = [Awaited() for _ in range(threads)]
        for number, each in enumerate(many):
            threading.Thread(target=each.set_result, args=[number]).start()
        ended = await asyncio.wait_for(asyncio.gather(*(each.future for each in many)), 20)
        assert ended == list(range(threads))
