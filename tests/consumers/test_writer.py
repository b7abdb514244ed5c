"""Group commit: what waits together is stored together, in order, and nothing stops the writer."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connection

from agents import push
from agents.consumers import writer as writing
from agents.consumers.rounds import Call
from agents.consumers.writer import Writer, writer
from agents.models import Checkpoint, Runner
from reviewconsole.protocol.messages import (
    CallEnded,
    CheckpointRequest,
    Done,
    Lease,
    Outcome,
    RefusalCode,
    Refused,
    Result,
)
from tests.consumers.runner_socket import let_writer_end
from tests.factories import connect_runner
from tests.services.saving import get, put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def runner(transactional_db: None) -> AsyncIterator[Runner]:
    """A connected runner; no connection of its writer outlives the test."""
    yield await database_sync_to_async(connect_runner)()
    await let_writer_end()


def work(function: Callable[[], object], runner: Runner | None = None) -> Call:
    """A call that runs a function in the writer's thread."""

    def do() -> Result:
        function()
        return Done()

    return Call(runner.pk if runner else 0, do)


async def execute(*calls: Call, size: int = 0) -> list[Any]:
    """Ask as one frame of one connection; `Any`: the tests look into what they get."""
    return [*await writer().execute(calls, size)]


class Busy:
    """Keeps the writer busy: what is asked inside piles up, and waits for the end of the block."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[asyncio.Task[list[Any]]] = []

    async def __aenter__(self) -> "Busy":
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait() -> None:
            loop.call_soon_threadsafe(begun.set)
            self.go.wait(10)

        self.first = asyncio.create_task(execute(work(wait)))
        await begun.wait()
        return self

    def ask(self, *calls: Call, size: int = 0) -> "asyncio.Task[list[Any]]":
        """Ask as one frame of one connection."""
        task = asyncio.create_task(execute(*calls, size=size))
        self.asked.append(task)
        return task

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)  # every task has handed in its frame
        self.go.set()
        await asyncio.gather(self.first, *self.asked, return_exceptions=True)


def stored(runner: Runner, *requests: CheckpointRequest) -> list[Call]:
    return [Call(runner.pk, request) for request in requests]


class Commits:
    """Counts the transactions of the writer's connection."""

    def __init__(self) -> None:
        self.count = 0

    def start(self) -> None:
        connection.force_debug_cursor = True
        connection.queries_log.clear()

    def stop(self) -> None:
        self.count = sum(query["sql"] == "COMMIT" for query in connection.queries_log)
        connection.force_debug_cursor = False


async def test_frames_that_wait_together_are_stored_in_one_transaction_and_read_in_another(runner):
    commits = Commits()
    async with Busy() as busy:
        busy.ask(work(commits.start))
        frames = [
            busy.ask(*stored(runner, put(f"1ef{n}0"), put(f"1ef{n}1"), get(f"1ef{n}0")))
            for n in range(5)
        ]
        busy.ask(work(commits.stop))
    assert commits.count == (1 if connection.vendor == "postgresql" else 2)  # one statement reads
    for n, frame in enumerate(frames):
        done, again, found = await frame
        assert (done, again) == (Done(), Done())
        assert [item.checkpoint_id for item in found.checkpoints] == [f"1ef{n}0"]
    assert await Checkpoint.objects.acount() == 10


async def test_the_end_of_a_call_is_kept_with_the_checkpoint_after_it(runner):
    commits = Commits()
    unknown = CallEnded(Lease(1, 1), 1, "execution", Outcome.FINISHED, None, "")
    async with Busy() as busy:
        busy.ask(work(commits.start))
        frame = busy.ask(Call(runner.pk, unknown), *stored(runner, put("1ef0")))
        busy.ask(work(commits.stop))
    assert commits.count == 1
    refused, done = await frame
    assert (refused.reason, done) == (RefusalCode.FENCED, Done())


async def test_a_single_frame_is_stored_at_once(runner):
    commits = Commits()
    await execute(work(commits.start))
    for n in range(3):
        assert await execute(*stored(runner, put(f"1ef{n}"))) == [Done()]
    await execute(work(commits.stop))
    assert commits.count == 3


async def test_a_round_has_an_end(runner, monkeypatch):
    monkeypatch.setattr(writing, "_AT_MOST", 4)
    commits = Commits()
    await execute(work(commits.start))
    async with Busy() as busy:
        for n in range(6):
            busy.ask(*stored(runner, put(f"1ef{n}0"), put(f"1ef{n}1")))
    await execute(work(commits.stop))
    assert commits.count == 3
    assert await Checkpoint.objects.acount() == 12


async def test_a_round_ends_with_what_is_large(runner, monkeypatch):
    monkeypatch.setattr(writing, "_BYTES_AT_MOST", 1000)
    commits = Commits()
    await execute(work(commits.start))
    async with Busy() as busy:
        for n, size in enumerate((10, 5000, 600, 600, 10)):
            busy.ask(*stored(runner, put(f"1ef{n}")), size=size)
    await execute(work(commits.stop))
    assert commits.count == 3
    assert await Checkpoint.objects.acount() == 5


