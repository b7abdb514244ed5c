"""What the machine itself needs for a round trip of a socket, and for a commit."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from playwright.sync_api import Page

ECHO = """
import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message)
async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(serve())
"""
ROUND_TRIPS = """async (port) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((done) => { socket.onopen = done; });
  const times = [];
  for (let i = 0; i < 25; i++) {
    const begun = performance.now();
    socket.send("x".repeat(200));
    await new Promise((done) => { socket.onmessage = done; });
    times.push(performance.now() - begun);
  }
  socket.close();
  return times;
}"""

COMMITS = "CREATE TABLE IF NOT EXISTS commits (id bigserial PRIMARY KEY)"


class Floor:
    """What the machine itself needs, there and then."""

    def __init__(self, page: Page, port: int, connection: psycopg.Connection) -> None:
        """`page` is blank; an echo listens on `port`; the connection commits by itself."""
        self._page = page
        self._port = port
        self._connection = connection
        connection.execute(COMMITS)

    def round_trip(self) -> float:
        """Between this browser and a bare socket server."""
        times: list[float] = self._page.evaluate(ROUND_TRIPS, self._port)
        return statistics.median(times) / 1000

    def commit(self) -> float:
        """Of a row on the same PostgreSQL, from a process that keeps its connection."""
        times = []
        for _ in range(25):
            begun = time.perf_counter()
            self._connection.execute("INSERT INTO commits DEFAULT VALUES")
            times.append(time.perf_counter() - begun)
        return statistics.median(times)


@contextmanager
def echo() -> Iterator[int]:
    """A bare socket server in a process of its own; its port."""
    with subprocess.Popen(
        [sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None  # noqa: S101 -- it is a pipe
            yield int(server.stdout.readline())
        finally:
            server.kill()
