"""Futures of an event loop that another thread ends: many of them in one turn of the loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Awaited(Generic[T]):
    """What code of the running loop awaits as `future`, and any thread ends, once.

    A concurrent future does the same. It has a lock and a condition of its own, and wakes the loop
    by itself: beside fifty agents, that was a tenth of their process's time.
    """

    __slots__ = ("_is_done", "_mailbox", "future")

    def __init__(self) -> None:
        self._mailbox = _mailbox()
        self.future: asyncio.Future[T] = self._mailbox.loop.create_future()
        self._is_done = False

    def done(self) -> bool:
        """Whether it was ended. Whoever stops to await it does not end it."""
        return self._is_done

    def set_result(self, result: T) -> None:
        """End it with a result."""
        self._is_done = True
        self._mailbox.put(self.future, result, None)

    def set_exception(self, error: Exception) -> None:
        """End it with an error."""
        self._is_done = True
        self._mailbox.put(self.future, None, error)


class _Mailbox:
    """What has ended and the loop does not know yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._mail: deque[tuple[asyncio.Future[Any], Any, Exception | None]] = deque()
        self._is_due = False  # the loop is about to look: it will see whatever is put here before

    def put(self, future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        self._mail.append((future, result, error))
        if not self._is_due:
            self._is_due = True
            with suppress(RuntimeError):  # the loop is closed: nobody awaits anything
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_due = False
        while self._mail:
            future, result, error = self._mail.popleft()
            if future.done():
                continue  # nobody awaits it any more
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


class _OfThread(threading.local):
    mailbox: _Mailbox | None = None


def _mailbox() -> _Mailbox:
    """The mailbox of the running loop."""
    loop = asyncio.get_running_loop()
    mailbox = _of_thread.mailbox
    if mailbox is None or mailbox.loop is not loop:
        mailbox = _of_thread.mailbox = _Mailbox(loop)
    return mailbox


_of_thread = _OfThread()
