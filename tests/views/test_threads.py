"""Threads: the list with its search and pages, and one thread with its story."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.live import threads as live_threads
from agents.models import Run, Thread
from agents.reviews.request import Arguments
from agents.views import threads
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


class TestList:
    """All threads."""

    @staticmethod
    def found(client: Client, query: str = "") -> list[int]:
        """The threads that the list shows."""
        return [
            int(pk) for pk in re.findall(r'"/threads/(\d+)/"', client.get(f"/threads/{query}").text)
        ]

    def test_newest_first(self, reader: Client):
        old, new = start_run().thread_id, start_run().thread_id
        assert self.found(reader) == [new, old]

    def test_search_by_title_and_id(self, reader: Client):
        refund = start_run(title="Refund order 8812").thread
        mail = start_run(title="Write to Alice").thread
        assert self.found(reader, "?q=refund") == [refund.pk]
        assert self.found(reader, f"?q={mail.thread_id[:8]}") == [mail.pk]
        assert self.found(reader, "?q=order+refund") == [refund.pk]
        assert "No thread matches." in reader.get("/threads/?q=nothing").text

    def test_filter_by_agent_and_status(self, reader: Client):
        waits = make_interrupt(agent="email").thread_id
        busy = start_run(agent="operations").thread_id
        assert self.found(reader, "?agent=email") == [waits]
        assert self.found(reader, "?status=interrupted") == [waits]
        assert self.found(reader, "?agent=operations&status=busy") == [busy]
        assert self.found(reader, "?status=unknown") == [busy, waits]

    def test_pages(self, reader: Client, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(threads, "PAGE", 2)
        made = [start_run().thread_id for _ in range(5)]
        Thread.objects.filter(pk__in=made[:3]).update(updated_at="2026-01-01T00:00:00Z")
        seen, query = [], ""
        for _ in range(3):
            page = reader.get(f"/threads/{query}").text
            seen += [int(pk) for pk in re.findall(r'"/threads/(\d+)/"', page)]
            older = re.search(r'href="(\?before=[^"]+)">Older', page)
            query = older.group(1).replace("&amp;", "&") if older else ""
        assert (seen, query) == (made[::-1], "")

    @pytest.mark.parametrize(
        "before",
        [
            "x",
            "2026-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z,1",
            "0001-01-01T00:00:00%2B23:59,1",
            "9999-12-31T23:59:59-23:59,1",
        ],
    )
    def test_a_place_that_is_none_is_the_first_page(self, reader: Client, before: str):
        thread = start_run().thread_id
        assert self.found(reader, f"?before={before}") == [thread]

    def test_an_empty_list_says_how_threads_begin(self, reader: Client):
        assert "A thread begins with a run" in reader.get("/threads/").text

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self, reader: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ):
        for _ in range(count):
            start_run()
        with django_assert_num_queries(8):
            reader.get("/threads/")


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
        with django_assert_num_queries(13):
            reader.get(f"/threads/{thread}/")
