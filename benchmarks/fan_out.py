"""One event to the last of 1,000 open pages: two console processes that share a Redis.

The event is a pause; a page has heard of it when its frame has come, with the whole inbox drawn.
Measured from the commit. Against it, in turn: a bare loop that sends the same bytes to as many
sockets of one process. Both are heard by the same client, which takes its share of the machine.

At the end some pages lose their connection, miss a pause, and come back: they must know of it.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.commits import note_commits, stored_at
from benchmarks.installation import Installation, installation, start
from benchmarks.row import Row, main
from tests.processes import free_port

if TYPE_CHECKING:
    from tests.pauses.browser import Browser
    from tests.servers import Console

Address: TypeAlias = tuple[str, dict[str, str]]
"""The URL of a socket, and the headers to open it with."""

WARM_UP = 2
PEOPLE = 50  # who have the pages open
OPENING = 20  # at once
PATIENCE = 60.0  # seconds


class Crowd:
    """Sockets, and whether all of them have heard a frame that holds some words."""

    def __init__(self) -> None:
        """Nobody is connected."""
        self.sockets: list[ClientConnection] = []
        self.last_frame = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._words = "\0"
        self._waiting: set[ClientConnection] = set()
        self._heard = asyncio.Event()

    async def open(self, addresses: Sequence[Address]) -> list[ClientConnection]:
        """Connect to each, some at once; what was opened."""
        turn = asyncio.Semaphore(OPENING)

        async def one(url: str, headers: dict[str, str]) -> ClientConnection:
            async with turn:
                return await connect(
                    url, additional_headers=headers, compression=None, ping_interval=None
                )

        opened = await asyncio.gather(*(one(url, headers) for url, headers in addresses))
        self.sockets += opened
        self._waiting |= set(opened)
        for socket in opened:
            task = asyncio.create_task(self._listen(socket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return opened

    async def _listen(self, socket: ClientConnection) -> None:
        async for frame in socket:
            if self._words in (text := str(frame)):
                self._waiting.discard(socket)
                self.last_frame = text
                if not self._waiting:
                    self._heard.set()

    def expect(self, words: str) -> None:
        """From now on every socket is to hear a frame with these words."""
        self._words, self._waiting = words, set(self.sockets)
        self._heard.clear()

    async def all_heard(self) -> float:
        """When the last one has heard them, as the time of day.

        Raises:
            TimeoutError: some have not, in time.
        """
        try:
            await asyncio.wait_for(self._heard.wait(), PATIENCE)
        except TimeoutError:
            missed, all_of_them = len(self._waiting), len(self.sockets)
            raise TimeoutError(f"{missed} of {all_of_them} have not heard {self._words}") from None
        return time.time()

    async def close(self, count: int) -> None:
        """Close the first so many sockets."""
        gone, self.sockets = self.sockets[:count], self.sockets[count:]
        await asyncio.gather(*(socket.close() for socket in gone))


@contextmanager
def redis() -> Iterator[str]:
    """A Redis of its own; its URL."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


@contextmanager
def bare_server() -> Iterator[str]:
    """The floor's process; its address."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare_server", str(port)]
    with subprocess.Popen(command) as server:
        try:
            yield f"ws://127.0.0.1:{port}"
        finally:
            server.kill()


def addresses(house: Installation, consoles: Sequence[Console], count: int) -> list[Address]:
    """Where the pages of many people connect, spread over the consoles."""
    from django.conf import settings  # noqa: PLC0415 -- after `django.setup`
    from django.test import Client  # noqa: PLC0415

    from agents.roles import REVIEWERS  # noqa: PLC0415

    cookies = []
    for number in range(min(PEOPLE, count)):
        client = Client()
        client.force_login(house.person(f"reviewer-{number}", REVIEWERS))
        name = settings.SESSION_COOKIE_NAME
        cookies.append(f"{name}={client.cookies[name].value}")
    return [
        (
            f"{console.socket_url}/ws/console/?topic=waiting&topic=inbox",
            {"Cookie": cookies[number % len(cookies)], "Origin": console.url},
        )
        for number in range(count)
        for console in [consoles[number % len(consoles)]]
    ]


async def measure(
    house: Installation, browser: Browser, pages: Sequence[Address], bare: str, rounds: int
) -> list[tuple[float, float]]:
    """(ours, floor) in seconds, of each round.

    Raises:
        TimeoutError: a page has missed a pause.
    """
    ours, floor = Crowd(), Crowd()
    await floor.open([(f"{bare}/", {})] * len(pages))
    await ours.open(pages)
    taken = []
    with psycopg.connect(house.database, autocommit=True) as database:
        note_commits(database)
        async with connect(f"{bare}/all", compression=None) as order:
            for number in range(WARM_UP + rounds):
                took = await _pause(ours, browser, f"event-{number}.", database)
                floor.expect(words := f"<!-- {number} -->")
                told = time.time()
                await order.send(ours.last_frame + words)
                taken.append((took, await floor.all_heard() - told))
        # Some lose their connection, miss a pause, and come back.
        some = len(pages) // 10
        await ours.close(some)
        await _pause(ours, browser, "missed.", database)
        await ours.open(pages[:some])
        await ours.all_heard()
    await asyncio.gather(ours.close(len(pages)), floor.close(len(pages)))
    return taken[WARM_UP:]


async def _pause(
    crowd: Crowd, browser: Browser, subject: str, database: psycopg.Connection
) -> float:
    """Have an agent pause; the seconds from then until the last page had heard of it."""
    from agents.models import Interrupt  # noqa: PLC0415 -- after `django.setup`

    crowd.expect(subject)
    await asyncio.to_thread(start, browser, "reviewed", subject)
    ended = await crowd.all_heard()
    asked = await Interrupt.objects.aget(thread__title=subject)
    return ended - stored_at(database, asked.pk)


def rows(short: bool) -> Iterator[Row]:
    """One row; milliseconds. None, and a word about it, where there is no Redis."""
    if shutil.which("redis-server") is None:
        sys.stderr.write("fan_out: NOT MEASURED: there is no redis-server (apt: redis-server)\n")
        return
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count, rounds = (40, 2) if short else (1000, 15)
    with installation() as house, redis() as broker, bare_server() as bare:
        from agents.roles import OPERATORS  # noqa: PLC0415 -- after `django.setup`
        from tests.pauses.browser import Browser  # noqa: PLC0415

        consoles = [house.console(REDIS_URL=broker) for _ in range(2)]
        house.runner(consoles[0], NOTES=str(house.folder / "notes"))
        olga = Browser(consoles[1], house.person("olga", OPERATORS))
        pages = addresses(house, consoles, count)
        taken = asyncio.run(measure(house, olga, pages, bare, rounds))
    yield Row(
        f"one event to the last of {count:,} browser sockets, two consoles",
        ours=statistics.median(ours for ours, _ in taken) * 1000,
        peer=statistics.median(floor for _, floor in taken) * 1000,
        ratio=statistics.median(ours / floor for ours, floor in taken),
        goal=4,
        wanted="at most",
        unit="ms",
    )


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
