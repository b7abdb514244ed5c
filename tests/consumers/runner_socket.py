"""A runner's end of its socket, against the console's application in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import WebsocketCommunicator
from django.db import connection

from agents.consumers.rounds import Call
from agents.consumers.writer import writer
from reviewconsole.asgi import application
from reviewconsole.protocol.messages import Done, Hint, Request, Welcome
from reviewconsole.protocol.session import Answered, RunnerSession
from tests.factories import RUNNER, make_hello

PATIENCE_SECONDS = 10


class RunnerSocket(WebsocketCommunicator):
    """One connection. `hints` are those that came before an answer."""

    def __init__(self, secret: str) -> None:
        self.session = RunnerSession()
        self.hints: list[Hint] = []
        authorization = (b"authorization", f"Bearer {secret}".encode())
        super().__init__(application, "/ws/runner/", headers=[authorization])

    async def ask(self, *requests: Request) -> list[Any]:
        """Send a frame, and return its results."""
        frame_id, data = self.session.send(requests)
        await self.send_to(bytes_data=data)
        while not isinstance(received := await self.receive(), Answered):
            self.hints += received
        assert received.frame_id == frame_id
        return list(received.results)

    async def receive(self) -> Answered | tuple[Hint, ...]:
        """The next frame."""
        data = await self.receive_from(PATIENCE_SECONDS)
        assert isinstance(data, bytes), data
        return self.session.receive(data)

    async def hint(self) -> Hint:
        """The next hint, which stands alone."""
        received = await self.receive()
        assert not isinstance(received, Answered), received
        (hint,) = received
        return hint

    async def closed_with(self) -> tuple[int, str]:
        """The code and the reason with which the console closes; what it sent before is dropped."""
        while (event := await self.receive_output(PATIENCE_SECONDS))["type"] != "websocket.close":
            pass
        return event["code"], event["reason"]


@asynccontextmanager
async def connected(secret: str) -> AsyncIterator[RunnerSocket]:
    """A socket whose handshake was accepted."""
    socket = RunnerSocket(secret)
    accepted, _ = await socket.connect(PATIENCE_SECONDS)
    assert accepted
    try:
        yield socket
    finally:
        await socket.disconnect(timeout=PATIENCE_SECONDS)


@asynccontextmanager
async def greeted(
    secret: str, instance: str = RUNNER, **hello: Any
) -> AsyncIterator[tuple[RunnerSocket, Welcome]]:
    """A socket that has said hello, and its welcome."""
    async with connected(secret) as socket:
        (welcome,) = await socket.ask(make_hello(instance, **hello))
        assert isinstance(welcome, Welcome), welcome
        yield socket, welcome


async def let_writer_end() -> None:
    """Close the connection of this test's writer: its thread ends with the test's event loop."""

    def close() -> Done:
        connection.close()
        return Done()

    await writer().execute([Call(0, close)])