async def test_everything_is_done_in_the_order_it_was_asked_for(runner):
    done: list[object] = []

    def count() -> None:
        done.append(Checkpoint.objects.count())

    async with Busy() as busy:
        counts = work(count, runner)
        first = busy.ask(counts, *stored(runner, put("1efa"), get()), counts)
        busy.ask(*stored(runner, put("1efb")), counts)
    assert done == [0, 1, 2]
    assert [item.checkpoint_id for item in (await first)[2].checkpoints] == ["1efa"]


async def test_a_frame_whose_connection_is_gone_takes_no_answer_of_another(runner):
    async with Busy() as busy:
        gone = busy.ask(*stored(runner, put("1efa"), put("1efb")))
        stays = busy.ask(*stored(runner, get("1efa"), get("1efc"), put("1efd")))
        await asyncio.sleep(0)
        gone.cancel()
    found, nothing, done = await stays
    assert [item.checkpoint_id for item in found.checkpoints] == ["1efa"]
    assert (nothing.checkpoints, done) == ((), Done())
    assert await Checkpoint.objects.acount() == 3


async def test_a_round_that_fails_as_a_whole_is_answered_and_the_next_is_done(runner, caplog):
    def fail() -> None:
        raise AssertionError("a call that is not guarded")

    async with Busy() as busy:
        frames = [busy.ask(work(fail)), busy.ask(*stored(runner, put("1efa")))]
    failed = [Refused(RefusalCode.UNAVAILABLE, "the console failed; its log says why")]
    assert [await frame for frame in frames] == [failed, failed]
    assert [record.message for record in caplog.records] == ["a round of 2 frames failed"]
    assert await execute(*stored(runner, put("1efa"))) == [Done()]


class LossyLayer(InMemoryChannelLayer):
    """A channel layer that is down; `lost` is set where something was."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lost = asyncio.Event()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.lost.set()
        raise ConnectionError(f"no way to {group}")


async def test_a_channel_layer_that_is_down_costs_hints_and_nothing_else(runner, settings, caplog):
    layer_class = f"{__name__}.{LossyLayer.__qualname__}"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": layer_class}}
    layer = get_channel_layer()
    assert isinstance(layer, LossyLayer)
    for name in ("1efa", "1efb"):
        told = work(lambda: push.changed("inbox", "inbox"))
        assert await execute(told, *stored(runner, put(name))) == [Done(), Done()]
        await layer.lost.wait()
        layer.lost.clear()
    assert [record.message for record in caplog.records] == [
        "a hint to console.inbox was lost",
        "a hint to console.inbox was lost",
    ]


class HangingLayer(InMemoryChannelLayer):
    """A channel layer that takes its time; `sent` is what it was sent, `three` when it is three."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.go = asyncio.Event()
        self.sent: list[str] = []
        self.three = asyncio.Event()

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self.go.wait()
        self.sent.append(group)
        if len(self.sent) == 3:
            self.three.set()


async def test_no_round_waits_for_hints_and_these_go_in_their_order(runner, settings):
    layer_class = f"{__name__}.{HangingLayer.__qualname__}"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": layer_class}}
    layer = get_channel_layer()
    assert isinstance(layer, HangingLayer)
    for topic in ("inbox", "runners", "agents"):
        assert await execute(work(partial(push.changed, topic))) == [Done()]
    assert layer.sent == []
    layer.go.set()
    await layer.three.wait()
    assert layer.sent == ["console.inbox", "console.runners", "console.agents"]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only a server can go away")
async def test_a_broken_connection_is_replaced(runner):
    """As after a restart of the database."""
    backend: list[int] = []

    def look() -> None:
        backend.append(connection.connection.info.backend_pid)

    @database_sync_to_async
    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", backend)

    assert await execute(*stored(runner, put("1ef0"))) == [Done()]
    assert await execute(work(look)) == [Done()]
    await cut()
    (lost,) = await execute(*stored(runner, put("1efa")))
    assert lost.reason == RefusalCode.UNAVAILABLE
    assert await execute(*stored(runner, put("1efa"))) == [Done()]


async def test_each_event_loop_has_one_writer():
    assert writer() is writer()
    other = await asyncio.to_thread(lambda: asyncio.run(_writer_of_this_loop()))
    assert isinstance(other, Writer)
    assert other is not writer()


async def _writer_of_this_loop() -> Writer:
    return writer()


async def _thread_of_this_loop() -> threading.Thread:
    found: list[threading.Thread] = []
    await execute(work(lambda: found.append(threading.current_thread())))
    return found[0]


async def test_the_thread_ends_with_its_event_loop():
    thread = await asyncio.to_thread(lambda: asyncio.run(_thread_of_this_loop()))
    gc.collect()
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()
