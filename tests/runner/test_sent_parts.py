"""Each part travels once a connection, and again whenever the console may lack it."""

from collections.abc import Callable

import pytest

from reviewconsole.protocol.messages import (
    DeleteThread,
    Done,
    Parts,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    Write,
)
from reviewconsole.protocol.parts import join
from reviewconsole.runner import sent_parts
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.exceptions import Refusal
from tests.runner.peer import Peer
from tests.runner.requests import OWNER, get, parts, put

A, B, C = b"\xa1a", b"\xa1b", b"\xa1c"


def sent(peer: Peer) -> list[tuple[bytes, ...]]:
    """The parts that came with each put or write, in order."""
    values = [
        item.value
        for request in peer.received
        if isinstance(request, Put | PutWrites)
        for item in (request.values if isinstance(request, Put) else request.writes)
    ]
    return [value.new for value in values if isinstance(value, Parts)]


def stored(client: ConsoleClient, thread: str = "thread") -> list[bytes]:
    """The values of the newest checkpoint."""
    (checkpoint,) = client.ask_sync(get(thread)).checkpoints
    return [item.value.data for item in checkpoint.values]  # type: ignore[union-attr]


def test_only_what_is_new_travels(peer: Peer, client: ConsoleClient) -> None:
    """In later puts, in the writes of the same thread and twice within one value."""
    client.ask_sync(put("1", parts(A, B, A)))
    client.ask_sync(put("2", parts(A, B, A, C), parts(C, B)))
    client.ask_sync(
        PutWrites(OWNER, "thread", "", "2", "task", "", False, (Write(0, "c", parts(B, C)),))
    )

    assert sent(peer) == [(A, B), (C,), (), ()]
    assert stored(client) == [join([A, B, A, C]), join([C, B])]


def test_threads_do_not_share_parts(peer: Peer, client: ConsoleClient) -> None:
    """A part belongs to its thread, which may be deleted."""
    client.ask_sync(put("1", parts(A), thread="one"))
    client.ask_sync(put("2", parts(A), thread="two"))

    assert sent(peer) == [(A,), (A,)]


def test_a_new_connection_remembers_nothing(peer: Peer, client: ConsoleClient) -> None:
    """Whether the console stored what was sent last is not known."""
    client.ask_sync(put("1", parts(A)))
    peer.lose_next_reply()
    client.ask_sync(put("2", parts(A, B)))

    assert sent(peer) == [(A,), (B,), (A, B)]
    assert stored(client) == [join([A, B])]


def test_a_refusal_makes_the_client_forget(peer: Peer, client: ConsoleClient) -> None:
    """A refused put has stored nothing."""
    refusals = [Refused(RefusalCode.FENCED, "over")]
    peer.answer_instead = lambda request: (
        refusals.pop() if isinstance(request, Put) and refusals else None
    )
    with pytest.raises(Refusal):
        client.ask_sync(put("1", parts(A)))
    client.ask_sync(put("2", parts(A)))

    assert sent(peer) == [(A,), (A,)]


def test_a_deleted_thread_is_forgotten(peer: Peer, client: ConsoleClient) -> None:
    """Its parts went with it."""
    client.ask_sync(put("1", parts(A)))
    client.ask_sync(DeleteThread(OWNER, "thread"))
    client.ask_sync(put("2", parts(A)))

    assert sent(peer) == [(A,), (A,)]


def test_a_part_that_the_console_lost_is_sent_again(peer: Peer, client: ConsoleClient) -> None:
    """Somebody else deleted the thread: the request goes again with all its parts."""
    client.ask_sync(put("1", parts(A, B)))
    peer.store.delete("thread")
    client.ask_sync(put("2", parts(A, B, C)))
    client.ask_sync(put("3", parts(A, B, C)))

    assert sent(peer) == [(A, B), (C,), (A, B, C), (A, B, C)]
    assert stored(client) == [join([A, B, C])]


def test_a_console_that_never_finds_a_part_is_believed(peer: Peer, client: ConsoleClient) -> None:
    """A request that came in full is not repeated for ever."""
    missing = Refused(RefusalCode.MISSING_PARTS, "a part is missing")
    peer.answer_instead = lambda request: missing if isinstance(request, Put) else None

    with pytest.raises(Refusal, match="a part is missing"):
        client.ask_sync(put("1", parts(A)))
    assert sent(peer) == [(A,), (A,)]


def test_a_part_behind_a_refused_put_is_sent_again(peer: Peer, client: ConsoleClient) -> None:
    """The second put named a part that came with the first, which was refused."""
    refused = Refused(RefusalCode.INVALID, "no")
    peer.answer_instead = lambda request: (
        refused if isinstance(request, Put) and request.checkpoint_id == "1" else None
    )
    results = client.call(put("1", parts(A)), put("2", parts(A))).result(5)

    assert results == (refused, Done())
    assert sent(peer) == [(A,), (), (A,)]


def test_the_memory_is_bounded(
    peer: Peer, connect: Callable[..., ConsoleClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The threads used longest ago are forgotten first."""
    monkeypatch.setattr(sent_parts, "THREADS", 2)
    client = connect(peer)
    for checkpoint, thread in enumerate(["one", "two", "three", "two", "one"]):
        client.ask_sync(put(str(checkpoint), parts(A), thread=thread))

    assert sent(peer) == [(A,), (A,), (A,), (), (A,)]
