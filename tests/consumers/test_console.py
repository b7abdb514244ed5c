"""The browsers' socket: whom it lets in, what it sends, and when."""

import asyncio
import gc
import re
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from agents import live, push
from agents.consumers import audience
from agents.models import Interrupt
from reviewconsole.asgi import application
from tests.factories import decide, make_interrupt, start_run

pytestmark = pytest.mark.django_db(transaction=True)

make_interrupt_soon = database_sync_to_async(make_interrupt)
start_run_soon = database_sync_to_async(start_run)
decide_soon = database_sync_to_async(decide)


class Socket(WebsocketCommunicator):
    """The socket of one open page."""

    async def hear(self) -> dict[str, str]:
        """The next frame: fragments by the id of their root."""
        frame = str(await self.receive_from(timeout=5))
        parts = re.findall(
            r'<hx-partial hx-target="#([\w-]+)" hx-swap="outerMorph">(.*?)</hx-partial>',
            frame,
            re.DOTALL,
        )
        return dict(parts)

    async def hear_of(self, fragment: str, words: str) -> dict[str, str]:
        """The next frame in which this fragment says so; those before it may say less."""
        while words not in (heard := await self.hear()).get(fragment, ""):
            pass
        return heard

    async def hear_all(self, count: int) -> dict[str, str]:
        """The next frames, until so many fragments were heard."""
        heard: dict[str, str] = {}
        while len(heard) < count:
            heard |= await self.hear()
        return heard

    async def closed_with(self) -> int:
        """The code the console closes with."""
        while (event := await self.receive_output(timeout=5))["type"] != "websocket.close":
            pass
        code: int = event["code"]
        return code


