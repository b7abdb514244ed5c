"""One thread with its story."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.live import threads as live_threads, tree as live_tree
from agents.models import Checkpoint, Run
from agents.reviews import ActionDecision, DecisionType
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.factories import (
    QUESTION,
    connect_runner,
    decide,
    fail,
    finish,
    fork,
    lease_of,
    make_interrupt,
    pause,
    pause_at,
    replay,
    save_checkpoint,
    start_run,
    take,
    tool_review,
)
from tests.services.histories import History

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

    @pytest.mark.parametrize("pk", [4711, 2**63, 10**30])
    def test_there_is_no_page_of_an_unknown_thread(self, reader: Client, pk: int):
        assert reader.get(f"/threads/{pk}/").status_code == 404

    def test_a_decision_stands_at_its_call(self, reader: Client, bob: User):
        review = make_interrupt(tool_review(("send_email", ARGS)), snapshot={"messages": SAID})
        decide(review, bob)
        page = reader.get(f"/threads/{review.thread_id}/").text
        story = page[page.index('id="thread-story"') : page.index('id="runs-title"')]
        text = re.sub(r"<[^>]*>|\s+", " ", story)
        said = ["Tell Alice.", "I will.", "send_email", "Approved", "bob", "Receipt"]
        places = [text.index(words) for words in said]
        assert places == sorted(places)

    def test_huge_messages_make_no_huge_page_but_for_who_decides(self, reader: Client):
        huge = "word " * 40_000
        call: Plain = {"name": "look_up", "args": {"text": huge}, "id": "c0", "type": "tool_call"}
        said: Plain = [
            {"type": "human", "content": huge},
            {"type": "ai", "content": huge, "tool_calls": [call]},
            {"type": "tool", "content": huge, "tool_call_id": "c0"},
            *SAID,
        ]
        review = make_interrupt(tool_review(("send_email", ARGS)), snapshot={"messages": said})
        page = reader.get(f"/threads/{review.thread_id}/").text
        assert len(page) < 300_000
        assert "180000 more characters: the JSON of its checkpoint has all of them." in page
        decided_on = reader.get(f"/interrupts/{review.pk}/").text
        assert decided_on.count("word ") > 4 * 40_000 - 10
        assert "more characters" not in decided_on

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
        with django_assert_num_queries(22):
            reader.get(f"/threads/{thread}/")


class TestHistory:
    """The tree beside the story, and the stories of its branches."""

    @pytest.fixture
    def past(self, db: None) -> History:
        """Two branches that part after the first step; the newest is the shorter one."""
        made = History()
        made.add("01", values={"messages": [1, 2]}, metadata={"step": 1})
        made.add("02", "01", {"messages": [1, 2, 3]}, metadata={"step": 2})
        made.add("03", "02", {"messages": [1, 2, 3, 4]}, metadata={"step": 3})
        made.add("04", "01", {"messages": [1, 2, 5]}, metadata={"step": 2, "source": "update"})
        made.save()
        return made

    @staticmethod
    def told(page: str) -> list[str]:
        """The messages of the story, by their numbers."""
        story = page[page.index('id="thread-story"') : page.index('id="thread-progress"')]
        return re.findall(r"<bdi>(\d+) ", story)

    @staticmethod
    def rows(page: str) -> list[str]:
        """The checkpoints of the tree."""
        return re.findall(r'id="checkpoint-([\w-]+)"', page)

    def test_the_newest_branch_is_told(self, reader: Client, past: History):
        page = reader.get(f"/threads/{past.thread.pk}/").text
        assert self.told(page) == ["1", "2", "5"]
        assert self.rows(page) == ["04", "03", "02", "01"]
        assert "4 checkpoints on 2 branches" in page

    def test_a_row_leads_to_its_place_in_the_story(self, reader: Client, past: History):
        page = reader.get(f"/threads/{past.thread.pk}/").text
        assert 'href="#said-3">in the conversation' in page
        assert 'id="said-3"' in page
        assert 'href="?branch=03#said-4">read this branch' in page
        assert 'href="?at=04#tree">in the tree' in page  # from the message to its row

    def test_another_branch_is_told(self, reader: Client, past: History):
        page = reader.get(f"/threads/{past.thread.pk}/?branch=03").text
        assert self.told(page) == ["1", "2", "3", "4"]
        note = re.sub(r"<[^>]*>", "", page[page.index('id="aside"') :])[:200]
        assert "You read another branch than the newest, up to its step 3" in note
        assert "It was left at step 1" in note

    def test_an_earlier_place_of_the_newest_branch(self, reader: Client, past: History):
        page = reader.get(f"/threads/{past.thread.pk}/?branch=01").text
        assert self.told(page) == ["1", "2"]
        assert "as it was at step <bdi>1</bdi>" in page

    @pytest.mark.parametrize("query", ["branch=no-such", "branch=" + "9" * 500, "branch=%00"])
    def test_a_branch_that_is_none(self, reader: Client, past: History, query: str):
        assert reader.get(f"/threads/{past.thread.pk}/?{query}").status_code == 404

    def test_windows_are_addresses(
        self, reader: Client, past: History, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(live_tree, "ROWS", 2)
        address = f"/threads/{past.thread.pk}/"
        page = reader.get(address).text
        assert (self.rows(page), "?before=03#tree" in page) == (["04", "03"], True)
        page = reader.get(f"{address}?before=03").text
        assert (self.rows(page), "?at=03#tree" in page) == (["02", "01"], True)
        page = reader.get(f"{address}?at=02").text
        assert self.rows(page) == ["02", "01"]
        assert re.search(r'checkpoints/02/" aria-current="true"', page)
        assert reader.get(f"{address}?at=none&before=none").status_code == 200

    def test_a_fork_says_who_and_why(self, reader: Client, olga: User):
        (review,) = pause_at(start_run())
        update: dict[str, Plain] = {"plan": "another order"}
        place = review.checkpoint_id
        run = fork(review.thread, place, olga, update=update, reason="Wrong order.")
        take(run)
        saved = save_checkpoint(run, values={"messages": SAID}, source="update", step=2)
        page = reader.get(f"/threads/{review.thread_id}/").text
        row = page[page.index(f'id="checkpoint-{saved}"') :].partition("</li>")[0]
        said = " ".join(re.sub(r"<[^>]*>", " ", row).split())
        assert "olga forked step 1 : Wrong order." in said
        story = page[page.index('id="thread-story"') : page.index('id="thread-tree"')]
        said = " ".join(re.sub(r"<[^>]*>", " ", story).split())
        assert "olga forked at step 1" in said
        assert "1 pause of this thread stands on other branches" in said
        assert "Which expert should I ask?" not in said

    def test_what_was_decided_stands_at_its_checkpoint(self, reader: Client, bob: User):
        (review,) = pause_at(start_run(), tool_review(("send_email", ARGS)))
        decide(review, bob, ActionDecision(DecisionType.REJECT, message="Not now."))
        page = reader.get(f"/threads/{review.thread_id}/").text
        row = page[page.index('class="tree-row"') :].partition("</li>")[0]
        said = " ".join(re.sub(r"<[^>]*>", " ", row).split())
        assert "Rejected send_email → alice@example.com by bob" in said

    def test_what_waits_elsewhere_is_not_in_the_story_of_a_branch(
        self, reader: Client, past: History
    ):
        pause(past.run, checkpoint_id="04", snapshot={"messages": []})
        page = reader.get(f"/threads/{past.thread.pk}/?branch=03").text
        assert "Read and decide" not in page
        assert "1 question waits there" in page
        assert "Read and decide" in reader.get(f"/threads/{past.thread.pk}/").text

    def test_a_failure_stands_where_it_happened(self, reader: Client, past: History):
        fail(past.run, "no such order", QUESTION, checkpoint_id="04")
        page = reader.get(f"/threads/{past.thread.pk}/").text
        story = page[page.index('id="thread-story"') : page.index('id="thread-tree"')]
        assert f'<a href="#run-{past.run.pk}">Run {past.run.pk}</a> failed' in story
        assert "ValueError" in story

    def test_a_run_that_waits_its_turn_can_be_cancelled(self, reader: Client, olga: User):
        (review,) = pause_at(start_run())
        first = replay(review.thread, review.checkpoint_id, olga)
        second = replay(review.thread, review.checkpoint_id, olga, reason="Once more.")
        assert (first.status, second.status) == ("queued", "waiting")
        page = reader.get(f"/threads/{review.thread_id}/").text
        row = page[page.index(f'id="run-{second.pk}"') :].partition("</li>")[0]
        assert "Waits its turn" in row
        assert "Once more." in row
        assert f'formaction="/runs/{second.pk}/cancel/"' in row

    def test_ten_thousand_checkpoints_are_a_small_page(self, reader: Client, past: History):
        """Every checkpoint has a child of its own: as many branches as rows, at its widest."""
        document = bytes(past.thread.checkpoints.get(checkpoint_id="01").document)
        Checkpoint.objects.bulk_create(
            Checkpoint(
                thread=past.thread,
                ns="",
                checkpoint_id=f"1efc0000-0000-6000-8000-{number:012}",
                parent_id="01",
                document=document,
                metadata={"source": "fork", "step": 2},
                run=past.run,
                stored_bytes=5_000_000,
            )
            for number in range(10_000)
        )
        page = reader.get(f"/threads/{past.thread.pk}/")
        assert len(page.content) < 300_000
        assert "10004 checkpoints on 10002 branches" in page.text
        assert len(self.rows(page.text)) == live_tree.ROWS


def test_the_active_run_can_be_cancelled_however_many_wait_behind_it(reader: Client, olga: User):
    active = start_run()
    take(active)
    later = [Run(thread=active.thread, trigger="replay", status="waiting") for _ in range(60)]
    Run.objects.bulk_create(later)
    assert f'action="/runs/{active.pk}/cancel/"' in reader.get(f"/threads/{active.thread_id}/").text
