"""Waiting, for code that is written once and runs both where callers block and where they await."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Waiting(Protocol):
    """How a caller waits: for an answer, for a while, and for the work that it is about."""

    async def result(self, future: Future[T], /) -> T: ...
    async def sleep(self, seconds: float, /) -> None: ...
    async def work(self, work: Coroutine[Any, Any, T], /) -> T: ...


class Awaiting:
    """For callers on an event loop. Who stops waiting stops the work."""

    async def result(self, future: Future[T], /) -> T:
        return await asyncio.wrap_future(future)

    async def sleep(self, seconds: float, /) -> None:
        await asyncio.sleep(seconds)

    async def work(self, work: Coroutine[Any, Any, T], /) -> T:
        return await work


class AwaitingThread(Awaiting):
    """For callers on an event loop whose work is done in a thread, which nobody can stop."""

    async def work(self, work: Coroutine[Any, Any, T], /) -> T:
        return await asyncio.shield(work)


class Blocking:
    """For callers whose thread waits: nothing here ever yields. See `blocking`."""

    async def result(self, future: Future[T], /) -> T:
        return future.result()

    async def sleep(self, seconds: float, /) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  # to block is what it is for

    async def work(self, work: Coroutine[Any, Any, T], /) -> T:
        return await work


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run work whose waits all block, in this thread, beside whatever event loop runs in it.

    Raises:
        RuntimeError: the work awaits what does not block.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        value: T = ended.value
        return value
    work.close()
    raise RuntimeError(f"{work} awaits something, so it cannot run in a thread that blocks")
