"""Daphne, ending in peace: what is in hand is finished, and whoever is connected is told."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import daphne.server  # noqa: F401 -- first: it installs the reactor of asyncio
from daphne.http_protocol import WebRequest
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor

from agents.management.flow import BoundedServer, BoundedSocket, bound_bodies

DRAIN_SECONDS = 5.0  # for requests and frames in hand; what takes longer is cut off
_LOOK_SECONDS = 0.02
NORMAL = 1000


class Socket(BoundedSocket):
    """A websocket whose close carries its reason, and any code that the standard knows."""

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Send what the application says; Daphne's own drops reasons and fails on 1011 to 1013."""
        if message["type"] == "websocket.close" and self.state == self.STATE_OPEN:
            code = message.get("code", NORMAL)
            self.sendCloseFrame(code, message.get("reason", "").encode("ascii", "replace"))
        else:
            super().handle_reply(message)


class ConsoleServer(BoundedServer):
    """A server that ends on SIGTERM or SIGINT, and at the second one at once.

    It takes no more connections, answers the requests it has, and sends each socket's application
    the event `console.ends`, behind everything that came before: so a runner's frames are stored
    and acknowledged before the socket closes. Then, or after `DRAIN_SECONDS`, it stops.
    """

    def __init__(self, *, ready_callable: Callable[[], None], **options: Any) -> None:
        """Take Daphne's options; `ready_callable` is called once it listens."""
        super().__init__(signal_handlers=False, ready_callable=self._ready, **options)
        self._announce = ready_callable
        self._ending: asyncio.Future[None] | None = None
        self._told: set[WebSocketProtocol] = set()

    def _ready(self) -> None:
        self.ws_factory.protocol = Socket
        bound_bodies(self.http_factory, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_event_loop().add_signal_handler(number, self.end)
        self._announce()

    def end(self) -> None:
        """Begin to end; when called again, stop now."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._drain())
        else:
            self.stop()

    async def _drain(self) -> None:
        for listener in self.listeners:
            listener.addCallback(lambda port: port.stopListening())
        deadline = time.monotonic() + DRAIN_SECONDS
        while (busy := self._busy()) and time.monotonic() < deadline:
            for protocol in busy:
                self._tell(protocol)
            await asyncio.sleep(_LOOK_SECONDS)
        if reactor.running:
            self.stop()

    def _busy(self) -> list[WebRequest | WebSocketProtocol]:
        """The requests and sockets that are not over; connections that are kept idle have none."""
        return [
            protocol
            for protocol, details in self.connections.items()
            if "disconnected" not in details or not _is_done(details.get("application_instance"))
        ]

    def _tell(self, protocol: WebRequest | WebSocketProtocol) -> None:
        if isinstance(protocol, WebRequest):
            # Its connection ends with the answer; Twisted takes the channel from one that is given.
            if (channel := getattr(protocol, "channel", None)) is not None:
                channel.persistent = False
        elif protocol.state == protocol.STATE_OPEN and protocol not in self._told:
            self._told.add(protocol)
            protocol.application_queue.put_nowait({"type": "console.ends"})


def _is_done(application: asyncio.Future[None] | None) -> bool:
    return application is None or application.done()
