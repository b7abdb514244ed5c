"""The runners' socket: frames in, services called, results out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, assert_never

from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from agents import precedence, push
from agents.consumers.rounds import Call
from agents.consumers.writer import Writer, writer
from agents.exceptions import RequestRefused, TokenEnded
from agents.models import Runner, RunnerToken
from agents.services import (
    decisions,
    failures,
    interrupts,
    outages,
    progress,
    runners,
    runs,
    tokens,
)
from reviewconsole.protocol import codec
from reviewconsole.protocol.exceptions import (
    HelloOverdue,
    ProtocolError,
    Restarting,
    TryAgain,
    Unauthorised,
)
from reviewconsole.protocol.messages import (
    VERSION,
    Admission,
    Applied,
    Assignments,
    CallEnded,
    CallTool,
    Cancel,
    Cancelled,
    Claim,
    CopyThread,
    DeleteForRuns,
    DeleteThread,
    Delivered,
    Done,
    Failed,
    Finished,
    Found,
    Get,
    Heartbeat,
    Hello,
    Lease,
    List,
    Paused,
    Progress,
    Prune,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    Release,
    Request,
    Result,
    Show,
    Wake,
    Welcome,
)
from reviewconsole.protocol.session import ConsoleSession

log = logging.getLogger(__name__)

HELLO_WITHIN_SECONDS = 10


class RunnerConsumer(AsyncWebsocketConsumer):
    """One runner's connection.

    It keeps nothing that must survive: who the runner is and what it may do comes from its token
    and its hello, what it holds is in the database.
    """

    session: ConsoleSession
    writer: Writer
    token: RunnerToken
    runner: Runner | None = None  # from the hello on
    deadline: asyncio.Task[None] | None = None  # of the hello
    is_closed = False

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]
    ) -> None:
        """Handle events as they come, one at a time: those of the socket, and hints.

        Channels' own loop makes two tasks for each event, and waits for them through a third: as
        much work as reading the frame.
        """
        self.scope, self.base_send = scope, send
        self.channel_layer = push.layer()
        self.channel_name = await self.channel_layer.new_channel()
        turn = asyncio.Lock()
        hear = partial(self.channel_layer.receive, self.channel_name)
        async with asyncio.TaskGroup() as both:
            hearing = both.create_task(self._handle(hear, turn))
            with suppress(StopConsumer):  # the socket is closed, and that was noted
                await self._handle(receive, turn)
            hearing.cancel()

    async def _handle(self, next_event: Callable[[], Awaitable[Any]], turn: asyncio.Lock) -> None:
        while True:
            event = await next_event()
            async with turn:
                await self.dispatch(event)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler of an event.

        Channels' own dispatch closes old database connections before every message, in another
        thread: half of a frame's time here, where the writer keeps its connection for good.
        """
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        """Admit a runner by its bearer token; refuse others with close code 4401 after accepting.

        A refused handshake would give no reason, and a runner must know whether to try again.
        """
        self.session = ConsoleSession(settings.RUNNER_MAX_FRAME_BYTES)
        self.writer = writer()
        await self.accept()
        try:
            token = await database_sync_to_async(tokens.authenticate)(secret=_bearer(self.scope))
        except DatabaseError as error:
            if not outages.is_outage(error):
                raise
            await self._close(TryAgain(outages.told(error)))
            return
        if token is None:
            await self._close(Unauthorised("the token is missing, unknown or revoked"))
            return
        self.token = token
        await self.channel_layer.group_add(push.RUNNERS, self.channel_name)
        self.deadline = asyncio.create_task(self._expect_hello())

    async def _expect_hello(self) -> None:
        await asyncio.sleep(HELLO_WITHIN_SECONDS)
        await self._close(HelloOverdue(f"no hello within {HELLO_WITHIN_SECONDS} seconds"))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Execute one frame and answer it. The next frame of this connection waits its turn."""
        if self.is_closed:
            return  # what was sent before the close reached the runner
        data = bytes_data or b""
        try:
            async with self.writer.room.of(len(data)):
                frame_id, requests = self.session.receive(data)
                self._stop_waiting()
                results = await self._execute(requests, len(data))
        except ProtocolError as error:
            await self._close(error)
            return
        await self._tell(self._reply(frame_id, results))

    async def _tell(self, data: bytes) -> None:
        with suppress(Disconnected):  # the runner has gone; Daphne is about to say so
            await self.send(bytes_data=data)

    def _stop_waiting(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    async def _execute(self, requests: tuple[Request, ...], size: int) -> list[Result]:
        runner = self.runner.pk if self.runner else 0
        calls = [Call(runner, self._work(item)) for item in requests]
        results = await self.writer.execute(calls, size)
        if any(isinstance(result, _Ended) for result in results):
            raise Unauthorised("the token was revoked, or this process belongs to another token")
        return results

    def _work(self, request: Request) -> Any:
        """The request itself where many are done at once, else the service call that does it."""
        match request:
            case (
                Put() | PutWrites() | Get() | List() | DeleteThread() | CopyThread() | Show()
                | Prune() | DeleteForRuns() | CallTool() | CallEnded()
            ):  # fmt: skip
                return request
            case Hello():
                return _guarded(partial(self._hello, request))
            case _:
                return _guarded(partial(self._live, request))

    def _hello(self, request: Hello) -> Result:
        runner, lost = runners.connect(token=self.token, hello=request, channel=self.channel_name)
        self.runner = runner
        lease = settings.RUNNER_LEASE_SECONDS
        return Welcome(
            version=VERSION,
            runner=runner.pk,
            lease_seconds=float(lease),
            heartbeat_seconds=min(2.0, lease / 3),
            max_frame_bytes=settings.RUNNER_MAX_FRAME_BYTES,
            lost=lost,
        )

    def _live(
        self,
        request: Heartbeat
        | Claim
        | Release
        | Paused
        | Finished
        | Failed
        | Cancelled
        | Delivered
        | Applied
        | Progress,
    ) -> Result:
        runner = self.runner
        if runner is None:
            raise RequestRefused(RefusalCode.INVALID, "the hello was refused")
        if isinstance(request, Claim):
            return self._claim(runner, request)
        runners.current_token(runner=runner)
        match request:
            case Heartbeat():
                beat = runners.renew(runner=runner, held=request.held)
                runs.reap()  # after it: a runner that is back keeps what nobody took meanwhile
                return beat
            case Release():
                runs.release(runner=runner, lease=request.lease)
            case Paused():
                interrupts.open_pause(runner=runner, request=request)
            case Finished():
                runs.finish(runner=runner, request=request)
            case Failed():
                failures.fail(runner=runner, request=request)
            case Cancelled():
                runs.stop(runner=runner, request=request)
            case Delivered():
                decisions.deliver(runner=runner, request=request)
            case Applied():
                decisions.apply(runner=runner, request=request)
            case Progress():
                progress.report(runner=runner, request=request)
            case _:
                assert_never(request)
        return Done()

    def _claim(self, runner: Runner, request: Claim) -> Result:
        agents = runners.served(runner=runner)
        give = partial(runs.claim, runner=runner, agents=agents, free=request.free)
        # Those that others have lost come when nothing else waits: people wait for claims.
        given = give() or (give() if runs.reap() else ())
        if given:
            precedence.runners.expect_agent()
        return Assignments(given)

    def _reply(self, frame_id: int, results: list[Result]) -> bytes:
        reply = codec.encode_reply(frame_id, results)
        if len(reply) <= self.session.max_frame_bytes:
            return reply
        # Only reads and answers of the journal grow: those that do not fit are refused, and asked
        # for again alone.
        limit = self.session.max_frame_bytes
        refused = Refused(
            RefusalCode.TOO_LARGE,
            f"the reply of {len(reply)} bytes exceeds RUNNER_MAX_FRAME_BYTES={limit}; raise it, "
            "or ask for less at once",
        )
        kept: list[Result] = [refused if _is_large(each) else each for each in results]
        left = limit - len(codec.encode_reply(frame_id, kept))
        for place, result in enumerate(results):
            size = len(codec.encode_reply(frame_id, [result])) if _is_large(result) else 0
            if 0 < size <= left:
                kept[place] = result
                left -= size
        return codec.encode_reply(frame_id, kept)

    async def disconnect(self, code: int) -> None:
        """Note that the runner has gone; its runs have a short time to be taken up again."""
        self._stop_waiting()
        await self.channel_layer.group_discard(push.RUNNERS, self.channel_name)
        if self.runner is not None:
            gone = partial(self._gone, self.runner)
            await self.writer.execute([Call(self.runner.pk, _guarded(gone))])

    def _gone(self, runner: Runner) -> Result:
        runners.disconnect(runner=runner, channel=self.channel_name)
        return Done()

    async def runner_wake(self, _: dict[str, Any]) -> None:
        """A run may be queued: tell the runner to claim."""
        await self._tell(codec.encode_hints([Wake()]))

    async def runner_cancel(self, message: dict[str, Any]) -> None:
        """A run was cancelled, perhaps one of this runner's: it knows its leases."""
        lease = Lease(message["run"], message["attempt"])
        await self._tell(codec.encode_hints([Cancel(lease)]))

    async def runner_revoked(self, message: dict[str, Any]) -> None:
        """A token was revoked: end the connections that were opened with it."""
        if message["token"] == self.token.pk:
            await self._close(Unauthorised("the token was revoked"))

    async def console_ends(self, _: dict[str, Any]) -> None:
        """The console ends: everything that came before this is answered, and nothing after it."""
        await self._close(Restarting("the console ends; another one takes over"))

    async def _close(self, error: ProtocolError) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        log.warning("runner socket closed with %d: %s", error.close_code, error)
        await self.close(code=error.close_code, reason=str(error)[:120])


class _Ended(Refused):
    """The refusal that ends the connection."""


def _is_large(result: Result) -> bool:
    """Whether it brings what was stored, of whatever size."""
    return isinstance(result, Found) or (
        isinstance(result, Admission) and result.result is not None
    )


def _guarded(call: Callable[[], Result]) -> Callable[[], Result]:
    """Turn what a service raises into the refusal of this one request."""

    def guarded() -> Result:
        try:
            return call()
        except TokenEnded as error:
            return _Ended(RefusalCode(error.code), str(error))
        except RequestRefused as error:
            return Refused(RefusalCode(error.code), str(error))
        except Exception as error:  # whatever one runner sent must not cost the others their work
            if outages.is_outage(error):
                return Refused(RefusalCode.UNAVAILABLE, outages.told(error))
            log.exception("a runner's request failed")
            return Refused(RefusalCode.INVALID, f"this cannot be done: {error}")

    return guarded


def _bearer(scope: Mapping[str, Any]) -> str:
    header: bytes = dict(scope["headers"]).get(b"authorization", b"")
    scheme, _, secret = header.decode("latin-1").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""
