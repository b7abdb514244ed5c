"""The client's promises: asked from anywhere, connected again, nothing lost or reordered."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from reviewconsole.protocol import codec
from reviewconsole.protocol.exceptions import (
    FrameTooLarge,
    MalformedFrame,
    OutOfOrder,
    Unauthorised,
    WrongVersion,
)
from reviewconsole.protocol.messages import (
    Beat,
    Cancel,
    Claim,
    Delivered,
    Done,
    Found,
    Get,
    Heartbeat,
    Hello,
    Lease,
    Put,
    RefusalCode,
    Refused,
    Request,
    Result,
    Wake,
)
from reviewconsole.runner import client as client_module, connection, outbox
from reviewconsole.runner.client import ConsoleClient, endpoint
from reviewconsole.runner.exceptions import Disconnected, Refusal
from tests.processes import wait_until
from tests.runner.conftest import hello
from tests.runner.peer import TOKEN, Peer
from tests.runner.requests import OWNER, big_put, get, put

Connect = Callable[..., ConsoleClient]
EMPTY = Found(())


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once: the waiting itself is tested by its numbers."""
    monkeypatch.setattr(client_module, "LONGEST_DELAY", 0.02)
    monkeypatch.setattr(client_module, "SHORTEST_DELAY", 0.02)
    monkeypatch.setattr(connection, "RETRY_SECONDS", 0.01)


def ids(requests: list[Put]) -> list[str]:
    """The checkpoints of these puts."""
    return [request.checkpoint_id for request in requests]


# Asking --------------------------------------------------------------------------------------


async def test_a_coroutine_and_a_thread_ask(client: ConsoleClient) -> None:
    """Both sides of a saver are served, whatever loop they run in."""
    assert await client.ask(get()) == EMPTY
    assert await asyncio.to_thread(client.ask_sync, get()) == EMPTY
    assert client.ask_sync(get()) == EMPTY  # even from within a loop, which it blocks


def test_many_threads_ask_at_once(client: ConsoleClient) -> None:
    """Each gets its own answer."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: client.ask_sync(put(f"{i:03}", thread=str(i))), range(100)))
        found = pool.map(lambda i: client.ask_sync(get(str(i))), range(100))

    assert [result.checkpoints[0].thread for result in found] == [str(i) for i in range(100)]


async def test_a_refusal_is_raised_with_its_reason(peer: Peer, client: ConsoleClient) -> None:
    """`ask` raises what `call` returns."""
    refused = Refused(RefusalCode.FENCED, "attempt 1 is over")
    peer.answer_instead = lambda request: refused if isinstance(request, Get) else None

    with pytest.raises(Refusal, match=r"attempt 1 is over \(fenced\)") as caught:
        await client.ask(get())

    assert caught.value.reason is RefusalCode.FENCED
    assert client.call(get(), Delivered(Lease(1, 1))).result(5) == (refused, Done())


def test_requests_without_an_answer_due_are_refused_at_once() -> None:
    """A client that was not started says so, and closing it changes nothing."""
    client = ConsoleClient("ws://127.0.0.1:9", TOKEN, hello)

    with pytest.raises(Disconnected, match="not started"):
        client.ask_sync(get())
    client.close()


async def test_a_caller_may_stop_waiting(peer: Peer, client: ConsoleClient) -> None:
    """A cancelled put is stored all the same, and disturbs nobody."""
    peer.hold()
    task = asyncio.create_task(client.ask(put("1")))
    await asyncio.to_thread(wait_until, "the put", lambda: peer.of(Put))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    peer.proceed()

    assert [c.checkpoint_id for c in (await client.ask(get())).checkpoints] == ["1"]


def test_a_request_that_msgpack_cannot_hold_fails_alone(client: ConsoleClient) -> None:
    """The connection and the requests beside it go on."""
    impossible = client.call(Claim(2**70))
    fine = client.call(get())

    with pytest.raises(MalformedFrame, match="64-bit"):
        impossible.result(5)
    assert fine.result(5) == (EMPTY,)


# Frames --------------------------------------------------------------------------------------


def test_what_is_submitted_while_two_frames_are_out_gathers(
    peer: Peer, client: ConsoleClient
) -> None:
    """At most two unanswered frames, at most 256 requests in one."""
    peer.hold()
    futures = []
    for i in range(2):
        futures.append(client.call(put(f"{i:03}")))
        wait_until("the frame", lambda: len(peer.frames) == 2 + i)  # noqa: B023  # called at once
    futures += [client.call(put(f"{i:03}")) for i in range(2, 302)]
    peer.proceed()
    for future in futures:
        future.result(5)

    assert [len(frame) for frame in peer.frames] == [1, 1, 1, 256, 44]
    assert ids(peer.of(Put)) == [f"{i:03}" for i in range(302)]


def test_a_frame_stays_below_a_megabyte_but_for_a_single_large_request(
    peer: Peer, client: ConsoleClient
) -> None:
    """Many middle-sized requests are spread; a large one travels alone."""
    peer.hold()
    requests = [big_put("0", 10), *(big_put(str(i), 300_000) for i in range(1, 8))]
    requests += [big_put("8", 3_000_000), big_put("9", 10)]
    futures = client.call(*requests)
    peer.proceed()
    futures.result(5)

    frames = [[len(put.values[0].value.data) for put in frame] for frame in peer.frames[1:]]  # type: ignore[union-attr]
    assert frames == [[10, *[300_000] * 3], [300_000] * 3, [300_000], [3_000_000], [10]]


def test_a_request_beyond_the_limit_fails_and_says_how_to_help(connect: Connect) -> None:
    """Its size, the limit and the setting are named; nothing was sent."""
    size = len(codec.encode_request(big_put("1", 5000)))
    with Peer(max_frame_bytes=5000) as peer:
        client = connect(peer)
        with pytest.raises(FrameTooLarge) as caught:
            client.ask_sync(big_put("1", 5000))
        assert client.ask_sync(get()) == EMPTY
        client.close()

    assert str(caught.value) == (
        f"a Put of thread 'thread' takes {size} bytes, the console takes 5000 at once: "
        "raise its RUNNER_MAX_FRAME_BYTES or keep less in the state"
    )
    assert peer.of(Put) == []


def test_call_blocks_while_too_much_is_queued(
    peer: Peer, client: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory of those who do not wait for results is bounded."""
    monkeypatch.setattr(outbox, "QUEUE_BYTES", 1000)
    peer.hold()
    futures: list[Future[tuple[Result, ...]]] = []

    def submit() -> None:
        futures.extend(client.call(big_put(str(i), 600)) for i in range(8))

    thread = threading.Thread(target=submit)
    thread.start()
    wait_until("two frames", lambda: len(peer.frames) == 3)
    wait_until("the queue is full", lambda: len(futures) >= 2)
    thread.join(0.1)
    assert thread.is_alive()
    peer.proceed()
    thread.join(5)

    assert [future.result(5) for future in futures] == [(Done(),)] * 8


