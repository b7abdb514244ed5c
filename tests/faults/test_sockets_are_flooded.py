"""Runners that send too much, or read nothing: the console's memory stays within its bounds.

`docs/operations.md` states the bounds. Sockets by hand: the real runner would not do this.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.client import ClientConnection, connect

from agents.models import Checkpoint
from agents.services import tokens
from reviewconsole.protocol.messages import (
    VERSION,
    Done,
    Found,
    Get,
    Hello,
    Owner,
    Request,
    Result,
    Whole,
)
from reviewconsole.protocol.session import Answered, RunnerSession
from reviewconsole.runner.client import ConsoleClient
from tests.memory import MB, Peak
from tests.processes import wait_until
from tests.servers import Console, StartConsole
from tests.services.saving import put

AGENT = Owner("flooding")
FRAMES = int(os.environ.get("FLOOD_FRAMES", "400"))  # 10000 takes a minute or two
RUNNERS = 20


@pytest.fixture
def secret(transactional_db: None) -> str:
    return tokens.create(name="flooding", agents=["flooding"])[1]


def hello(instance: str) -> Hello:
    return Hello(VERSION, instance, instance, 1, ({"name": "flooding"},), {}, ())


def state(thread: str, number: int, size: int) -> Request:
    """A checkpoint of so many bytes."""
    value = Whole("bytes", number.to_bytes(4, "big") * (size // 4))
    return put(f"1ef{number:05d}", {("x", str(number)): value}, scope=AGENT, thread=thread)


@dataclass
class Flood:
    """One connection that sends without reading."""

    socket: ClientConnection
    session: RunnerSession = field(default_factory=RunnerSession)

    async def send(self, *requests: Request) -> None:
        """Send a frame; waits for the console to read, and for nothing else."""
        await self.socket.send(self.session.send(requests)[1])

    async def results(self) -> tuple[Result, ...]:
        """Read the next reply."""
        while True:
            data = await self.socket.recv()
            assert isinstance(data, bytes)
            received = self.session.receive(data)
            if isinstance(received, Answered):
                return received.results


@asynccontextmanager
async def flooding(console: Console, secret: str, name: str) -> AsyncIterator[Flood]:
    async with connect(
        f"{console.socket_url}/ws/runner/",
        additional_headers={"Authorization": f"Bearer {secret}"},
        compression=None,
        max_size=None,
        max_queue=1,  # what is not read stays with the console
        ping_interval=None,
        close_timeout=0.1,
    ) as socket:
        flood = Flood(socket)
        await flood.send(hello(name))
        await flood.results()
        yield flood


@contextmanager
def growing_at_most(console: Console, most: int) -> Iterator[None]:
    assert console.popen is not None
    peak = Peak(console.popen.pid)
    yield
    print(f"the console grew by {peak.growth / MB:.0f} MB")  # noqa: T201 -- the figure is the point
    assert peak.growth <= most


async def test_thousands_of_frames_at_once(console: Console, secret: str) -> None:
    """Of 20 runners that send all they have before they read: all are stored."""

    async def flood(name: str) -> None:
        async with flooding(console, secret, name) as runner:
            reading = asyncio.create_task(read(runner))
            for number in range(FRAMES // RUNNERS):
                await runner.send(state(name, number, 4000))
            await reading

    async def read(runner: Flood) -> None:
        await asyncio.sleep(1)
        for _ in range(FRAMES // RUNNERS):
            assert await runner.results() == (Done(),)

    with growing_at_most(console, 120 * MB):
        await asyncio.gather(*(flood(f"runner-{number}") for number in range(RUNNERS)))
    assert await Checkpoint.objects.acount() == FRAMES


async def test_a_runner_that_does_not_read_its_replies(console: Console, secret: str) -> None:
    """It has asked for 500 MB: the console reads no more of it, and serves the others."""
    async with AsyncExitStack() as stack:
        stalled, other = [
            await stack.enter_async_context(flooding(console, secret, name)) for name in "ab"
        ]
        await other.send(state("large", 1, 5 * MB))
        assert await other.results() == (Done(),)
        with growing_at_most(console, 100 * MB):
            asking = asyncio.create_task(ask(stalled))
            for _ in range(20):
                await other.send(Get(AGENT, "large", "", None))
                assert len(await other.results()) == 1
            asking.cancel()


async def ask(runner: Flood) -> None:
    """Ask for a large state, again and again."""
    for _ in range(100):
        await runner.send(Get(AGENT, "large", "", None))


@pytest.fixture
def large_frames(share_console: StartConsole) -> Console:
    return share_console(RUNNER_MAX_FRAME_BYTES=str(256 * MB))


async def test_a_state_of_100_mb(large_frames: Console, secret: str) -> None:
    """It passes where the limit was raised, both ways."""
    console = large_frames
    with ConsoleClient(console.socket_url, secret, lambda: hello("large")) as client:
        (small,) = client.call(state("huge", 1, 1000)).result(60)
        with growing_at_most(console, 1000 * MB):
            (stored,) = client.call(state("huge", 2, 100 * MB)).result(60)
            (found,) = client.call(Get(AGENT, "huge", "", None)).result(60)
    assert (small, stored) == (Done(), Done())
    assert isinstance(found, Found)
    ((item,),) = [checkpoint.values for checkpoint in found.checkpoints]
    assert isinstance(item.value, Whole)
    assert len(item.value.data) == 100 * MB


async def test_a_state_that_is_too_large_says_how_large_and_what_helps(
    console: Console, secret: str
) -> None:
    """Nothing of it is sent."""
    with ConsoleClient(console.socket_url, secret, lambda: hello("large")) as client:
        wait_until("it is connected", lambda: client.call(state("huge", 1, 1000)).result(60))
        with growing_at_most(console, 20 * MB):
            error = client.call(state("huge", 2, 100 * MB)).exception(60)
    assert "a Put of thread 'huge' takes 100000" in str(error)
    assert "raise its RUNNER_MAX_FRAME_BYTES or keep less in the state" in str(error)
