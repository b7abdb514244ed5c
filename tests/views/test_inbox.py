"""The inbox: what waits, in which order, and what it says when nothing does."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents.live import inbox
from agents.models import Interrupt
from tests.factories import (
    breakpoint_before,
    connect_runner,
    decide,
    fail,
    make_agent,
    make_interrupt,
    start_run,
    take,
    tool_review,
)


@pytest.fixture
def reader(client: Client, alice: User) -> Client:
    """Alice, signed in."""
    client.force_login(alice)
    return client


def rows(client: Client, query: str = "") -> list[int]:
    """The pauses that wait, as the inbox lists them."""
    page = client.get(f"/{query}").text
    return [int(pk) for pk in re.findall(r'<li class="row" id="row-(\d+)">', page)]


def test_oldest_first(reader: Client):
    first, second, third = (make_interrupt() for _ in range(3))
    assert rows(reader) == [first.pk, second.pk, third.pk]
    assert rows(reader, "?order=newest") == [third.pk, second.pk, first.pk]


def test_an_agent_alone(reader: Client):
    mine, _other = make_interrupt(agent="email"), make_interrupt(agent="operations")
    assert rows(reader, "?agent=email") == [mine.pk]
    assert rows(reader, "?agent=nobody") == []


def test_search_looks_at_what_is_asked_and_at_the_title(reader: Client):
    question = make_interrupt({"query": "May I refund this?"})
    review = make_interrupt(tool_review(("send_email", {"to": "carol@example.com"})))
    assert rows(reader, "?q=refund") == [question.pk]
    assert rows(reader, "?q=carol@example.com") == [review.pk]
    assert rows(reader, "?q=alice+order") == [question.pk, review.pk]  # the titles
    assert rows(reader, "?q=alice+nothing") == []


def test_a_row_keeps_the_filters_of_its_list(reader: Client):
    row = make_interrupt()
    page = reader.get("/?order=newest&agent=operations").text
    assert f'href="/interrupts/{row.pk}/?agent=operations&amp;order=newest"' in page


def test_a_row_says_what_when_and_how_much(reader: Client):
    row = make_interrupt(tool_review(("refund", {"order_id": 1}), ("refund", {"order_id": 2})))
    Interrupt.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=9))
    page = reader.get("/").text
    assert "refund #1 and 1 more" in page
    assert ">9 min</time>" in page
    assert "2 calls" in page


def test_a_row_says_that_its_step_has_failed_beside_it(reader: Client):
    run = start_run()
    take(run)
    fail(run, "no such order", "Sure?")
    assert "<span>beside a failure</span>" in reader.get("/").text


@pytest.mark.parametrize(
    ("value", "kind", "shape", "words"),
    [
        (tool_review(), "interrupt", "waiting", "Tool call"),
        ({"query": "Which?"}, "interrupt", "question", "Question"),
        (
            breakpoint_before(("send_email", {"to": "a"})),
            "breakpoint",
            "breakpoint",
            "Breakpoint",
        ),
        ("too long", "node_interrupt", "breakpoint", "Stopped node"),
    ],
)
def test_shape_and_word_say_the_kind(reader: Client, value, kind: str, shape: str, words: str):
    make_interrupt(value, kind=kind)
    page = reader.get("/").text
    assert f"icons.svg#{shape}" in page
    assert f'<span class="visually-hidden">{words}: </span>' in page


def test_nothing_an_agent_says_is_hidden_or_runs(reader: Client):
    make_interrupt({"query": "<b>now</b> \u202egnp.exe"})
    page = reader.get("/").text
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert ">U+202E</span>gnp.exe" in page
    assert "\u202e" not in page


def test_what_was_decided_leaves_and_lingers_for_open_pages(reader: Client, bob: User):
    row = make_interrupt(tool_review())
    decide(row, bob)
    page = reader.get("/").text
    assert rows(reader) == []
    assert f'<li class="row" id="row-{row.pk}" data-closed>' in page
    assert "bob <bdi>approved send_email</bdi>" in page
    Interrupt.objects.update(closed_at=timezone.now() - inbox.LINGER - timedelta(seconds=1))
    assert f"row-{row.pk}" not in reader.get("/").text


def test_the_count_stands_in_the_title_and_the_rail(reader: Client):
    make_interrupt(), make_interrupt(agent="email")
    page = reader.get("/?agent=email").text
    assert "<title>(2) Inbox · Review Console</title>" in page
    assert 'id="inbox-count" data-waiting="2"' in page
    assert 'id="inbox-total">1 waiting' in page


def test_pages_of_a_long_inbox(reader: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inbox, "PAGE", 2)
    asked = [make_interrupt() for _ in range(5)]
    pks = [row.pk for row in asked]
    assert rows(reader) == pks[:2]
    assert f'href="/?after={pks[1]}">More</a>' in reader.get("/").text
    assert rows(reader, f"?after={pks[1]}") == pks[2:4]
    assert rows(reader, f"?after={pks[3]}") == pks[4:]
    assert ">More</a>" not in reader.get(f"/?after={pks[3]}").text
    assert "Back to the start" in reader.get(f"/?after={pks[3]}").text
    assert rows(reader, f"?order=newest&after={pks[3]}") == [pks[2], pks[1]]


@pytest.mark.parametrize("after", ["x", "-1", "²", "9" * 40])
def test_a_place_that_is_none_is_the_first_page(reader: Client, after: str):
    row = make_interrupt()
    assert rows(reader, f"?after={after}") == [row.pk]


def test_an_empty_inbox_says_what_is_going_on(reader: Client):
    connect_runner()
    page = reader.get("/").text
    assert "Nothing waits for you." in page
    assert "0 runs in progress, 1 runner connected." in page
    assert "No runner is connected." not in page


def test_filters_that_match_nothing_offer_the_way_back(reader: Client):
    connect_runner()
    page = reader.get("/?q=nothing").text
    assert "Nothing that waits matches." in page
    assert "Show everything that waits" in page


def test_without_a_runner_the_command_that_starts_one(reader: Client):
    page = reader.get("/").text
    assert "No runner is connected." in page
    assert "python -m reviewconsole.runner --url ws://testserver" in page


def test_few_agents_are_buttons_more_are_a_menu(reader: Client):
    for name in ("a", "b", "c", "d"):
        make_agent(name)
    assert "<select" not in reader.get("/").text
    make_agent("e")
    assert "<select" in reader.get("/").text


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    reader: Client, bob: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
):
    for _ in range(count):
        make_interrupt()
        decide(make_interrupt(), bob)
    with django_assert_num_queries(10):
        reader.get("/")
