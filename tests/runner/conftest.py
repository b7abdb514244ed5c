"""What the tests of the runner's connection share."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from reviewconsole.protocol.messages import VERSION, Hello
from reviewconsole.runner import gate
from reviewconsole.runner.client import ConsoleClient
from tests.runner.peer import TOKEN, Peer


def hello(**changes: object) -> Hello:
    """A hello of a runner that serves nothing."""
    fields: dict[str, object] = {
        "version": VERSION,
        "instance": "one",
        "name": "host:1",
        "capacity": 1,
        "agents": (),
        "versions": {},
        "held": (),
    }
    return Hello(**(fields | changes))  # type: ignore[arg-type]  # a table of its fields


@pytest.fixture(autouse=True)
def nothing_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test find, and leave, a process that has begun no run."""
    monkeypatch.setattr(gate, "_begun", threading.Event())


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A console in memory."""
    with Peer() as peer:
        yield peer


@pytest.fixture
def connect() -> Iterator[Callable[..., ConsoleClient]]:
    """Start clients that are closed at the end: `connect(peer, on_hint=…)`."""
    with ExitStack() as clients:

        def start(peer: Peer, **options: object) -> ConsoleClient:
            fields: dict[str, object] = {"token": TOKEN, "hello": hello} | options
            client = ConsoleClient(peer.url, **fields)  # type: ignore[arg-type]  # as above
            client.start()
            clients.callback(client.close, 0)
            return client

        yield start


@pytest.fixture
def client(peer: Peer, connect: Callable[..., ConsoleClient]) -> ConsoleClient:
    """A client of the console in memory."""
    return connect(peer)
