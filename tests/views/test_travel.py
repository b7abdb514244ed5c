"""The pages that lead back: what they say, what they order, what stays when they are refused."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Agent, Interrupt, Run, Thread
from tests.factories import make_interrupt, start_run
from tests.history.graphs import fan, nested
from tests.services.replayed import replay
from tests.views.pasts import Past, make_past

FOREIGN = "1efc0000-0000-6000-8000-00000000dead"


@pytest.fixture
def past(alice: User) -> Past:
    """A thread that was asked once, and has ended."""
    return make_past(alice)


@pytest.fixture
def operator(client: Client, olga: User) -> Client:
    """Olga, signed in."""
    client.force_login(olga)
    return client


@pytest.fixture
def reviewer(alice: User) -> Client:
    """Alice, signed in."""
    client = Client()
    client.force_login(alice)
    return client


def words(answer: Any) -> str:
    """What a page says, without the markup."""
    text = re.sub(r"(?s).*<main[^>]*>|</main>.*", "", answer.text)
    return " ".join(re.sub(r"<[^>]+>", "", re.sub(r"</(?:li|p|h\d)>", " ", text)).split())


def newest(thread: Thread) -> Run:
    """The run that was ordered last."""
    return thread.runs.latest("pk")


def on(channel: str, text: str) -> dict[str, str]:
    """What a browser posts of a text channel that is switched on."""
    return {
        f"state.{channel}:on": "1",
        f"state.{channel}:shown": "1",
        f"state.{channel}": text,
        f"state.{channel}:state": "value",
        f"state.{channel}:was": "value",
    }


def previewed(client: Client, url: str, **typed: Any) -> dict[str, Any]:
    """Post a fork's form, and everything its preview adds to it."""
    typed = {"as_node": "", "then": "run", **typed}
    preview = client.post(url, typed).text
    hidden = re.findall(r'<input type="hidden" name="(next|previewed)" value="([^"]*)">', preview)
    assert {name for name, _ in hidden} >= {"previewed"}, words(client.post(url, typed))
    said = [value for name, value in hidden if name == "next"]
    return {**typed, "do": "fork", "next": said, "previewed": dict(hidden)["previewed"]}


class TestReplay:
    """From a checkpoint, as it was."""

    def test_it_says_what_will_happen_first(self, operator: Client, past: Past):
        page = words(operator.get(past.url("replay")))
        for said in ("Runs next: ask", "Asked again:", "Sure?", "A runner for operations"):
            assert said in page
        assert "Replay from step 1: runs ask" in page

    def test_it_is_ordered(self, operator: Client, past: Past, olga: User):
        answer = operator.post(past.url("replay"), {"next": ["ask"], "reason": "Ask Bob\r\n"})
        run = newest(past.thread)
        assert answer.headers["Location"] == f"/threads/{past.thread.pk}/"
        assert (run.trigger, run.created_by, run.reason) == (Run.Trigger.REPLAY, olga, "Ask Bob")
        assert run.from_checkpoint_id == past.where_it_asked

    def test_what_is_no_longer_so_is_said_and_what_was_typed_stays(
        self, operator: Client, past: Past
    ):
        before = newest(past.thread)
        answer = operator.post(past.url("replay"), {"next": ["last"], "reason": "Ask Bob"})
        assert answer.status_code == 409
        assert "Nothing was done." in words(answer)
        assert "Ask Bob</textarea>" in answer.text
        assert newest(past.thread) == before

    def test_a_busy_thread_is_left_alone(self, operator: Client, past: Past):
        busy = start_run(thread=past.thread.thread_id)
        answer = operator.post(past.url("replay"), {"next": ["ask"]})
        assert answer.status_code == 409
        assert f"run {busy.pk}" in words(answer).lower()

    def test_a_reason_without_end_is_refused(self, operator: Client, past: Past):
        answer = operator.post(past.url("replay"), {"next": ["ask"], "reason": "x" * 2001})
        assert answer.status_code == 422
        assert "At most 2,000 characters" in words(answer)


@pytest.mark.parametrize("page", ["replay", "fork", "copy"])
class TestWho:
    """Who may, and where."""

    def test_reviewers_may_not(self, reviewer: Client, past: Past, page: str):
        assert reviewer.get(past.url(page)).status_code == 403
        assert reviewer.post(past.url(page)).status_code == 403

    def test_what_is_unknown_or_of_another_thread_is_nothing(
        self, operator: Client, past: Past, page: str
    ):
        other = start_run().thread
        urls = (
            past.url(page, FOREIGN),
            f"/threads/{other.pk}/checkpoints/{past.where_it_asked}/{page}/",
            f"/threads/{other.pk + 9}/checkpoints/{past.where_it_asked}/{page}/",
        )
        for url in urls:
            assert operator.get(url).status_code == 404
            assert operator.post(url, {"next": ["ask"], "reason": "x"}).status_code == 404


