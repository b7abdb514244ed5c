"""Group commit: what runners ask together is stored together.

One writer a process: while it is busy, requests of all connections pile up, and the next round
takes them in one transaction. SQLite gets its single writer by this, PostgreSQL few, full commits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, assert_never
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection

from agents import precedence, push
from agents.consumers.room import Room
from agents.consumers.rounds import Call, Kind, grouped
from agents.instruments import COMMIT, ROUND
from agents.services import tool_calls
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import CallTool, Get, List, RefusalCode, Refused, Result

log = logging.getLogger(__name__)

_AT_MOST = 512  # requests in one round
_BYTES_AT_MOST = 16_000_000  # of frames in one round; a larger one comes last in its round
_READ = 8  # requests that a read counts for: it brings a whole state, a call's answer its result


Frame: TypeAlias = tuple[Sequence[Call], int, asyncio.Future[list[Result]]]
"""The calls of one frame, its size in bytes, and where their results go."""


class Writer:
    """Executes the requests of all runner connections of this process, in rounds."""

    def __init__(self) -> None:
        self._store = Store()
        self.room = Room(2 * settings.RUNNER_MAX_FRAME_BYTES)
        self._waiting: deque[Frame] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._round: asyncio.Task[None] | None = None
        self._held = False  # the database did not answer in the last round

    async def execute(self, calls: Sequence[Call], size: int = 0) -> list[Result]:
        """Execute a frame's calls, in order; returns once all of them are committed or refused.

        `size` is the frame's in bytes, for which the caller holds `room`.
        """
        done: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append((calls, size, done))
        if self._round is None:
            self._round = asyncio.create_task(self._rounds())
        return await done

    async def _rounds(self) -> None:
        try:
            while self._waiting:
                await self._one_round(list(self._take()))
        finally:
            self._round = None

    async def _one_round(self, frames: Sequence[Frame]) -> None:
        calls = [call for asked, _, _ in frames for call in asked]
        hints: list[push.Hint] = []
        try:
            loop = asyncio.get_running_loop()
            done_calls, hints = await loop.run_in_executor(self._thread, self._run, calls)
            results = iter(done_calls)
        except Exception:
            log.exception("a round of %d frames failed", len(frames))
            results = iter([])
        for asked, _, done in frames:
            answers = [next(results, _FAILED) for _ in asked]
            if not done.done():  # its connection may have gone
                done.set_result(answers)
        await push.send(hints)

    def _take(self) -> Iterator[Frame]:
        requests = size = 0
        while self._waiting and requests < _AT_MOST and size < _BYTES_AT_MOST:
            frame = self._waiting.popleft()
            requests += sum(
                _READ if isinstance(call.work, Get | List | CallTool) else 1 for call in frame[0]
            )
            size += frame[1]
            yield frame

    def _run(self, calls: Sequence[Call]) -> tuple[list[Result], list[push.Hint]]:
        # Hints go out from the event loop: this thread never waits for it, so it can always end.
        with precedence.runners.first(), push.held_back() as hints, ROUND.time():
            results = self._results(calls)
        trouble = next(filter(_is_unavailable, results), None)
        if trouble is not None:
            connection.close()  # a broken connection is not used for the next round
        self._note(trouble)
        return results, hints

    def _note(self, trouble: Result | None) -> None:
        """Log when the database stops to answer, and when it answers again."""
        if isinstance(trouble, Refused) and not self._held:
            log.warning("runners are held: %s", trouble.message)
        elif trouble is None and self._held:
            log.warning("the database answers again: runners go on")
        self._held = trouble is not None

    def _results(self, calls: Sequence[Call]) -> list[Result]:
        results: dict[int, Result] = {}
        for kind, places in grouped(calls):
            done = self._done(kind, [calls[place] for place in places])
            results |= zip(places, done, strict=True)
        return [results[place] for place in range(len(calls))]

    def _done(self, kind: Kind, group: Sequence[Call]) -> Sequence[Result]:
        asked: list[Any] = [
            (call.runner, call.work) for call in group
        ]  # of the kind's own requests
        match kind:
            case Kind.LIFECYCLE:
                return [work() for _, work in asked]
            case Kind.TOOLS:
                return tool_calls.execute(asked)
            case Kind.CHECKPOINTS:
                with COMMIT.time():
                    return self._store.execute(asked)
            case Kind.READS:
                return self._store.execute(asked)
        assert_never(kind)


def _is_unavailable(result: Result) -> bool:
    return isinstance(result, Refused) and result.reason == RefusalCode.UNAVAILABLE


_FAILED = Refused(RefusalCode.UNAVAILABLE, "the console failed; its log says why")
_writers: WeakKeyDictionary[asyncio.AbstractEventLoop, Writer] = WeakKeyDictionary()


def writer() -> Writer:
    """The writer of this event loop: one a process, and one a test."""
    loop = asyncio.get_running_loop()
    if loop not in _writers:
        _writers[loop] = Writer()
    return _writers[loop]
