"""All open pages of a process: each topic is drawn once, and sent where it is news."""

import asyncio
from collections.abc import Callable, Collection, Mapping

import pytest
from channels.db import database_sync_to_async
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User

from agents import live, precedence, push
from agents.consumers.audience import (
    NO_ROLE,
    NO_TOPIC,
    SIGNED_OUT,
    Audience,
    Drawn,
    Page,
    draw,
)
from agents.live import Topic
from tests.consumers.test_onlookers import session_of
from tests.factories import start_run

pytestmark = pytest.mark.django_db

CONSOLE = "ws://console"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics that are drawn, in order."""
    topics: list[str] = []
    render = live.render

    def note(topic: Topic, viewer: live.Viewer) -> dict[str, str]:
        topics.append(str(topic))
        return render(topic, viewer)

    monkeypatch.setattr(live, "render", note)
    return topics


def shown(due: Mapping[Page, Collection[int]]) -> dict[Page, Drawn | int]:
    """What each page shows in the end, or the code that closes it."""
    last: dict[Page, Drawn | int] = {}

    def show(page: Page, drawn: Drawn | int) -> None:
        before = last.get(page, {})
        if not isinstance(before, int):
            last[page] = drawn if isinstance(drawn, int) else before | drawn

    draw(due, show)
    return last


def test_what_is_alike_is_drawn_once(alice: User, bob: User, drawn: list[str]):
    topics = [Topic("waiting"), Topic("inbox")]
    pages = [Page(topics, session_of(user), CONSOLE) for user in (alice, alice, bob)]
    first, second, third = shown({page: {0, 1} for page in pages}).values()
    assert drawn == ["waiting", "inbox"]
    assert first == second == third
    assert isinstance(first, dict)
    assert list(first) == ["inbox-count", "inbox-total", "inbox-list"]


def test_other_rights_and_other_addresses_are_drawn_apart(
    alice: User, olga: User, drawn: list[str]
):
    thread = Topic("thread", start_run().thread_id)
    pages = [
        Page([thread], session_of(alice), CONSOLE),
        Page([thread], session_of(olga), CONSOLE),
        Page([thread], session_of(olga), "wss://elsewhere"),
    ]
    of_alice, of_olga, _ = shown({page: {0} for page in pages}).values()
    assert drawn == [str(thread)] * 3
    assert isinstance(of_alice, dict)
    assert isinstance(of_olga, dict)
    assert "Cancel run" not in of_alice["thread-state"]
    assert "Cancel run" in of_olga["thread-state"]


def test_only_what_is_due_is_drawn(alice: User, drawn: list[str]):
    page = Page([Topic("waiting"), Topic("inbox")], session_of(alice), CONSOLE)
    assert set(shown({page: {0}})) == {page}
    assert drawn == ["waiting"]


def test_one_page_that_may_not_costs_the_others_nothing(alice: User, mallory: User):
    topics = [Topic("waiting"), Topic("thread", 4711)]
    sessions = ["", session_of(mallory), session_of(alice)]
    pages = [Page(topics, session, CONSOLE) for session in sessions]
    pages.append(Page(topics[:1], sessions[-1], CONSOLE))
    *closed, left = shown({page: set(range(len(page.topics))) for page in pages}).values()
    assert closed == [SIGNED_OUT, NO_ROLE, NO_TOPIC]
    assert isinstance(left, dict)


async def test_what_people_wait_for_gives_way_to_nobody(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch
):
    rounds: asyncio.Queue[bool] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def note(*_: object, breaks_off: object) -> tuple[float, dict[Page, set[int]]]:
        loop.call_soon_threadsafe(rounds.put_nowait, breaks_off is not None)
        return 0.0, {}

    monkeypatch.setattr("agents.consumers.audience.draw", note)
    page = Page([Topic("waiting")], await database_sync_to_async(session_of)(alice), CONSOLE)
    audience = Audience()
    await audience.join(page)
    try:
        assert await rounds.get()
        (topic,) = page.woken_by
        for at_once in (True, False, True):
            hint = {"type": "console.changed", "topic": topic, "at_once": at_once}
            await push.send([(push.group(topic), hint)])
            assert await rounds.get() is not at_once
    finally:
        await audience.leave(page)


@pytest.mark.parametrize("gives_way", [True, False])
def test_runners_go_first_where_drawing_gives_way(
    alice: User, monkeypatch: pytest.MonkeyPatch, gives_way: bool
):
    waits: list[str] = []
    monkeypatch.setattr(precedence.runners, "give_way", lambda **_: waits.append("waited"))
    page = Page([Topic("waiting"), Topic("inbox")], session_of(alice), CONSOLE)
    breaks_off = (lambda: False) if gives_way else None
    _, left = draw({page: {0, 1}}, lambda *_: None, breaks_off=breaks_off)
    assert waits == ["waited", "waited"] * gives_way
    assert left == {}


def test_what_is_broken_off_says_what_is_left(alice: User, drawn: list[str]):
    topics = [Topic("inbox"), Topic("recent"), Topic("waiting")]
    one, other = (Page(topics, session_of(alice), CONSOLE) for _ in range(2))
    told: list[Page] = []
    _, left = draw(
        {one: {0, 1, 2}, other: {1, 2}},
        lambda page, _: told.append(page),
        breaks_off=lambda: bool(drawn),
    )
    assert (drawn, told) == (["inbox"], [one])
    assert left == {one: {1, 2}, other: {1, 2}}


async def test_a_round_is_broken_off_for_what_people_wait_for(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch, drawn: list[str]
):
    gives_way = asyncio.Event()
    loop = asyncio.get_running_loop()
    runners = precedence.Precedence()
    monkeypatch.setattr(precedence, "runners", runners)
    monkeypatch.setattr(precedence, "_AT_MOST", 60)

    def give_way(*, unless: Callable[[], bool]) -> None:
        loop.call_soon_threadsafe(gives_way.set)
        precedence.Precedence.give_way(runners, unless=unless)

    topics = [Topic("inbox"), Topic("recent"), Topic("runners")]
    page = Page(topics, await database_sync_to_async(session_of)(alice), CONSOLE)
    audience = Audience()
    await audience.join(page)
    try:
        while await page.news() == "" or len(drawn) < len(topics):
            pass
        drawn.clear()
        monkeypatch.setattr(runners, "give_way", give_way)
        with runners.first():  # a runner's request that takes long
            for at_once in (False, True):
                hint = {"type": "console.changed", "topic": "inbox", "at_once": at_once}
                await push.send([(push.group("inbox"), hint)])
                await asyncio.wait_for(gives_way.wait(), 10)
            while len(drawn) < 2:
                await asyncio.wait_for(page.news(), 10)
        assert drawn == ["inbox", "recent"]
    finally:
        await audience.leave(page)


async def test_a_page_that_ends_while_it_joins_ends_no_other(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
):
    joined, may_listen = asyncio.Event(), asyncio.Event()
    group_add = InMemoryChannelLayer.group_add

    async def add_slowly(layer: InMemoryChannelLayer, group: str, channel: str) -> None:
        if group == push.group("agents"):
            joined.set()
            await may_listen.wait()
        await group_add(layer, group, channel)

    monkeypatch.setattr(InMemoryChannelLayer, "group_add", add_slowly)
    audience = Audience()
    first = Page([Topic("inbox")], "", CONSOLE)
    await audience.join(first)
    assert await first.news() == SIGNED_OUT
    ends = Page([Topic("inbox"), Topic("agents")], "", CONSOLE)
    joining = asyncio.create_task(audience.join(ends))
    await joined.wait()
    hint = (push.group("inbox"), {"type": "console.changed", "topic": "inbox"})
    await push.send([hint])
    assert await ends.news() == SIGNED_OUT
    leaving = asyncio.create_task(audience.leave(ends))
    await asyncio.sleep(0)  # it has left, and waits to be heard of no more
    may_listen.set()
    await asyncio.gather(joining, leaving)

    assert await first.news() == SIGNED_OUT  # it was told too
    await push.send([hint])
    assert await asyncio.wait_for(first.news(), 10) == SIGNED_OUT
    await audience.leave(first)


async def test_the_last_page_may_leave_as_something_changes(transactional_db: None):
    for ticks in range(8):  # between the change and the end, on the way of either
        audience = Audience()
        page = Page([Topic("inbox")], "", CONSOLE)
        await audience.join(page)
        assert await page.news() == SIGNED_OUT
        await asyncio.sleep(0.1)  # it waits for something to change again
        audience._ring()
        for _ in range(ticks):
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.create_task(audience.leave(page)), 5)


async def test_many_pages_are_sent_one_frame_a_round(
    transactional_db: None, alice: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("agents.consumers.audience._FEW", 0)
    session = await database_sync_to_async(session_of)(alice)
    audience = Audience()
    page = Page([Topic("waiting"), Topic("inbox")], session, CONSOLE)
    await audience.join(page)
    frame = str(await asyncio.wait_for(page.news(), 10))
    assert [name in frame for name in ("#inbox-count", "#inbox-total", "#inbox-list")] == [True] * 3
    await audience.leave(page)


async def test_a_page_is_told_news_alone():
    page = Page([Topic("waiting")], "", CONSOLE)
    page.show({"one": "<1>", "two": "<2>"})
    assert await page.news() == "<1><2>"
    page.end_round()
    page.show({"one": "<1>", "two": "<2>"})
    page.end_round()
    assert await page.news() == ""
    page.show({"one": "<1>", "two": "<3>"})
    assert await page.news() == "<3>"


async def test_a_page_that_is_slow_gets_the_newest_of_each():
    page = Page([Topic("waiting")], "", CONSOLE)
    page.show({"one": "<1>", "two": "<2>"})
    page.show({"one": "<3>"})
    assert await page.news() == "<3><2>"


async def test_what_closes_a_page_comes_before_what_it_would_show():
    page = Page([Topic("waiting")], "", CONSOLE)
    page.show({"one": "<1>"})
    page.show(SIGNED_OUT)
    assert await page.news() == SIGNED_OUT
