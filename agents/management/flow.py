"""Flow control, which Daphne lacks: what it holds in memory for one connection is bounded.

What comes in: a websocket is not read while frames of it wait for the application, which takes one
at a time, and the body of a request has an end. What goes out: sending waits until the other end
has taken what was sent, so that whoever makes more (a page's drawings, a thread's export, replies
to a runner) waits as well; a connection that takes nothing is cut.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any, TypeAlias

import daphne.server  # noqa: F401 -- first: it installs the reactor of asyncio
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol

FRAMES_WAITING = 2  # for the application: our runner has no more than two on their way
STALLED_SECONDS = 30.0  # for the other end to take what it was sent
SLOWEST = 1_000_000  # bytes a second: what is large has longer
BROWSER_BYTES = 4096  # the largest message of a browser, which has nothing to say
RUNNERS = "/ws/runner/"
_TOO_LONG = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

Connection: TypeAlias = WebRequest | WebSocketProtocol

log = logging.getLogger(__name__)


class Flow:
    """One connection: whether the other end takes what it is sent, and whether it is read.

    To Twisted it is a streaming producer: paused when more than 64 KiB wait to be sent, resumed
    when all of them are gone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._taken = asyncio.Event()
        self._taken.set()
        self._is_crowded = False

    def pauseProducing(self) -> None:
        """Note that the other end is behind."""
        self._taken.clear()
        self._read()

    def resumeProducing(self) -> None:
        """Note that the other end has taken everything."""
        self._taken.set()
        self._read()

    def stopProducing(self) -> None:
        """Let nobody wait: the connection has gone."""
        self._taken.set()

    def crowd(self, is_crowded: bool) -> None:
        """Note whether enough has come in for now."""
        if is_crowded != self._is_crowded:
            self._is_crowded = is_crowded
            self._read()

    async def taken(self, size: int) -> bool:
        """Wait until so many bytes were taken; false if they were not within the time for them."""
        if self._taken.is_set():
            return True
        try:
            async with asyncio.timeout(STALLED_SECONDS + size / SLOWEST):
                await self._taken.wait()
        except TimeoutError:
            return False
        return True

    def _read(self) -> None:
        """Read the socket, or do not: its pings are answered with what waits to be sent, too."""
        if isinstance(self._connection, WebRequest):
            return  # Twisted reads it for itself
        if self._is_crowded or not self._taken.is_set():
            self._connection.transport.pauseProducing()
        else:
            self._connection.transport.resumeProducing()


class Inbox(asyncio.Queue[dict[str, Any]]):
    """What one socket's application has not taken yet."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self._flow = flow

    def put_nowait(self, item: dict[str, Any]) -> None:
        """Add an event; when enough wait, the socket is not read any more."""
        super().put_nowait(item)
        if self.qsize() == FRAMES_WAITING:
            self._flow.crowd(True)

    async def get(self) -> dict[str, Any]:
        """Take an event; with the last one the socket is read again."""
        item = await super().get()
        if self.empty():
            self._flow.crowd(False)
        return item


class BoundedRequest(WebRequest):  # type: ignore[misc]  # Daphne has no types
    """A request whose body has an end: Daphne holds the whole before anybody looks at it."""

    longest = 0  # bytes
    _came = 0
    _is_refused = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that says that it is too long, before it comes."""
        super().gotLength(length)
        self._check(length or 0)

    def handleContentChunk(self, data: bytes) -> None:
        """Refuse a body that is too long without having said so."""
        self._came += len(data)
        self._check(self._came)
        if not self._is_refused:
            super().handleContentChunk(data)

    def process(self) -> Any:
        """Begin the application, unless the body was refused."""
        return None if self._is_refused else super().process()

    def _check(self, length: int) -> None:
        if length > self.longest and not self._is_refused:
            self._is_refused = True
            self.channel.transport.write(_TOO_LONG)
            self.channel.loseConnection()


def bound_bodies(factory: HTTPFactory, longest: int) -> None:
    """Let no request of this factory bring more than so many bytes."""
    request = type("Request", (BoundedRequest,), {"longest": longest})
    build = factory.buildProtocol

    def bounded(address: Any) -> Any:
        channel = build(address)
        channel.requestFactory = request
        return channel

    factory.buildProtocol = bounded


class BoundedSocket(WebSocketProtocol):  # type: ignore[misc]  # Daphne has no types
    """A websocket on which only runners say more than a word; what it sends goes out at once."""

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Send what the kernel takes now, and the rest as Twisted does.

        Twisted alone would wait for its next turn, ask whether the kernel takes something, and look
        for readers in between: the agent waits meanwhile.
        """
        super().sendData(data, sync, chopsize)
        if self.transport.connected and not self.transport.disconnecting:
            self.transport.doWrite()

    def onMessageFrameBegin(self, length: int) -> None:
        """Cut a browser that sends what is too long, before it is in memory."""
        super().onMessageFrameBegin(length)
        path = self.path.decode("ascii")
        if self.message_data_total_length > BROWSER_BYTES and not path.endswith(RUNNERS):
            log.warning("%s sent %d bytes to %s", self.peer, self.message_data_total_length, path)
            self.dropConnection(abort=True)


class BoundedServer(Server):  # type: ignore[misc]  # as above
    """Daphne with a `Flow` for each socket, and for each answer that is sent in pieces."""

    def create_application(self, protocol: Connection, scope: dict[str, Any]) -> Any:
        """Begin the application of a connection; returns where its events go."""
        if scope["type"] != "websocket":
            return super().create_application(protocol, scope)
        flow = Flow(protocol)
        protocol.unregisterProducer()  # the HTTP channel, which is done
        protocol.registerProducer(flow, streaming=True)
        inbox = Inbox(flow)
        send = partial(self.handle_reply, protocol)
        running = self.application(
            scope={"asgi": {"version": "3.0"}, **scope}, receive=inbox.get, send=send
        )
        self.connections[protocol] |= {
            "flow": flow,
            "application_instance": asyncio.ensure_future(running),
        }
        return inbox

    async def handle_reply(self, protocol: Connection, message: dict[str, Any]) -> None:
        """Send, and return when the other end can take more; cut one that takes nothing."""
        if message["type"] == "http.response.body":
            self._watch_pieces(protocol, is_last=not message.get("more_body", False))
        await super().handle_reply(protocol, message)
        flow = self.connections.get(protocol, {}).get("flow")
        if flow is not None and not await flow.taken(_size(message)):
            log.warning("cut %r: it does not read what it is sent", protocol)
            if protocol.transport is not None:
                protocol.transport.abortConnection()

    def _watch_pieces(self, request: WebRequest, *, is_last: bool) -> None:
        details = self.connections.get(request, {})
        if request.channel is None:
            return  # it has gone
        if is_last and "flow" in details:
            request.unregisterProducer()
            del details["flow"]
        elif not is_last and "flow" not in details:
            details["flow"] = Flow(request)
            request.registerProducer(details["flow"], streaming=True)

    def protocol_disconnected(self, protocol: Connection) -> None:
        """Note that a connection has gone."""
        if flow := self.connections.get(protocol, {}).get("flow"):
            flow.stopProducing()
        super().protocol_disconnected(protocol)


def _size(message: dict[str, Any]) -> int:
    return max(len(message.get(key) or "") for key in ("bytes", "text", "body"))
