"""What one connection can make the server hold is bounded, both ways."""

import base64
import json
import os
import socket
import struct
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.memory import MB, Peak
from tests.processes import Process, free_port, wait_until

BOUND = 24 * MB  # a message or two, and what the kernel keeps of a connection


class Server(Process):
    """`tests.management.flooding`, started."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "tests.management.flooding", str(self.port)]
        super().__init__("the flooding server", command, {}, log)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            self.ask("/told")
        except OSError:
            return False
        return True

    def ask(self, path: str) -> Any:
        """What it answers to a GET."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def connect(self) -> socket.socket:
        """A connection whose end here holds little of what is not read."""
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        end.settimeout(10)
        end.connect(("127.0.0.1", self.port))
        return end

    def upgrade(self, path: str) -> socket.socket:
        """A websocket by hand, which reads nothing by itself."""
        end = self.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        end.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .encode()
        )  # fmt: skip
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += end.recv(1)
        assert b" 101 " in head
        return end


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("flow") / "server.log").start()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    shared_server.log.write_bytes(b"")
    shared_server.ask("/forget")
    yield shared_server
    sys.stdout.write(shared_server.output)


@pytest.fixture
def peak(server: Server) -> Peak:
    assert server.popen is not None
    return Peak(server.popen.pid)


def frame(opcode: int, payload: bytes) -> bytes:
    """A websocket frame of a client, masked by nothing."""
    size = len(payload)
    length = (
        bytes([0x80 | size]) if size < 126
        else b"\xfe" + struct.pack(">H", size) if size < 65536
        else b"\xff" + struct.pack(">Q", size)
    )  # fmt: skip
    return bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload


def sent_at_most(end: socket.socket, data: memoryview) -> int:
    """Send until the other end takes no more for half a second; returns how much it took."""
    end.settimeout(0.5)
    sent = 0
    with suppress(OSError):  # it waits, or it was cut
        while sent < len(data):
            sent += end.send(data[sent : sent + MB])
    end.settimeout(10)
    return sent


def test_a_browser_that_does_not_read_is_cut(server: Server, peak: Peak) -> None:
    with closing(server.upgrade("/ws/flood/")) as end:
        end.sendall(frame(1, b"go"))
        wait_until("it is cut", lambda: server.ask("/told").get("gone"))

        assert server.ask("/told")["messages"] > 0
        assert peak.growth < BOUND
        assert "does not read what it is sent" in server.output


def test_one_that_reads_gets_everything(server: Server, peak: Peak) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/ws/flood/", max_size=None) as browser:
        browser.send("go")
        assert sum(len(browser.recv()) for _ in range(200)) == 200 * MB
    assert peak.growth < BOUND


def test_a_download_that_is_not_read_is_cut(server: Server, peak: Peak) -> None:
    with closing(server.connect()) as end:
        end.sendall(b"GET /pieces HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until("it is cut", lambda: "does not read what it is sent" in server.output)
        wait_until("all of it is made", lambda: server.ask("/told").get("pieces") == 200)

        assert peak.growth < BOUND


def test_a_download_that_is_read_is_whole(server: Server, peak: Peak) -> None:
    url = f"http://127.0.0.1:{server.port}/pieces"
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert len(answer.read()) == 200 * MB
    assert peak.growth < BOUND


@pytest.mark.parametrize(
    "head", ["Content-Length: 50000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"]
)
def test_a_body_without_an_end_is_refused(server: Server, peak: Peak, head: str) -> None:
    with closing(server.connect()) as end:
        end.sendall(f"POST /body HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}".encode())
        chunk = b"186a0\r\n" + b"x" * 100_000 + b"\r\n"
        sent = sent_at_most(end, memoryview(chunk * 500))
        assert sent < 500 * len(chunk)
    assert peak.growth < BOUND


def test_a_body_that_is_long_comes_whole(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/body"
    with urllib.request.urlopen(url, data=b"x" * 1_000_000, timeout=10) as answer:
        assert answer.read() == b"1000000"
    with pytest.raises(OSError, match=r"413|reset|[Bb]roken"):
        urllib.request.urlopen(url, data=b"x" * 1_000_001, timeout=10)


def test_frames_wait_outside_while_the_application_is_busy(server: Server, peak: Peak) -> None:
    """10,000 frames of 10 kB, sent as fast as the connection takes them."""
    with closing(server.upgrade("/ws/runner/")) as end:
        flood = memoryview(frame(2, b"x" * 10_000) * 10_000)
        sent = sent_at_most(end, flood)
        assert sent < len(flood)
        assert peak.growth < BOUND

        server.ask("/take")
        answers = b""
        while sent < len(flood) or answers.count(b"10000") < 10_000:
            if sent < len(flood):
                sent += end.send(flood[sent : sent + 100_000])
            answers += end.recv(65536)
    assert peak.growth < BOUND


def test_pings_are_not_answered_to_one_that_does_not_read(server: Server, peak: Peak) -> None:
    server.ask("/take")
    with closing(server.upgrade("/ws/runner/")) as end:
        pings = memoryview(frame(9, b"p" * 125) * 1_000_000)
        assert sent_at_most(end, pings) < len(pings)
    assert peak.growth < BOUND


def test_a_browser_has_little_to_say(server: Server) -> None:
    server.ask("/take")
    for size in (4096, 4097):
        with (
            suppress(ConnectionClosed),
            connect(f"ws://127.0.0.1:{server.port}/ws/console/") as browser,
        ):
            browser.send(b"x" * size)
            answer = browser.recv()
            assert (size, answer) == (4096, "4096")
    wait_until("it is noted", lambda: "sent 4097 bytes to /ws/console/" in server.output)
