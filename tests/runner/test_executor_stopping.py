"""A run that is cancelled, handed back, dropped or fenced."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from reviewconsole.protocol.messages import (
    Cancelled,
    Failed,
    PutWrites,
    RefusalCode,
    Refused,
    Release,
)
from reviewconsole.runner import executor, interrupts
from tests.runner.executing import Desk, State, ask, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


async def test_a_cancelled_run_stops_before_its_next_step(peer, client):
    def first(state: State) -> State:
        execution.cancel()
        return {"out": ["first"]}

    async def later(state: State) -> State:
        raise AssertionError("must not run")

    desk = Desk(peer, client, chain(async_(first), later))
    run = desk.begin({"out": []})
    execution = desk.execution(run)
    await execution.run()
    assert [type(each) for each in desk.outcomes(run.lease)] == [Cancelled]


async def test_a_released_run_is_taken_up_where_it_stood(peer, client):
    def first(state: State) -> State:
        execution.release()
        return {"out": ["first"]}

    def second(state: State) -> State:
        return {"out": ["second"]}

    desk = Desk(peer, client, chain(async_(first), second))
    run = desk.begin({"out": []})
    execution = desk.execution(run)
    await execution.run()
    assert [type(each) for each in desk.outcomes(run.lease)] == [Release]
    assert values(await desk.execute(desk.again(run))) == {"out": ["first", "second"]}


async def test_a_step_that_does_not_end_is_cut_off(peer, client, monkeypatch):
    monkeypatch.setattr(executor, "GRACE_SECONDS", 0.05)
    begun = asyncio.Event()

    async def forever(state: State) -> State:
        begun.set()
        await asyncio.Event().wait()
        return {}

    desk = Desk(peer, client, chain(forever))
    run = desk.begin({"out": []})
    execution = desk.execution(run)
    task = asyncio.create_task(execution.run())
    await begun.wait()
    execution.cancel()
    await task
    assert [type(each) for each in desk.outcomes(run.lease)] == [Cancelled]


async def test_a_dropped_run_says_nothing_more(peer, client):
    begun, over = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(state: State) -> State:
        loop.call_soon_threadsafe(begun.set)
        over.wait(10)
        return {"out": ["late"]}

    desk = Desk(peer, client, chain(slow))
    run = desk.begin({"out": []})
    execution = desk.execution(run)
    task = asyncio.create_task(execution.run())
    await begun.wait()
    peer.lost.add(run.lease)
    execution.drop()
    await task
    over.set()
    assert desk.outcomes(run.lease) == []
    peer.lost.clear()
    assert values(await desk.execute(desk.again(run))) == {"out": ["late"]}


async def test_a_fenced_write_ends_the_run_quietly(peer, client):
    desk = Desk(peer, client, chain(ask))
    run = desk.begin({"out": []})

    def fence(request: Any) -> Refused | None:
        return Refused(RefusalCode.FENCED, "over") if isinstance(request, PutWrites) else None

    peer.answer_instead = fence
    await desk.execution(run).run()
    assert desk.outcomes(run.lease) == []


async def test_another_refusal_fails_the_run(peer, client):
    desk = Desk(peer, client, chain(ask))

    def refuse(request: Any) -> Refused | None:
        wanted = isinstance(request, PutWrites)
        return Refused(RefusalCode.FORBIDDEN, "not your thread") if wanted else None

    peer.answer_instead = refuse
    outcome = await desk.start({"out": []})
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message) == ("Refusal", "not your thread (forbidden)")


def async_(function: Any) -> Any:
    """The node as a coroutine function: it runs on the event loop."""

    async def node(state: State) -> Any:
        return function(state)

    node.__name__ = function.__name__
    return node
