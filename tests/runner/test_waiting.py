"""Waiting: the same work for callers that block and for callers that await."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from reviewconsole.runner.waiting import Awaiting, AwaitingThread, Blocking, Waiting, blocking


async def work(waiting: Waiting, future: Future[Any]) -> Any:
    await waiting.sleep(0)
    return await waiting.result(future)


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def test_work_that_blocks_runs_in_its_thread():
    assert blocking(work(Blocking(), done(3))) == 3


async def test_it_runs_beside_an_event_loop_too():
    assert blocking(Blocking().work(work(Blocking(), done(3)))) == 3
    assert await Awaiting().work(work(Awaiting(), done(3))) == 3


def test_an_exception_of_the_work_is_raised():
    failed: Future[Any] = Future()
    failed.set_exception(OSError("away"))
    with pytest.raises(OSError, match="away"):
        blocking(work(Blocking(), failed))


def test_work_that_awaits_cannot_block():
    with pytest.raises(RuntimeError, match="cannot run in a thread that blocks"):
        blocking(asyncio.sleep(0))


@pytest.mark.parametrize(("waiting", "goes_on"), [(Awaiting(), False), (AwaitingThread(), True)])
async def test_only_work_in_a_thread_goes_on_without_its_caller(waiting: Waiting, goes_on: bool):
    may_end, ended = asyncio.Event(), []

    async def slow() -> None:
        await may_end.wait()
        ended.append(True)

    caller = asyncio.ensure_future(waiting.work(slow()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_end.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert bool(ended) is goes_on
