"""Group commit: what runners ask together is stored together.

One writer a process: while it is busy, requests of all connections pile up, and the next round
takes them in one transaction. SQLite gets its single writer by this, PostgreSQL few, full commits.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, assert_never
from weakref import WeakKeyDictionary, finalize

from django.conf import settings
from django.db import connection

from agents import precedence, push
from agents.consumers.room import Room
from agents.consumers.rounds import Call, Kind, grouped
from agents.instruments import COMMIT, ROUND
from agents.services import steps, tool_calls
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import CallTool, Get, List, RefusalCode, Refused, Result

log = logging.getLogger(__name__)

_AT_MOST = 512  # requests in one round
_BYTES_AT_MOST = 16_000_000  # of frames in one round; a larger one comes last in its round
_READ = 8  # requests that a read counts for: it brings a whole state, a call's answer its result


Frame: TypeAlias = tuple[Sequence[Call], int, asyncio.Future[list[Result]]]
"""The calls of one frame, its size in bytes, and where their results go."""

Waiting: TypeAlias = SimpleQueue[Frame | None]
"""The frames that no round has taken yet; None comes last, and ends the thread."""


class Writer:
    """Executes the requests of all runner connections of this process, in rounds.

    A thread of its own does so, and wakes the event loop once a round. It knows nothing of this
    object, and ends with it.
    """

    def __init__(self) -> None:
        self.room = Room(2 * settings.RUNNER_MAX_FRAME_BYTES)
        self._waiting: Waiting = SimpleQueue()
        rounds = _Rounds(self._waiting)
        threading.Thread(target=rounds.do, name="writer", daemon=True).start()
        finalize(self, self._waiting.put, None)

    async def execute(self, calls: Sequence[Call], size: int = 0) -> list[Result]:
        """Execute a frame's calls, in order; returns once all of them are committed or refused.

        `size` is the frame's in bytes, for which the caller holds `room`.
        """
        done: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.put((calls, size, done))
        return await done


class _Rounds:
    """What the writer's thread does, until it takes None."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._store = Store()
        self._messenger = _Messenger()
        self._held = False  # the database did not answer in the last round

    def do(self) -> None:
        """Do rounds. Between them nothing of the last one is kept, such as its event loop."""
        while self._do_one():
            pass

    def _do_one(self) -> bool:
        """Wait for frames, and do what waits together; false if there will be no more."""
        frames = list(self._take())
        if not frames:
            return False
        calls = [call for asked, _, _ in frames for call in asked]
        hints: list[push.Hint] = []
        try:
            done_calls, hints = self._run(calls)
            results = iter(done_calls)
        except Exception:
            log.exception("a round of %d frames failed", len(frames))
            results = iter([])
        answers = [(done, [next(results, _FAILED) for _ in asked]) for asked, _, done in frames]
        with suppress(RuntimeError):  # the loop is closed: nobody awaits anything
            frames[0][2].get_loop().call_soon_threadsafe(self._messenger.answer, answers, hints)
        return True

    def _take(self) -> Iterator[Frame]:
        """The frames of the next round: waits for the first one, and for no other."""
        requests = size = 0
        frame = self._waiting.get()
        while frame is not None:
            yield frame
            requests += sum(
                _READ if isinstance(call.work, Get | List | CallTool) else 1 for call in frame[0]
            )
            size += frame[1]
            if requests >= _AT_MOST or size >= _BYTES_AT_MOST:
                return
            try:
                frame = self._waiting.get_nowait()
            except Empty:
                return
        self._waiting.put(None)  # for the next one

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
        groups = deque(grouped(calls))
        while groups:
            kind, places = groups.popleft()
            asked = [calls[place] for place in places]
            if kind is Kind.TOOLS and groups and groups[0][0] is Kind.CHECKPOINTS:
                _, following = groups.popleft()
                places = [*places, *following]
                done: Sequence[Result] = self._step(asked, [calls[place] for place in following])
            else:
                done = self._done(kind, _asked(asked))
            results |= zip(places, done, strict=True)
        return [results[place] for place in range(len(calls))]

    def _step(self, tools: Sequence[Call], saved: Sequence[Call]) -> list[Result]:
        with COMMIT.time():
            return steps.execute(_asked(tools), _asked(saved), self._store)

    def _done(self, kind: Kind, asked: Sequence[Any]) -> Sequence[Result]:
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


def _asked(calls: Sequence[Call]) -> list[Any]:
    """Who asks, and what: requests of the kind that they were grouped by."""
    return [(call.runner, call.work) for call in calls]


class _Messenger:
    """Brings results into the event loop, and tells there who else has to hear of them.

    Runners come first, and no round waits for a broker.
    """

    def __init__(self) -> None:
        self._hints: list[push.Hint] = []
        self._telling: asyncio.Task[None] | None = None

    def answer(
        self,
        answers: Iterable[tuple[asyncio.Future[list[Result]], list[Result]]],
        hints: list[push.Hint],
    ) -> None:
        """Hand over the results of a round and have its hints told."""
        for done, results in answers:
            if not done.done():  # its connection may have gone
                done.set_result(results)
        self._hints += hints
        if self._hints and self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            while self._hints:
                hints, self._hints = self._hints, []
                await push.send(hints)
        finally:
            self._telling = None


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
