"""One connection to the console, from its hello to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection

from reviewconsole.protocol.exceptions import MalformedFrame
from reviewconsole.protocol.messages import (
    Beat,
    DeleteThread,
    Heartbeat,
    Hello,
    Hint,
    RefusalCode,
    Refused,
    Result,
    Welcome,
)
from reviewconsole.protocol.session import Answered, RunnerSession
from reviewconsole.runner.bell import Bell
from reviewconsole.runner.exceptions import Refusal
from reviewconsole.runner.outbox import COMPANY_SECONDS, Outbox, Pending
from reviewconsole.runner.sent_parts import SentParts

logger = logging.getLogger(__name__)

FRAMES_IN_FLIGHT = 2  # while they are out, what is submitted gathers for the next frame
WELCOME_SECONDS = 10.0
RETRY_SECONDS = 0.5  # after `unavailable`: the console's database does not answer


class Connection:
    """Moves requests from an outbox to the console and results back to their callers.

    `bell` is rung whenever something was put into the outbox.
    """

    def __init__(self, socket: ClientConnection, outbox: Outbox, bell: Bell) -> None:
        self._socket = socket
        self._outbox = outbox
        self._bell = bell
        self._session = RunnerSession()
        self._sent = SentParts()
        self._in_flight: dict[int, list[Pending]] = {}
        self._held: list[Pending] = []  # until the console's database may answer
        self._trouble = ""  # why, as it was logged

    @property
    def in_flight(self) -> list[Pending]:
        """What was sent and not answered, in order."""
        return [item for frame in self._in_flight.values() for item in frame]

    async def greet(self, hello: Hello) -> Welcome:
        """Say hello, as the first thing on the connection.

        Raises:
            Refusal: the console does not want this runner.
            TimeoutError: it did not answer.
            MalformedFrame: it answered with something else.
        """
        async with asyncio.timeout(WELCOME_SECONDS):
            await self._socket.send(self._session.send([hello])[1])
            while not isinstance(received := await self._receive(), Answered):
                pass  # a hint, which may be lost: the welcome is followed by a claim anyway
        match received.results:
            case (Welcome() as welcome,):
                return welcome
            case (Refused() as refused,):
                raise Refusal.of(refused)
        raise MalformedFrame("a hello is answered by a welcome or a refusal")

    async def serve(
        self,
        welcome: Welcome,
        heartbeat: Callable[[], Heartbeat],
        on_hint: Callable[[Hint], None],
        on_beat: Callable[[Beat], None],
    ) -> None:
        """Send, receive and keep the leases alive until the connection ends; never returns.

        Raises:
            ConnectionClosed: it has ended.
            ProtocolError: the console sent what it must not.
        """
        jobs: list[Coroutine[Any, Any, None]] = [
            self._send_batches(welcome.max_frame_bytes),
            self._receive_all(on_hint),
            self._beat(welcome.heartbeat_seconds, heartbeat, on_beat),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_batches(self, max_frame_bytes: int) -> None:
        while True:
            self._bell.listen()
            while self._may_send():
                if (patience := self._outbox.patience()) > 0:
                    self._bell.glance_in(patience)
                    break
                batch = self._outbox.take(self._sent, max_frame_bytes)
                if not batch.pending:
                    break
                frame_id, data = self._session.send_encoded(batch.requests, batch.encoded)
                self._in_flight[frame_id] = batch.pending
                self._bell.no_glance()
                await self._socket.send(data)
            await self._bell.heard(rings=self._may_send())

    def _may_send(self) -> bool:
        return not self._held and len(self._in_flight) < FRAMES_IN_FLIGHT

    async def _receive_all(self, on_hint: Callable[[Hint], None]) -> None:
        while True:
            received = await self._receive()
            if isinstance(received, Answered):
                items = self._in_flight.pop(received.frame_id)
                self._outbox.settle(
                    [
                        (item, result)
                        for item, result in zip(items, received.results, strict=True)
                        if self._is_settled(item, result, in_company=len(items) > 1)
                    ]
                )
                if not self._bell.is_heard or not self._outbox.is_empty:
                    self._bell.rouse()
                self._bell.glance_in(COMPANY_SECONDS)  # agents go on: what follows need not ring
            else:
                for hint in received:
                    on_hint(hint)

    async def _receive(self) -> Answered | tuple[Hint, ...]:
        data = await self._socket.recv()
        if isinstance(data, str):
            raise MalformedFrame("the console sent a text frame; frames are binary")
        return self._session.receive(data)

    async def _beat(
        self, seconds: float, heartbeat: Callable[[], Heartbeat], on_beat: Callable[[Beat], None]
    ) -> None:
        while True:
            await asyncio.sleep(seconds)
            beat = self._outbox.put([heartbeat()], urgent=True)
            self._bell.rouse()
            for result in await asyncio.wrap_future(beat):
                if isinstance(result, Beat):
                    on_beat(result)

    def _is_settled(self, item: Pending, result: Result, *, in_company: bool) -> bool:
        """Whether that is the request's result; else it was seen to that it goes again."""
        if isinstance(result, Refused) or isinstance(item.request, DeleteThread):
            self._sent.forget(item.request)
        match result:
            case Refused(reason=RefusalCode.MISSING_PARTS) if not item.whole:
                item.whole = True
                self._outbox.put_back([item])
            case Refused(reason=RefusalCode.TOO_LARGE) if in_company and not item.alone:
                item.alone = True
                self._outbox.put_back([item])
            case Refused(reason=RefusalCode.UNAVAILABLE):
                self._hold(item, result)
            case _:
                self._trouble = ""
                return True
        return False

    def _hold(self, item: Pending, refused: Refused) -> None:
        """Keep a request back for a moment, and those behind it; all go again in their order."""
        if not self._held:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._ask_again)
        self._held.append(item)
        if refused.message != self._trouble:
            logger.warning("held by the console: %s", refused.message)
            self._trouble = refused.message

    def _ask_again(self) -> None:
        held, self._held = self._held, []
        self._outbox.put_back(held)
        self._bell.rouse()