class TestFork:
    """With another state, as somebody else, or not at all."""

    def test_the_first_page_asks_for_a_preview(self, operator: Client, past: Past):
        page = operator.get(past.url("fork"))
        assert "Preview the fork" in words(page)
        assert 'name="do"' not in page.text
        for node in ("", "ask", "first", "last", "__end__"):
            assert f'name="as_node" value="{node}"' in page.text

    def test_a_preview_shows_the_change_and_what_happens(self, operator: Client, past: Past):
        page = operator.post(past.url("fork"), {"as_node": "", "then": "run", **on("note", "Hi")})
        assert page.status_code == 200
        assert "<ins>" in page.text
        assert "Fork at step 1 and run on" in words(page)
        assert newest(past.thread).trigger == Run.Trigger.RESUME  # nothing was ordered

    def test_a_change_is_made(self, operator: Client, past: Past):
        url = past.url("fork")
        post = previewed(operator, url, **on("note", "Hi"), reason="Too curt")
        assert operator.post(url, post).status_code == 302
        run = newest(past.thread)
        assert (run.trigger, run.update, run.as_node) == (Run.Trigger.FORK, {"note": "Hi"}, "")
        assert (run.stays, run.reason) == (False, "Too curt")

    def test_a_node_is_skipped_and_the_thread_stays(self, operator: Client, past: Past):
        url = past.url("fork")
        operator.post(url, previewed(operator, url, as_node="ask", then="stay"))
        run = newest(past.thread)
        assert (run.trigger, run.update, run.as_node, run.stays) == ("fork", None, "ask", True)

    def test_the_agent_is_finished(self, operator: Client, past: Past):
        url = past.url("fork")
        operator.post(url, previewed(operator, url, as_node="__end__"))
        assert newest(past.thread).as_node == "__end__"

    def test_what_was_changed_after_its_preview_is_previewed_again(
        self, operator: Client, past: Past
    ):
        url = past.url("fork")
        post = previewed(operator, url, **on("note", "Hi"))
        answer = operator.post(url, post | on("note", "Bye"))
        assert answer.status_code == 409
        assert "The form was changed after its preview." in words(answer)
        assert newest(past.thread).trigger == Run.Trigger.RESUME
        assert 'value="Bye"' in answer.text

    def test_a_mistake_stands_at_its_field(self, operator: Client, past: Past):
        typed = {"state.log:on": "1", "state.log:shown": "1", "state.log:item": ["", "0"]}
        answer = operator.post(past.url("fork"), {"as_node": "who", "do": "fork", **typed})
        assert answer.status_code == 422
        assert "Not a fork yet." in words(answer)
        assert "is no node that can have written here" in words(answer)

    def test_opening_a_channel_is_no_order(self, operator: Client, past: Past):
        answer = operator.post(past.url("fork"), {"state.note:on": "1", "do": "fork"})
        assert answer.status_code == 200
        assert 'name="state.note"' in answer.text
        assert "Preview the fork" in words(answer)


class TestCopy:
    """Into a new thread."""

    def test_it_says_what_is_copied(self, operator: Client, past: Past):
        page = words(operator.get(past.url("copy")))
        assert "A new thread begins with this history:" in page
        assert "Run the new thread on when you like; next in it: ask" in page

    @pytest.mark.parametrize("do", ["", "run"])
    def test_it_is_made(self, operator: Client, past: Past, do: str):
        answer = operator.post(past.url("copy"), {"title": "Another way", "do": do})
        made = Thread.objects.latest("pk")
        assert (made.title, made.copied_from) == ("Another way", past.thread)
        onward = f"checkpoints/{past.where_it_asked}/replay/" if do else ""
        assert answer.headers["Location"] == f"/threads/{made.pk}/{onward}"
        assert operator.get(answer.headers["Location"]).status_code == 200


