"""One thread with its story."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.live import threads as live_threads
from agents.models import Run
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.factories import (
    connect_runner,
    decide,
    fail,
    finish,
    lease_of,
    make_interrupt,
    pause,
    start_run,
    take,
    tool_review,
)

ARGS: Arguments = {"to": "alice@example.com"}
CALL: Plain = {"name": "send_email", "args": ARGS, "id": "c1", "type": "tool_call"}
SAID: list[Plain] = [
    {"type": "human", "content": "Tell Alice."},
    {"type": "ai", "content": "I will.", "tool_calls": [CALL]},
]


@pytest.fixture
def reader(client: Client, olga: User) -> Client:
    """Olga, signed in: whoever may do most here."""
    client.force_login(olga)
    return client


class TestThread:
    """One thread."""

    def test_a_decision_stands_at_its_call(self, reader: Client, bob: User):
        review = make_interrupt(tool_review(("send_email", ARGS)), snapshot={"messages": SAID})
        decide(review, bob)
        page = reader.get(f"/threads/{review.thread_id}/").text
        story = page[page.index('id="thread-story"') : page.index('id="runs-title"')]
        text = re.sub(r"<[^>]*>|\s+", " ", story)
        said = ["Tell Alice.", "I will.", "send_email", "Approved", "bob", "Receipt"]
        places = [text.index(words) for words in said]
        assert places == sorted(places)

    def test_what_waits_leads_to_its_page(self, reader: Client):
        review = make_interrupt(tool_review(("send_email", ARGS)))
        page = reader.get(f"/threads/{review.thread_id}/").text
        assert f'<a href="/interrupts/{review.pk}/">Read and decide</a>' in page

    def test_an_active_run_can_be_cancelled_by_operators(self, reader: Client, alice: User):
        run = start_run()
        button = f'formaction="/runs/{run.pk}/cancel/"'
        assert button in reader.get(f"/threads/{run.thread_id}/").text
        reader.force_login(alice)
        assert button not in reader.get(f"/threads/{run.thread_id}/").text

    def test_cancelling_leads_back_and_says_who(self, reader: Client):
        run = start_run()
        take(run)
        answer = reader.post(f"/runs/{run.pk}/cancel/", follow=True)
        assert answer.redirect_chain == [(f"/threads/{run.thread_id}/", 302)]
        assert f"olga asked to cancel run {run.pk}" in answer.text

    def test_cancelling_what_has_ended_is_no_error(self, reader: Client):
        run = start_run()
        take(run)
        finish(run)
        answer = reader.post(f"/runs/{run.pk}/cancel/", follow=True)
        assert f"Run {run.pk} is over: succeeded." in answer.text

    def test_a_failed_run_says_why(self, reader: Client):
        run = start_run()
        take(run)
        fail(run, "no such order")
        page = reader.get(f"/threads/{run.thread_id}/").text
        assert "ValueError" in page
        assert "no such order" in page
        assert "Traceback …" in page

    def test_a_queued_run_without_a_runner_says_what_it_waits_for(self, reader: Client):
        run = start_run()
        page = reader.get(f"/threads/{run.thread_id}/").text
        assert "It starts when a runner for <bdi>operations</bdi> connects" in page
        connect_runner()
        page = reader.get(f"/threads/{run.thread_id}/").text
        assert "a runner takes it up in a moment" in page

    def test_an_idle_thread_can_go_on(self, reader: Client):
        run = start_run()
        take(run)
        finish(run, {"messages": SAID})
        page = reader.get(f"/threads/{run.thread_id}/").text
        assert f'href="/agents/operations/?thread={run.thread.thread_id}#start"' in page

    def test_a_state_without_messages_is_shown(self, reader: Client):
        run = start_run()
        take(run)
        finish(run, {"total": 9007199254740993})
        assert "9007199254740993" in reader.get(f"/threads/{run.thread_id}/").text

    def test_a_long_story_begins_late(self, reader: Client, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(live_threads, "MESSAGES", 1)
        run = start_run()
        take(run)
        finish(run, {"messages": SAID})
        page = reader.get(f"/threads/{run.thread_id}/").text
        assert "Show 1 earlier message<" in page
        assert '<div class="agent-text"><bdi>Tell Alice.</bdi></div>' not in page
        page = reader.get(f"/threads/{run.thread_id}/?messages=all").text
        assert '<div class="agent-text"><bdi>Tell Alice.</bdi></div>' in page

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self,
        reader: Client,
        bob: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ):
        runner = connect_runner()
        review = make_interrupt(tool_review())
        thread = review.thread_id
        for _ in range(count):
            decide(review, bob)
            run = Run.objects.active().get(thread=thread)
            take(run, runner)
            assert lease_of(run).attempt == 1
            finish(run)
            again = start_run(thread=review.thread.thread_id)
            take(again, runner)
            (review,) = pause(again, tool_review())
        with django_assert_num_queries(20):
            reader.get(f"/threads/{thread}/")
