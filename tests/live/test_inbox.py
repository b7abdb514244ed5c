"""What the inbox lists and counts: exactly while people could, then no further."""

import pytest
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents.live import Topic, Viewer, inbox, render
from agents.models import Interrupt, Run
from tests.factories import decide, make_interrupt, start_run


@pytest.mark.parametrize(("most", "told"), [(3, "2"), (2, "2")])
def test_it_counts_up_to_a_limit(
    alice: User, monkeypatch: pytest.MonkeyPatch, most: int, told: str
) -> None:
    for _ in range(2):
        make_interrupt()
    monkeypatch.setattr(inbox, "MOST", most)
    viewer = Viewer.of(alice, "ws://console")
    assert f'data-waiting="{told}"' in render(Topic("waiting"), viewer)["inbox-count"]
    assert f"{told} waiting" in render(Topic("inbox"), viewer)["inbox-total"]


def test_a_socket_reads_what_it_draws(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_interrupt()
    viewer = Viewer.of(alice, "ws://console")
    with django_assert_num_queries(3):  # rows, those just closed, runners
        render(Topic("inbox"), viewer)


@pytest.mark.parametrize("order", ["", "newest"])
@pytest.mark.parametrize("search", ["", "order", "Alice ORDER", "100%_\\", "nothing"])
@pytest.mark.parametrize("agent", ["", "email", "nobody"])
@pytest.mark.parametrize("place", [None, 1])
def test_it_lists_what_the_orm_finds(
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    order: str,
    search: str,
    agent: str,
    place: int | None,
) -> None:
    monkeypatch.setattr(inbox, "PAGE", 2)
    asked = [make_interrupt(agent=agent) for agent in ("email", "other", "email")]
    asked += [make_interrupt({"query": "100%_\\ 'sure'?"}, agent="email") for _ in range(2)]
    for each in (asked[1], asked.pop(2), asked.pop()):
        decide(each, alice)
    filters = {"order": order, "q": search, "agent": agent}
    found = Interrupt.objects.all()
    if agent:
        found = found.filter(thread__agent__name=agent)
    for word in search.split():
        found = found.filter(Q(headline__icontains=word) | Q(thread__title__icontains=word))
    waiting = found.filter(status="pending").order_by("-pk" if order else "pk")
    if place is not None:
        filters["after"] = str(asked[place].pk)
        after = Q(pk__lt=asked[place].pk) if order else Q(pk__gt=asked[place].pk)
        listed = waiting.filter(after)
    else:
        listed = waiting
    shown = inbox.inbox(Topic("inbox", 0, filters), Viewer.of(alice, ""))["inbox"]
    assert [row.pk for row in shown.rows] == [row.pk for row in listed[:2]]
    assert shown.waiting == waiting.count()
    closed = found.exclude(status="pending").order_by("-closed_at")
    assert [row.pk for row in shown.closed] == [row.pk for row in closed[:2]]


@pytest.mark.parametrize(
    ("trigger", "by", "words"),
    [
        ("ask_again", "olga", "olga let the agent ask again"),
        ("fork", "olga", "olga forked the thread"),
        ("replay", "", "the terminal replayed the thread"),
        ("", "", "Superseded: the run was cancelled or the thread moved on"),
    ],
)
def test_a_row_says_why_it_left(alice: User, olga: User, trigger: str, by: str, words: str) -> None:
    row = make_interrupt()
    run = start_run()
    Run.objects.filter(pk=run.pk).update(trigger=trigger, created_by=olga if by else None)
    row.status, row.closed_at = Interrupt.Status.SUPERSEDED, timezone.now()
    row.superseded_by = run if trigger else None
    row.save()
    html = render(Topic("inbox"), Viewer.of(alice, "ws://console"))["inbox-list"]
    assert f'<span class="stretch">{words}</span>' in html
