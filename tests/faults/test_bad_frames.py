"""A runner, or somebody who took its place, sends what no runner may send.

Each connection ends with the documented code; the console and the other runners go on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ormsgpack
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from agents.models import Checkpoint, Runner
from agents.services import tokens
from reviewconsole.protocol import codec
from reviewconsole.protocol.messages import VERSION, Beat, Done, Heartbeat, Request
from reviewconsole.protocol.session import Answered, RunnerSession
from tests.factories import make_hello, make_token
from tests.processes import wait_until
from tests.servers import Console, StartConsole
from tests.services.saving import put

PATIENCE_SECONDS = 10
MEBIBYTE = 1024 * 1024

HELLO = codec.encode_requests(1, [make_hello()])
BEAT = codec.encode_requests(2, [Heartbeat(())])
STORE = codec.encode_requests(2, [put("1efa")])

# What is sent, one after the other, and the code with which it ends.
BREACHES: dict[str, tuple[list[bytes | str], int]] = {
    "text": (["hello"], 4400),
    "text after the hello": ([HELLO, "hello"], 4400),
    "nothing": ([b""], 4400),
    "noise": ([bytes(range(256))], 4400),
    "a hello cut off": ([HELLO[:-1]], 4400),
    "a request cut off": ([HELLO, STORE[:-1]], 4400),
    "another hello's bytes": ([HELLO[::-1]], 4400),
    "a reply": ([HELLO, ormsgpack.packb([2, None])], 4400),
    "an unknown message": ([HELLO, ormsgpack.packb([2, [[99]]])], 4400),
    "a decision": ([HELLO, ormsgpack.packb([2, [["decide", 1, "approve"]]])], 4400),
    "fields of another type": ([HELLO, ormsgpack.packb([2, [[12, "all"]]])], 4400),
    "too few fields": ([HELLO, ormsgpack.packb([2, [[12]]])], 4400),
    "deep nesting": ([HELLO, b"\x91" * 100_000], 4400),
    "a length that is not there": ([HELLO, b"\xdd\xff\xff\xff\xff"], 4400),
    "no hello": ([codec.encode_requests(1, [Heartbeat(())])], 4409),
    "a second hello": ([HELLO, codec.encode_requests(2, [make_hello()])], 4409),
    "an id repeated": ([HELLO, BEAT, BEAT], 4409),
    "an id skipped": ([HELLO, codec.encode_requests(3, [Heartbeat(())])], 4409),
    "another version": ([codec.encode_requests(1, [make_hello(version=VERSION + 1)])], 4426),
    "a broken frame before a good one": ([HELLO, b"\xc1", STORE], 4400),
    "above the limit": ([HELLO, bytes(MEBIBYTE + 1)], 4413),
    "far above the limit": ([HELLO, bytes(3 * MEBIBYTE)], 1006),
}


class Peer:
    """A connection that keeps to the protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.session = RunnerSession()

    def ask(self, *requests: Request) -> list[Any]:
        """Send a frame, and return its results; hints are passed over."""
        self.connection.send(self.session.send(requests)[1])
        while True:
            data = self.connection.recv(PATIENCE_SECONDS)
            assert isinstance(data, bytes)
            match self.session.receive(data):
                case Answered(results=results):
                    return list(results)


@contextmanager
def opened(console: Console, secret: str) -> Iterator[ClientConnection]:
    """A connection with this token."""
    headers = {"Authorization": f"Bearer {secret}"}
    url = f"{console.socket_url}/ws/runner/"
    with connect(url, additional_headers=headers, max_size=None) as connection:
        yield connection


def end_of(connection: ClientConnection, frames: Sequence[bytes | str]) -> int:
    """Send these frames, and return the code with which the console ends the connection."""
    try:
        for frame in frames:
            connection.send(frame)
        while True:
            connection.recv(PATIENCE_SECONDS)
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else 1006


@pytest.fixture
def console(start_console: StartConsole) -> Console:
    """A console that takes frames of at most a mebibyte."""
    return start_console(RUNNER_MAX_FRAME_BYTES=str(MEBIBYTE))


def test_every_breach_ends_its_own_connection_with_its_code(console):
    _, good = make_token("good")
    _, bad = make_token("bad")
    with opened(console, good) as connection:
        peer = Peer(connection)
        peer.ask(make_hello("good"))
        ended = {}
        for name, (frames, _code) in BREACHES.items():
            with opened(console, bad) as broken:
                ended[name] = end_of(broken, frames)
            assert peer.ask(Heartbeat(())) == [Beat((), ())], name
        assert ended == {name: code for name, (_frames, code) in BREACHES.items()}
        assert Checkpoint.objects.count() == 0
        assert peer.ask(put("1efa")) == [Done()]
    assert console.is_alive


def test_a_token_that_is_not_one_ends_the_connection_with_4401(console):
    token, revoked = make_token()
    tokens.revoke(token=token)
    for secret in (revoked, "rct_wrong", token.digest, ""):
        with opened(console, secret) as connection:
            assert end_of(connection, [HELLO]) == 4401
    assert Runner.objects.count() == 0


def test_a_token_revoked_elsewhere_ends_the_connection_at_the_next_request(console):
    """Revoked in another process, without a broker between them: no hint says so."""
    token, secret = make_token()
    with opened(console, secret) as connection:
        peer = Peer(connection)
        peer.ask(make_hello())
        tokens.revoke(token=token)
        assert [result.reason for result in peer.ask(put("1efa"))] == ["forbidden"]
        assert end_of(connection, [peer.session.send([Heartbeat(())])[1]]) == 4401


def test_a_connection_that_breaks_off_leaves_the_console_in_order(console):
    _, secret = make_token()
    with opened(console, secret) as connection:
        Peer(connection).ask(make_hello())
        connection.send(STORE)
        connection.socket.close()
    wait_until(
        "the console sees it go", lambda: Runner.objects.filter(disconnected_at=None).count() == 0
    )
    with opened(console, secret) as connection:
        (welcome,) = Peer(connection).ask(make_hello())
        assert (welcome.runner, welcome.lost) == (Runner.objects.get().pk, ())