def test_reads_that_do_not_fit_into_one_reply_are_repeated_alone(
    peer: Peer, client: ConsoleClient
) -> None:
    """So many runs may take up their threads at once; one that is too large by itself fails."""
    client.ask_sync(put("1", thread="1"))

    def refuse(request: Request) -> Result | None:
        crowded = len(peer.frames[-1]) > 1 or request == get("2")
        return Refused(RefusalCode.TOO_LARGE, "…") if isinstance(request, Get) and crowded else None

    peer.answer_instead = refuse
    first, second = client.call(get("1"), get("2")).result(5)

    assert isinstance(first, Found)
    assert [checkpoint.checkpoint_id for checkpoint in first.checkpoints] == ["1"]
    assert second == Refused(RefusalCode.TOO_LARGE, "…")


# Lost connections ----------------------------------------------------------------------------


def test_what_was_not_answered_is_sent_again(peer: Peer, client: ConsoleClient) -> None:
    """The put was stored, its reply lost: it comes a second time and changes nothing."""
    assert client.ask_sync(get()) == EMPTY
    peer.lose_next_reply()
    client.ask_sync(put("1"))

    assert ids(peer.of(Put)) == ["1", "1"]
    assert len(peer.of(Hello)) == 2
    assert [c.checkpoint_id for c in client.ask_sync(get()).checkpoints] == ["1"]


def test_the_order_survives_a_reconnect(peer: Peer, client: ConsoleClient) -> None:
    """What was in flight goes first, then what was queued, then what came meanwhile."""
    peer.hold()
    futures = [client.call(put(str(i))) for i in range(3)]
    wait_until("a frame", lambda: peer.of(Put))
    peer.stop()
    futures += [client.call(put(str(i))) for i in range(3, 6)]
    seen = len(peer.received)
    peer.proceed()
    peer.start()
    for future in futures:
        future.result(5)

    assert isinstance(peer.received[seen], Hello)
    assert ids([r for r in peer.received[seen:] if isinstance(r, Put)]) == list("012345")


def test_a_console_that_is_away_is_waited_for(peer: Peer, connect: Connect) -> None:
    """Requests wait through the absence; the welcome is announced each time."""
    welcomes: list[int] = []
    client = connect(peer, on_welcome=lambda welcome: welcomes.append(welcome.runner))
    client.ask_sync(get())
    for _ in range(3):
        peer.stop()
        waiting = client.call(put("1"))
        peer.start()
        assert waiting.result(5) == (Done(),)

    assert welcomes == [1] * 4


