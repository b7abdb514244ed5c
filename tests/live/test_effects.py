"""What ran in a thread, as its page tells it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.exceptions import NotFound
from agents.live import Topic, Viewer, context
from agents.live.effects import EFFECTS
from agents.models import Effect, Run
from reviewconsole.protocol.messages import Outcome
from tests.factories import APPROVE, REFUND, fail, finish, start_run
from tests.services.journalling import ask, doubted, end, running, told
from tests.services.test_effects import handed_over


@pytest.fixture
def reader(client: Client, olga: User) -> Client:
    """Olga, signed in."""
    client.force_login(olga)
    return client


def text_of(client: Client, run: Run, query: str = "") -> str:
    """What the page of a run's thread says, on one line."""
    page = client.get(f"/threads/{run.thread_id}/{query}").text
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def shown(run: Run, user: User, **filters: str) -> Any:
    viewer = Viewer.of(user, "ws://console")
    return context(Topic("effects", run.thread_id, filters), viewer)["effects"]


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (None, "running"),
        (Outcome.FINISHED, "ran"),
        (Outcome.FAILED, "failed"),
        (Outcome.PAUSED, "asked a person"),
        (Outcome.UNTOUCHED, "did not run"),
        (Outcome.CUT_OFF, "may have run"),
    ],
)
def test_how_it_ended_in_words(outcome, word, olga):
    run = running()
    admission = ask(run)
    if outcome:
        end(run, admission, outcome)
    assert [view.word for view in shown(run, olga).rows] == [word]


def test_a_call_without_an_end_in_a_run_that_is_over_may_have_run(olga):
    run = running()
    ask(run)
    fail(run)
    assert [view.word for view in shown(run, olga).rows] == ["may have run"]


def test_a_call_runs_as_long_as_its_runner_is_connected_and_another_has_the_run(olga):
    run = running()
    ask(run)
    handed_over(run)
    assert [view.word for view in shown(run, olga).rows] == ["running"]


def test_the_page_tells_what_ran_by_whose_decision(reader, alice):
    run = running()
    ask(run)
    again, decision = told(doubted(run, ask(run)), alice, APPROVE)
    end(again, ask(again, decision=decision.pk))
    said = text_of(reader, again)
    assert "In doubt: alice said run again" in said
    assert "execution 2 of this call" in said
    assert "alice let refund run again" in said


def test_it_is_read_page_by_page(olga):
    run = running()
    for number in range(EFFECTS + 5):
        end(run, ask(run, call_id=f"call_{number}"))
    first = shown(run, olga)
    assert (len(first.rows), first.newer, first.count) == (EFFECTS, None, EFFECTS + 5)
    second = shown(run, olga, ran=str(first.older))
    assert ([view.row.call_id for view in second.rows], second.older) == (
        [f"call_{number}" for number in (4, 3, 2, 1, 0)],
        None,
    )
    assert second.newer == first.rows[0].row.pk


@pytest.mark.parametrize("ran", ["x", "1" * 30, "-1"])
def test_an_entry_that_cannot_be(ran, olga):
    with pytest.raises(NotFound):
        shown(running(), olga, ran=ran)


def test_the_story_leads_to_it(reader):
    run = running()
    end(run, ask(run))
    call: Any = {"name": "refund", "args": REFUND, "id": "call_0", "type": "tool_call"}
    finish(run, {"messages": [{"type": "ai", "content": "", "tool_calls": [call]}]})
    effect = Effect.objects.get()
    page = reader.get(f"/threads/{run.thread_id}/").text
    assert f'href="?ran={effect.pk}#effect-{effect.pk}"' in page
    assert f'id="effect-{effect.pk}"' in page


@pytest.mark.parametrize("count", [1, 12])
def test_the_price_does_not_grow(count, olga, django_assert_num_queries):
    run = running()
    for number in range(count):
        end(run, ask(run, call_id=f"call_{number}"))
    viewer = Viewer.of(olga, "ws://console")
    with django_assert_num_queries(3):
        context(Topic("effects", run.thread_id), viewer)


def test_what_an_agent_wrote_is_harmless(reader):
    run = running(start_run())
    end(run, ask(run, "<b>x</b>", {"a": "<script>"}), Outcome.FAILED, error="<img>")
    page = reader.get(f"/threads/{run.thread_id}/").text
    assert not re.search(r"<b>x|<script>\"|<img>", page)
