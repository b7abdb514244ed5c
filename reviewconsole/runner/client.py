"""The runner's end of the socket: a thread of its own that stays connected.

Agent code may block its event loop for minutes; leases are renewed all the same, because the socket
lives in another thread with another loop. Callers come from any thread and any loop.

When the connection is lost, what was sent and not answered is sent again on the next one, in order
and before anything newer. It may have been done already, so it is done twice: that is safe because
every request is idempotent by design. Checkpoints and writes are keyed by ids that the agent made
(the second put finds what the first one stored), reads change nothing, a report about a run counts
once for the attempt it names, and the runs of a claim whose answer was lost are free again from the
next hello on, which does not name them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from math import inf
from typing import TypeAlias, TypeVar, overload
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from reviewconsole.protocol.exceptions import ProtocolError
from reviewconsole.protocol.messages import (
    Applied,
    Assignments,
    Beat,
    CallEnded,
    CallTool,
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
    Hint,
    List,
    Paused,
    Progress,
    Prune,
    Put,
    PutWrites,
    Refused,
    Release,
    Request,
    Result,
    Show,
    Welcome,
)
from reviewconsole.runner.awaited import Awaited
from reviewconsole.runner.bell import Bell
from reviewconsole.runner.connection import Connection
from reviewconsole.runner.endings import breach, hopeless
from reviewconsole.runner.exceptions import Disconnected, Refusal
from reviewconsole.runner.outbox import Outbox, Results

logger = logging.getLogger(__name__)

PATH = "/ws/runner/"
OPEN_SECONDS = 5.0  # TCP, TLS and the opening handshake
PING_SECONDS = 5.0  # between pings: a console that vanished without a word is noticed soon
PONG_SECONDS = 15.0  # a console may be busy
CLOSE_SECONDS = 1.0
SHORTEST_DELAY = 0.1  # seconds between attempts to connect, doubled up to the longest
LONGEST_DELAY = 0.9
STEADY_SECONDS = 1.0  # a connection that lasted so long was a good one

Report: TypeAlias = (
    Put | PutWrites | DeleteThread | CopyThread | Prune | DeleteForRuns
    | Release | Paused | Finished | Failed | Cancelled | Delivered | Applied
)  # fmt: skip
"""The requests that are just done."""

M = TypeVar("M")


class ConsoleClient:
    """Stays connected to the console, asks it and hears its hints.

    `hello` is called at every connection, and at every heartbeat for the leases it holds; it must
    be quick and may be called from the client's thread only. The callbacks `on_welcome` (after each
    connection), `on_beat` (the answer to a heartbeat: leases lost or to be cancelled) and `on_hint`
    run on the client's thread too: they must hand over and return at once.

    `ended` is done when the client has ended: with None after `close`, else with the exception that
    no reconnecting can heal (`Unauthorised`, `WrongVersion`, `Refusal` of the hello).
    """

    def __init__(
        self,
        url: str,
        token: str,
        hello: Callable[[], Hello],
        *,
        on_welcome: Callable[[Welcome], None] | None = None,
        on_beat: Callable[[Beat], None] | None = None,
        on_hint: Callable[[Hint], None] | None = None,
    ) -> None:
        self.url = endpoint(url)
        self.ended: Future[None] = Future()
        self.ended.set_running_or_notify_cancel()  # who stops waiting for it does not cancel it
        self.lease_seconds = inf  # as the console has told; nothing is leased before
        self._token = token
        self._hello = hello
        self._on_welcome = _guarded(on_welcome)
        self._on_beat = _guarded(on_beat)
        self._on_hint = _guarded(on_hint)
        self._outbox = Outbox()
        self._closing = threading.Event()
        self._started: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="console-client", daemon=True)
        self._trouble: str | None = None

    def start(self) -> None:
        """Begin to connect, in a thread of its own. Returns before the console has answered."""
        self._thread.start()
        self._started.result()

    def __enter__(self) -> ConsoleClient:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Take no more requests, wait at most `timeout` seconds for the answers due, then end.

        Blocks; from an event loop, call it in a thread. Idempotent.
        """
        self._closing.set()
        if self._loop is None:
            return
        self._outbox.wait_settled(timeout)
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._main_task.cancel)
        self._thread.join()

    # Asking -----------------------------------------------------------------------------------

    def call(self, *requests: Request) -> Future[tuple[Result, ...]]:
        """Send requests in order and return the future of their results, refusals among them.

        Blocks while the queue is full, which bounds the memory of callers who do not wait for the
        result. The future cannot be cancelled: what was submitted is sent.

        Raises:
            Disconnected: the client was closed.
            ProtocolError, Refusal: the client has ended; see `ended`. The future has them, too.
        """
        return self._submit(requests, wait=True)

    @overload
    async def ask(self, request: Get | List) -> Found: ...
    @overload
    async def ask(self, request: Claim) -> Assignments: ...
    @overload
    async def ask(self, request: Heartbeat) -> Beat: ...
    @overload
    async def ask(self, request: Report) -> Done: ...
    async def ask(self, request: Request) -> Result:
        """Send one request and wait for its result, for ever if the console is away.

        Raises:
            Refusal: the console refused it.
            FrameTooLarge: it does not fit into a frame of this console.
            MalformedFrame: it holds what msgpack cannot, or broke the connection it was sent on.
            Disconnected: the client was closed first.
        """
        self._check_open()
        awaited: Awaited[Results] = Awaited()
        self._queue((request,), awaited)
        return _accepted(await awaited.future)

    @overload
    def ask_sync(self, request: Get | List) -> Found: ...
    @overload
    def ask_sync(self, request: Claim) -> Assignments: ...
    @overload
    def ask_sync(self, request: Heartbeat) -> Beat: ...
    @overload
    def ask_sync(self, request: Report) -> Done: ...
    def ask_sync(self, request: Request) -> Result:
        """Do as `ask`, blocking the calling thread."""
        return _accepted(self._submit((request,)).result())

    def submit(self, request: CallTool | CallEnded | Delivered) -> Future[tuple[Result, ...]]:
        """Do as `call` with one request, without waiting for room; who asks waits for the future.

        Raises: as `call`.
        """
        return self._submit((request,))

    def tell(self, request: Progress | Show) -> Future[tuple[Result, ...]]:
        """Send what may be lost: never blocks, never raises, and nobody has to wait for it."""
        try:
            return self._submit((request,))
        except (Disconnected, ProtocolError, Refusal) as error:
            future: Future[tuple[Result, ...]] = Future()
            future.set_exception(error)
            return future

    def _submit(
        self, requests: tuple[Request, ...], *, wait: bool = False
    ) -> Future[tuple[Result, ...]]:
        self._check_open()
        future: Future[Results] = Future()
        future.set_running_or_notify_cancel()  # what was submitted is sent, whoever stops waiting
        self._queue(requests, future, wait=wait)
        return future

    def _queue(
        self,
        requests: tuple[Request, ...],
        future: Future[Results] | Awaited[Results],
        *,
        wait: bool = False,
    ) -> None:
        if self._outbox.queue(requests, future, wait=wait):
            self._bell.ring()
        else:
            self._bell.ring_in_time()

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise Disconnected("the client is closed")
        if self._loop is None:
            raise Disconnected("the client was not started")

    # The client's thread ----------------------------------------------------------------------

    def _main(self) -> None:
        reason: Exception | None = None
        try:
            asyncio.run(self._run())
        except Exception as error:
            reason = error
            logger.error("the client has ended: %s", error)
        finally:  # whatever ended it: nobody may be left waiting
            self._outbox.end(reason or Disconnected("closed before the console answered"))
            if reason is None:
                self.ended.set_result(None)
            else:
                self.ended.set_exception(reason)

    async def _run(self) -> None:
        self._bell = Bell()
        self._main_task = asyncio.create_task(self._stay_connected())
        self._loop = asyncio.get_running_loop()
        self._started.set_result(None)
        with suppress(asyncio.CancelledError):
            await self._main_task

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        delays = _delays()
        while True:
            began = loop.time()
            try:
                await self._connect_once()
            except (OSError, WebSocketException, ProtocolError, Refusal) as error:
                if (reason := hopeless(error)) is not None:
                    raise reason from error
                self._note_trouble(str(error) or type(error).__name__)
            if loop.time() - began > STEADY_SECONDS:
                delays = _delays()
            await asyncio.sleep(next(delays))

    async def _connect_once(self) -> None:
        """Connect, greet and serve until the connection ends; always by an exception."""
        async with connect(
            self.url,
            additional_headers={"Authorization": f"Bearer {self._token}"},
            compression=None,  # parts are sent once, and most consoles do not negotiate it
            proxy=None if _is_local(self.url) else True,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=None,  # the console itself refuses what would be too large a reply
        ) as socket:
            connection = Connection(socket, self._outbox, self._bell)
            try:
                welcome = await connection.greet(self._hello())
                logger.info("connected to %s as runner %s", self.url, welcome.runner)
                self._trouble = None
                self.lease_seconds = welcome.lease_seconds
                self._on_welcome(welcome)
                await connection.serve(welcome, self._heartbeat, self._on_hint, self._on_beat)
            except (ConnectionClosed, ProtocolError) as error:
                self._fail_what_broke(connection, error)
                raise
            finally:
                self._outbox.put_back(connection.in_flight)

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(self._hello().held)

    def _fail_what_broke(self, connection: Connection, error: Exception) -> None:
        """Fail what was in flight when the protocol was broken: it would break it again."""
        if (reason := breach(error)) is not None:
            for item in connection.in_flight:
                self._outbox.fail(item, reason)

    def _note_trouble(self, trouble: str) -> None:
        if trouble != self._trouble:
            logger.warning("no connection to %s, trying again: %s", self.url, trouble)
            self._trouble = trouble


def endpoint(url: str) -> str:
    """The socket address of a console: `ws://host:port` and `https://host` get the usual path.

    Raises:
        ValueError: it is no such address.
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a console; write ws://host:port or wss://host")
    path = parts.path if parts.path.strip("/") else PATH
    return parts._replace(scheme=scheme, path=path).geturl()


def _accepted(results: tuple[Result, ...]) -> Result:
    (result,) = results
    if isinstance(result, Refused):
        raise Refusal.of(result)
    return result


def _delays() -> Iterator[float]:
    """Seconds to wait before each attempt, spread so that many runners do not come at once."""
    jitter = random.Random()  # noqa: S311  # not a secret, and leaves the agents' seeds alone
    delay = SHORTEST_DELAY
    while True:
        yield delay * jitter.uniform(0.5, 1.0)
        delay = min(2 * delay, LONGEST_DELAY)


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _guarded(callback: Callable[[M], None] | None) -> Callable[[M], None]:
    """The callback, which may fail without ending the connection."""

    def call(message: M) -> None:
        if callback is None:
            return
        try:
            callback(message)
        except Exception:
            logger.exception("a callback failed on %r", message)

    return call