def test_attempts_come_within_a_second() -> None:
    """The delays grow from a tenth to below a second, spread by chance, and never end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client_module, "SHORTEST_DELAY", 0.1)
        patch.setattr(client_module, "LONGEST_DELAY", 0.9)
        delays = client_module._delays()
        drawn = [next(delays) for _ in range(50)]

    assert 0.05 <= drawn[0] <= 0.1
    assert all(0.45 <= delay <= 0.9 for delay in drawn[4:])
    assert len(set(drawn)) == 50


def test_each_trouble_is_logged_once(
    peer: Peer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """A console that is away for a day does not fill the log."""
    caplog.set_level(logging.INFO, logger="reviewconsole.runner.client")
    client = connect(peer)
    client.ask_sync(get())
    peer.stop()
    wait_until("the refused attempt", lambda: "Connect call failed" in caplog.text)
    peer.start()
    client.ask_sync(get())

    records = [record for record in caplog.records if record.name == client_module.__name__]
    lost = ["no connection to ws"] * 2  # cut off, then refused
    assert [record.getMessage().split(":")[0] for record in records] == [
        "connected to ws",
        *lost,
        "connected to ws",
    ]


def test_an_unavailable_database_is_waited_for(peer: Peer, client: ConsoleClient) -> None:
    """The request is asked again until the console can answer."""
    refusals = [Refused(RefusalCode.UNAVAILABLE, "the database is locked")] * 3
    peer.answer_instead = lambda request: (
        refusals.pop() if isinstance(request, Put) and refusals else None
    )

    assert client.ask_sync(put("1")) == Done()
    assert ids(peer.of(Put)) == ["1"] * 4


def test_what_was_held_goes_again_in_its_order(peer: Peer, client: ConsoleClient) -> None:
    """A call's end must not come after what its step wrote."""
    refusals = [Refused(RefusalCode.UNAVAILABLE, "the database is locked")] * 3
    peer.answer_instead = lambda request: (
        refusals.pop() if isinstance(request, Put) and refusals else None
    )

    assert client.call(put("1"), put("2"), put("3")).result(5) == (Done(), Done(), Done())
    assert ids(peer.of(Put)) == ["1", "2", "3"] * 2


def test_nothing_goes_past_what_is_held(
    peer: Peer, client: ConsoleClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that is made again must not be asked about before its end was told."""
    refusals = [Refused(RefusalCode.UNAVAILABLE, "the database is locked")]
    peer.answer_instead = lambda request: (
        refusals.pop() if isinstance(request, Put) and refusals else None
    )
    first = client.call(put("1"))
    while "held by the console" not in caplog.text:
        time.sleep(0.001)

    assert client.ask_sync(put("2")) == Done()
    assert first.done()
    assert ids(peer.of(Put)) == ["1", "1", "2"]


# Ends that no reconnecting heals ---------------------------------------------------------------


def test_a_refused_token_ends_the_client(peer: Peer, connect: Connect) -> None:
    """The exception says how to get a token, at the future, at `ended` and at every later call."""
    client = connect(peer, token="another")

    with pytest.raises(Unauthorised, match="createrunnertoken"):
        client.ended.result(5)
    with pytest.raises(Unauthorised, match="this token is unknown"):
        client.ask_sync(get())
    client.close()


def test_another_version_ends_the_client(peer: Peer, connect: Connect) -> None:
    """The exception says what to install."""
    client = connect(peer, hello=lambda: hello(version=99))

    with pytest.raises(WrongVersion, match="install the runner that belongs to"):
        client.ended.result(5)


def test_a_refused_hello_ends_the_client_and_fails_what_waits(peer: Peer, connect: Connect) -> None:
    """A token that does not serve the runner's agents is no token for it."""
    peer.answer_instead = lambda request: Refused(RefusalCode.FORBIDDEN, "not your agent")
    peer.stop()
    client = connect(peer)
    waiting = client.call(get())
    peer.start()

    with pytest.raises(Refusal, match="not your agent"):
        waiting.result(5)
    with pytest.raises(Refusal, match="not your agent"):
        client.ended.result(5)


def test_a_hello_that_the_console_cannot_answer_now_is_said_again(
    peer: Peer, connect: Connect
) -> None:
    """A console without its database is not the end."""
    peer.answer_instead = lambda request: (
        Refused(RefusalCode.UNAVAILABLE, "the database is locked")
        if isinstance(request, Hello) and len(peer.received) < 3
        else None
    )

    assert connect(peer).ask_sync(get()) == EMPTY
    assert len(peer.of(Hello)) == 3


# Broken protocol -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error"), [(4400, MalformedFrame), (4409, OutOfOrder), (4413, FrameTooLarge)]
)
def test_a_request_that_the_console_hangs_up_on_fails(
    peer: Peer, client: ConsoleClient, code: int, error: type[Exception]
) -> None:
    """It would end the next connection the same way; what comes after it is served."""

    def hang_up(request: Request) -> Result | None:
        if isinstance(request, Put):
            raise error("not like this")
        return None

    peer.answer_instead = hang_up

    with pytest.raises(error, match="not like this"):
        client.ask_sync(put("1"))
    assert client.ask_sync(get()) == EMPTY
    assert ids(peer.of(Put)) == ["1"]