class TestChange:
    """Of a decision that was made."""

    def test_it_shows_the_decision_and_what_happens(self, reviewer: Client, past: Past):
        page = words(reviewer.get(f"/interrupts/{past.asked.pk}/change/"))
        for said in ("What was decided", "alice", "yes", "Asked again:", "Ask again: Sure?"):
            assert said in page

    def test_the_receipt_leads_there(self, reviewer: Client, past: Past):
        url = f"/interrupts/{past.asked.pk}/"
        assert f'href="{url}change/"' in reviewer.get(url).text

    @pytest.mark.parametrize("person", ["alice", "olga"])
    def test_reviewers_and_operators_may(
        self, request: pytest.FixtureRequest, client: Client, past: Past, person: str
    ):
        client.force_login(request.getfixturevalue(person))
        answer = client.post(
            f"/interrupts/{past.asked.pk}/change/", {"next": ["ask"], "reason": "I was wrong."}
        )
        assert answer.headers["Location"] == f"/threads/{past.thread.pk}/"
        run = newest(past.thread)
        assert (run.revises, run.reason) == (past.asked, "I was wrong.")

    def test_admins_may_not(self, client: Client, ada: User, past: Past):
        client.force_login(ada)
        assert client.get(f"/interrupts/{past.asked.pk}/change/").status_code == 403

    def test_a_reason_is_needed(self, reviewer: Client, past: Past):
        answer = reviewer.post(f"/interrupts/{past.asked.pk}/change/", {"next": ["ask"]})
        assert answer.status_code == 422
        assert "Say why; it is kept in the history." in words(answer)
        assert newest(past.thread).trigger == Run.Trigger.RESUME

    def test_what_is_no_longer_so_is_said(self, reviewer: Client, past: Past):
        answer = reviewer.post(
            f"/interrupts/{past.asked.pk}/change/", {"next": ["last"], "reason": "I was wrong."}
        )
        assert answer.status_code == 409
        assert "I was wrong.</textarea>" in answer.text

    def test_what_nobody_decided_is_decided_first(self, reviewer: Client):
        asked = make_interrupt()
        answer = reviewer.get(f"/interrupts/{asked.pk}/change/")
        assert answer.headers["Location"] == f"/interrupts/{asked.pk}/"
        assert reviewer.get(f"/interrupts/{asked.pk + 9}/change/").status_code == 404


def test_a_second_order_waits_for_the_first(operator: Client, past: Past):
    operator.post(past.url("replay"), {"next": ["ask"]})
    first = newest(past.thread)
    operator.post(past.url("replay"), {"next": ["ask"]})  # the button, pressed twice
    assert newest(past.thread) == first
    page = words(operator.get(past.url("replay")))
    assert f"It waits until run {first.pk} (replay by olga) has ended." in page
    again = {"next": ["ask"], "reason": "once more"}
    answer = operator.post(past.url("replay"), again, follow=True)
    assert newest(past.thread).status == Run.Status.WAITING
    assert "begins when the run before it has ended" in answer.text


def test_who_is_passed_over_beside_a_skipped_node_is_named(operator: Client):
    recording = fan(answered=False)
    thread = replay(recording)
    (at,) = [key for key, each in recording.snapshots().items() if "side" in each.next]
    nodes = [{"id": name, "name": name, "kind": ""} for name in ("first", "work", "side", "both")]
    edges = [
        {"source": "side", "target": "both", "conditional": False},
        {"source": "first", "target": "work", "conditional": True},
    ]
    Agent.objects.update(spec={"graph": {"nodes": nodes, "edges": edges}})
    url = f"/threads/{thread.pk}/checkpoints/{at}/fork/"
    page = words(operator.post(url, {"as_node": "side", "then": "run"}))
    assert "Runs next: both" in page
    assert "Does not run in this step: work" in page
    page = words(operator.post(url, {"as_node": "first"}))
    assert "Runs next, as its conditions say: work" in page
    assert "Does not run in this step:" not in page


def test_open_questions_are_named_with_a_link(operator: Client, past: Past):
    open_one = Interrupt.objects.filter(pk=past.asked.pk)
    open_one.update(status=Interrupt.Status.PENDING)
    page = operator.get(past.url("replay"))
    assert "No longer asked: 1 question that waits for an answer now." in words(page)
    assert f'href="/interrupts/{past.asked.pk}/"' in page.text


def test_a_breakpoint_is_told_of_where_nothing_runs_before(operator: Client, past: Past):
    agent = past.thread.agent
    Agent.objects.update(spec=agent.spec | {"interrupt_before": ["ask"]})
    told = "Stands at a breakpoint before ask It is asked about first: nothing runs until"
    page = words(operator.get(past.url("replay")))
    assert told in page
    assert "Replay from step 1: asks first" in page
    preview = {"then": "stay", **on("note", "changed")}
    assert told in words(operator.post(past.url("fork"), preview))
    Agent.objects.update(spec=agent.spec | {"interrupt_after": ["last"]})
    assert "breakpoint" not in words(operator.get(past.url("replay")))


@pytest.mark.parametrize("page", ["replay", "fork"])
def test_inside_of_a_graph_the_way_out_is_shown(operator: Client, page: str):
    thread = replay(nested())
    inside = thread.checkpoints.exclude(ns="").earliest("checkpoint_id")
    root = inside.metadata["parents"][""]
    query = urlencode({"ns": inside.ns})
    url = f"/threads/{thread.pk}/checkpoints/{inside.checkpoint_id}/{page}/?{query}"
    answer = operator.get(url)
    assert "This cannot be done." in words(answer)
    assert f'<a href="/threads/{thread.pk}/checkpoints/{root}/">Go there</a>' in answer.text
    assert "<textarea" not in answer.text
    assert operator.post(url, {"do": "fork"}).status_code == {"replay": 409, "fork": 422}[page]