def signed_in(user: User) -> tuple[Client, bytes]:
    """A client of this person, and its cookie."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return client, f"{name}={client.cookies[name].value}".encode()


@asynccontextmanager
async def page(query: str, user: User | None) -> AsyncIterator[Socket]:
    """Open the socket of a page."""
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    if user is not None:
        _client, cookie = await database_sync_to_async(signed_in)(user)
        headers.append((b"cookie", cookie))
    socket = Socket(application, f"/ws/console/?{query}", headers=headers)
    accepted, _ = await socket.connect()
    assert accepted
    try:
        yield socket
    finally:
        await socket.disconnect()


async def test_everything_at_the_start(alice: User):
    row = await make_interrupt_soon()
    async with page("topic=waiting&topic=inbox", alice) as socket:
        heard = await socket.hear_all(3)
    assert set(heard) == {"inbox-count", "inbox-total", "inbox-list"}
    assert f'id="row-{row.pk}"' in heard["inbox-list"]


async def test_a_pause_appears(alice: User):
    async with page("topic=waiting&topic=inbox", alice) as socket:
        assert 'data-waiting="0"' in (await socket.hear())["inbox-count"]
        row = await make_interrupt_soon()
        await socket.hear_of("inbox-list", f'id="row-{row.pk}"')


async def test_a_decision_is_told_to_who_else_looks(alice: User, bob: User):
    row = await make_interrupt_soon()
    async with page(f"topic=interrupt.{row.pk}", alice) as socket:
        await socket.hear()
        await decide_soon(row, bob)
        await socket.hear_of("interrupt-state", "bob")


async def test_only_what_changed_is_sent_again(alice: User):
    async with page("topic=waiting&topic=recent", alice) as socket:
        await socket.hear()
        await make_interrupt_soon()
        assert set(await socket.hear_of("inbox-count", 'data-waiting="1"')) == {"inbox-count"}


async def test_only_the_topics_that_were_told_are_drawn_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
):
    """What a run is at comes several times a second, and the rest of its page costs more."""
    drawn: list[str] = []
    run = await start_run_soon()

    def note(topic: live.Topic, viewer: live.Viewer) -> dict[str, str]:
        drawn.append(topic.kind)
        return render(topic, viewer)

    render = live.render
    monkeypatch.setattr(live, "render", note)
    query = f"topic=waiting&topic=thread.{run.thread_id}&topic=progress.{run.thread_id}"
    async with page(query, alice) as socket:
        await socket.hear_all(6)
        assert drawn == ["waiting", "thread", "progress"]
        await database_sync_to_async(push.changed)(f"progress.{run.thread_id}")
        assert await socket.hear() == {}
        assert drawn[3:] == ["progress"]
        await database_sync_to_async(push.changed)(f"thread.{run.thread_id}")
        assert await socket.hear() == {}
        assert drawn[4:] == ["thread", "progress"]


async def test_a_lost_hint_costs_time_only(alice: User, settings: Settings):
    settings.PAGE_REFRESH_SECONDS = 0.05
    row = await make_interrupt_soon()
    async with page("topic=inbox", alice) as socket:
        await socket.hear()
        # Written past the services, so nobody gives a hint.
        await Interrupt.objects.filter(pk=row.pk).aupdate(headline="something else")
        await socket.hear_of("inbox-list", "something else")


async def test_a_quiet_console_gives_signs_of_life(alice: User, settings: Settings):
    settings.PAGE_REFRESH_SECONDS = 0.05
    async with page("topic=waiting", alice) as socket:
        await socket.hear()
        assert await socket.receive_from(timeout=5) == "{}"


async def test_hints_that_come_while_it_draws_count_as_one(
    alice: User, monkeypatch: pytest.MonkeyPatch
):
    drawn = 0
    begun, may_go_on = threading.Event(), threading.Event()

    def draw_slowly(
        due: Collection[audience.Page], show: Callable[..., None], **_: object
    ) -> tuple[float, dict[audience.Page, set[int]]]:
        nonlocal drawn
        drawn += 1
        begun.set()
        may_go_on.wait(10)
        html = f'<hx-partial hx-target="#inbox-count" hx-swap="outerMorph">{drawn}</hx-partial>'
        for page in due:
            show(page, {"inbox-count": html})
        return 0.0, {}

    monkeypatch.setattr(audience, "draw", draw_slowly)
    async with page("topic=waiting", alice) as socket:
        await asyncio.to_thread(begun.wait, 10)
        for _ in range(5):
            await make_interrupt_soon()
        may_go_on.set()
        assert await socket.hear() == {"inbox-count": "1"}
        assert await socket.hear() == {"inbox-count": "2"}
        assert await socket.receive_nothing(timeout=0.2)


async def test_the_last_page_may_leave_while_it_is_drawn(
    alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    begun, may_go_on = threading.Event(), threading.Event()

    def draw_slowly(
        due: Collection[audience.Page], show: Callable[..., None], **_: object
    ) -> tuple[float, dict[audience.Page, set[int]]]:
        begun.set()
        may_go_on.wait(10)
        return 0.0, {}

    monkeypatch.setattr(audience, "draw", draw_slowly)
    async with page("topic=waiting", alice):
        await asyncio.to_thread(begun.wait, 10)
        asyncio.get_running_loop().call_later(0.05, may_go_on.set)
    gc.collect()
    assert "ConsoleConsumer" not in repr(asyncio.all_tasks())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    monkeypatch.undo()

    async with page("topic=waiting", alice) as socket:
        assert set(await socket.hear()) == {"inbox-count"}


async def test_what_a_page_says_is_ignored(alice: User):
    async with page("topic=waiting", alice) as socket:
        await socket.hear()
        await socket.send_to(text_data='{"approve": 1}')
        await socket.send_to(bytes_data=b"\x00")
        await make_interrupt_soon()
        await socket.hear_of("inbox-count", 'data-waiting="1"')


async def test_filters_belong_to_the_topic(alice: User):
    mine = await make_interrupt_soon(agent="email")
    other = await make_interrupt_soon(agent="operations")
    async with page("topic=inbox%3Fagent%3Demail", alice) as socket:
        shown = (await socket.hear())["inbox-list"]
    assert f"row-{mine.pk}" in shown
    assert f"row-{other.pk}" not in shown


@pytest.fixture
def somebody(request: pytest.FixtureRequest) -> User:
    """One of the cast, by name."""
    user: User = request.getfixturevalue(request.param)
    return user


@pytest.mark.parametrize("somebody", ["alice", "bob", "olga", "ada"], indirect=True)
async def test_every_role_may_look(somebody: User):
    async with page("topic=waiting", somebody) as socket:
        assert set(await socket.hear()) == {"inbox-count"}


async def test_nobody_looks_unnamed():
    async with page("topic=waiting", None) as socket:
        assert await socket.closed_with() == 4401


async def test_a_name_alone_shows_nothing(mallory: User):
    async with page("topic=waiting", mallory) as socket:
        assert await socket.closed_with() == 4403


@pytest.mark.parametrize(
    "query",
    ["", "topic=secrets", "topic=thread.x", "topic=thread.4711", "&".join(["topic=waiting"] * 9)],
)
async def test_topics_that_do_not_exist(alice: User, query: str):
    async with page(query, alice) as socket:
        assert await socket.closed_with() == 4404


async def test_who_loses_the_role_loses_the_window(alice: User):
    async with page("topic=waiting", alice) as socket:
        await socket.hear()
        await database_sync_to_async(alice.groups.set)(Group.objects.none())
        await make_interrupt_soon()
        assert await socket.closed_with() == 4403


async def test_who_signs_out_loses_every_window(alice: User):
    client, cookie = await database_sync_to_async(signed_in)(alice)
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"cookie", cookie)]
    socket = Socket(application, "/ws/console/?topic=waiting", headers=headers)
    await socket.connect()
    await socket.hear()
    await database_sync_to_async(client.post)("/logout/")
    await make_interrupt_soon()
    assert await socket.closed_with() == 4401
    await socket.disconnect()


async def test_an_operator_sees_the_operators_buttons(olga: User, alice: User):
    run = await database_sync_to_async(start_run)()
    topic = f"topic=thread.{run.thread_id}"
    async with page(topic, olga) as hers, page(topic, alice) as other:
        assert "Cancel run" in (await hers.hear())["thread-state"]
        assert "Cancel run" not in (await other.hear())["thread-state"]


async def test_the_command_names_the_address_the_browser_knows(alice: User):
    async with page("topic=runners", alice) as socket:
        assert "--url ws://localhost " in (await socket.hear())["runner-rows"]


async def test_an_error_closes_the_socket_so_that_the_page_tries_again(
    alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(topic: live.Topic, viewer: live.Viewer) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(live, "render", fail)
    async with page("topic=waiting", alice) as socket:
        assert await socket.closed_with() == 1011
    assert "no database" in caplog.text