@pytest.mark.parametrize("garbage", [b"\xc1", "text", b"\x92\x63\xc0", b"\x92\x00\x05"])
def test_garbage_from_the_console_fails_what_was_in_flight(
    peer: Peer, client: ConsoleClient, garbage: bytes | str
) -> None:
    """The client connects again and goes on."""
    client.ask_sync(get())
    peer.hold()
    waiting = client.call(get())
    wait_until("the second frame", lambda: len(peer.frames) == 3)
    peer.send(garbage)

    with pytest.raises((MalformedFrame, OutOfOrder)):
        waiting.result(5)
    peer.proceed()
    assert client.ask_sync(get()) == EMPTY


# Hints and heartbeats ------------------------------------------------------------------------


def test_hints_reach_their_callback(peer: Peer, connect: Connect) -> None:
    """A callback that fails ends nothing."""
    hints: list[object] = []

    def note(hint: object) -> None:
        hints.append(hint)
        raise RuntimeError("a bug of the callback")

    client = connect(peer, on_hint=note)
    client.ask_sync(get())
    peer.hint(Wake(), Cancel(Lease(1, 2)))
    wait_until("both hints", lambda: len(hints) == 2)

    assert hints == [Wake(), Cancel(Lease(1, 2))]
    assert client.ask_sync(get()) == EMPTY


async def test_leases_are_renewed_while_the_agent_blocks_its_loop(connect: Connect) -> None:
    """Heartbeats name what the hello holds; what they bring back is announced."""
    beats: list[Beat] = []
    with Peer(heartbeat_seconds=0.01) as peer:
        peer.cancelled = {Lease(7, 1)}
        held = (Lease(7, 1), Lease(8, 1))
        client = connect(peer, hello=lambda: hello(held=held), on_beat=beats.append)
        wait_until("three beats", lambda: len(beats) >= 3)  # blocks this loop, as an agent may
        client.close()

    assert set(peer.of(Heartbeat)) == {Heartbeat(held)}
    assert set(beats) == {Beat(lost=(), cancel=(Lease(7, 1),))}


# Closing -------------------------------------------------------------------------------------


def test_close_waits_for_the_answers_due(peer: Peer, client: ConsoleClient) -> None:
    """What was submitted before is done; afterwards nothing is taken."""
    futures = [client.call(put(f"{i:03}")) for i in range(100)]
    client.close()

    assert [future.result(0) for future in futures] == [(Done(),)] * 100
    assert client.ended.result(0) is None
    with pytest.raises(Disconnected, match="closed"):
        client.ask_sync(get())
    client.close()


def test_close_gives_up_after_its_deadline(peer: Peer, client: ConsoleClient) -> None:
    """A console that does not answer fails what waits, and keeps nobody from leaving."""
    peer.hold()
    waiting = client.call(put("1"))
    client.close(timeout=0.05)

    with pytest.raises(Disconnected, match="closed before the console answered"):
        waiting.result(0)


def test_close_while_the_console_is_away(peer: Peer, client: ConsoleClient) -> None:
    """The same without a connection."""
    peer.stop()
    waiting = client.call(get("thread"))
    client.close(timeout=0.05)

    with pytest.raises(Disconnected, match="closed before the console answered"):
        waiting.result(0)


def test_a_client_is_a_context(peer: Peer) -> None:
    """It starts and closes with the block."""
    with ConsoleClient(peer.url, TOKEN, hello) as client:
        assert client.ask_sync(Get(OWNER, "thread", "", None)) == EMPTY

    assert client.ended.done()


# Addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://127.0.0.1:8000", "ws://127.0.0.1:8000/ws/runner/"),
        ("ws://127.0.0.1:8000/", "ws://127.0.0.1:8000/ws/runner/"),
        ("http://localhost:8000", "ws://localhost:8000/ws/runner/"),
        ("https://console.example", "wss://console.example/ws/runner/"),
        ("wss://example/behind/a/proxy/", "wss://example/behind/a/proxy/"),
    ],
)
def test_endpoint(url: str, expected: str) -> None:
    """An address without a path gets the usual one."""
    assert endpoint(url) == expected


@pytest.mark.parametrize("url", ["", "console.example", "ftp://console.example", "ws://"])
def test_what_is_no_address(url: str) -> None:
    """The error names it and shows what is."""
    with pytest.raises(ValueError, match=r"is no address of a console; write ws://host:port"):
        endpoint(url)
