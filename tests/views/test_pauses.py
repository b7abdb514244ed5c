"""A pause with several questions, or an unusual one: its page, and deciding all of it at once."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from agents.models import Decision, Draft, Interrupt, Run
from agents.services import drafts
from reviewconsole.protocol.moving import compare
from reviewconsole.protocol.plain import Plain
from tests import factories
from tests.factories import REFUND, decide, describe_agent, make_interrupt, tool_review

pytestmark = pytest.mark.django_db

APPROVAL: Plain = {"action": "delete_account", "args": {"user": 8812}, "message": "May I?"}
BREAKPOINT: Plain = {"breakpoint": "before", "nodes": ["publish"], "tool_calls": []}
STATE = {
    "type": "object",
    "properties": {"plan": {"type": "string"}, "limit": {"type": "integer"}},
}


def url(interrupt: Interrupt, name: str = "detail") -> str:
    return reverse(f"interrupt-{name}", args=[interrupt.pk])


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(user: User, interrupt: Interrupt) -> str:
    return unescape(browser(user).get(url(interrupt)).content.decode())


def post(user: User, asked: list[Interrupt], name: str = "decide", **typed: str) -> Any:
    """Post the form of these open questions of a pause to the first; `__` stands for a dot."""
    shown = {f"questions.{one.position}.fingerprint": one.fingerprint for one in asked}
    fields = {key.replace("__", ".").replace("_on", ":on"): text for key, text in typed.items()}
    return browser(user).post(url(asked[0], name), shown | fields)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def pause_of_three() -> list[Interrupt]:
    """A question, a call and another question at once."""
    values: list[Plain] = [{"query": "Which account?"}, tool_review(), {"query": "Which month?"}]
    return factories.pause(factories.start_run(), *values)


ALL = {
    "questions__0__actions__0__answer": "The business one.",
    "questions__0__actions__0__shape": "data",
    "questions__1__actions__0__type": "approve",
    "questions__2__actions__0__answer": "May.",
    "questions__2__actions__0__shape": "text",
}


def without(position: int) -> dict[str, str]:
    return {key: text for key, text in ALL.items() if f"questions__{position}__" not in key}


# Several questions ----------------------------------------------------------------------------


def test_every_question_is_on_the_page_of_each(alice: User) -> None:
    asked = pause_of_three()
    for one in asked:
        page = get(alice, one)
        assert page.count('data-pill="') == 3
        assert page.count(" data-opened") == 1
        assert [f'id="question-{number}"' in page for number in range(4)] == [1, 1, 1, 0]
        card = page[page.index(f'id="question-{one.position}"') :]
        assert " data-opened" in card[: card.index(">")]


def test_all_are_decided_at_once(alice: User) -> None:
    asked = pause_of_three()
    assert post(alice, asked, **ALL).status_code == 302
    received = list(Decision.objects.values_list("resume", flat=True))
    assert received == [
        {"data": "The business one."},
        {"decisions": [{"type": "approve"}]},
        "May.",
    ]
    assert Run.objects.filter(trigger=Run.Trigger.RESUME).count() == 1


def test_what_is_missing_is_told_in_the_right_card_and_nothing_is_decided(alice: User) -> None:
    asked = pause_of_three()
    refused = post(alice, asked, **without(2), questions__2__actions__0__shape="json")
    page = text_of(refused)
    assert refused.status_code == 422
    assert '<a href="#questions.2.actions.0.answer">' in page
    assert "The business one.</textarea>" in page
    second, third = page.index('id="question-1"'), page.index('id="question-2"')
    assert 'aria-invalid="true"' in page[third:]
    assert 'aria-invalid="true"' not in page[second:third]
    assert not Decision.objects.exists()


def test_who_was_first_on_one_leaves_the_others_open(alice: User, bob: User) -> None:
    asked = pause_of_three()
    decide(asked[2], bob)
    late = post(alice, asked, **ALL)
    page = text_of(late)
    assert late.status_code == 409
    assert "bob was first: answered: Ask Bob." in page
    assert "May.</textarea>" in page[: page.index('id="decide"')]  # what was lost, to be copied
    assert "The business one.</textarea>" in page[page.index('id="decide"') :]
    assert Decision.objects.count() == 1
    assert post(alice, asked[:2], **without(2)).status_code == 302
    assert Decision.objects.count() == 3


def test_a_form_that_leaves_out_an_open_question_is_refused(alice: User) -> None:
    asked = pause_of_three()
    assert post(alice, asked[:2], **without(2)).status_code == 409
    assert not Decision.objects.exists()


def test_the_decided_ones_are_read_only(alice: User, bob: User) -> None:
    asked = pause_of_three()
    decide(asked[0], bob)
    page = get(alice, asked[1])
    first = page[page.index('id="question-0"') : page.index('id="question-1"')]
    assert "bob" in first
    assert "<textarea" not in first
    assert "questions.0.fingerprint" not in page
    assert "Submit all 2 decisions" in page


def test_the_last_call_of_a_pause_is_decided_by_its_buttons(alice: User, bob: User) -> None:
    asked = pause_of_three()
    decide(asked[0], bob)
    decide(asked[2], bob)
    page = get(alice, asked[1])
    assert 'data-decides="approve"' in page
    assert "Submit all" not in page


# Drafts ---------------------------------------------------------------------------------------


def test_a_draft_is_kept_and_shown_to_its_owner_alone(alice: User, bob: User) -> None:
    asked = pause_of_three()
    kept = browser(alice).post(
        url(asked[0], "draft") + "?keep", {"questions.0.actions.0.answer": "A"}
    )
    assert (kept.status_code, kept.content) == (204, b"")
    assert "Your draft, kept <time" in get(alice, asked[2])
    assert "A</textarea>" in get(alice, asked[2])
    assert "Your draft" not in get(bob, asked[0])
    assert browser(alice).post(url(asked[0], "draft"), {"op": "afresh"}).status_code == 302
    assert not Draft.objects.exists()


def test_a_draft_that_is_too_long_says_so(alice: User) -> None:
    asked = make_interrupt()
    words = "x" * (drafts.MOST_CHARACTERS + 1)
    answer = {"questions.0.actions.0.answer": words}
    kept = browser(alice).post(url(asked, "draft") + "?keep", answer)
    assert kept.status_code == 422
    assert "drafts of at most" in text_of(kept)


def test_a_draft_of_what_is_over_is_not_kept(alice: User, bob: User) -> None:
    asked = make_interrupt()
    decide(asked, bob)
    answer = {"questions.0.actions.0.answer": "A"}
    assert browser(alice).post(url(asked, "draft") + "?keep", answer).status_code == 409
    assert not Draft.objects.exists()


# Kinds of pauses ------------------------------------------------------------------------------


def test_a_guessed_format_can_be_answered_in_json(alice: User) -> None:
    asked = make_interrupt(APPROVAL)
    assert "Answer in JSON instead" in get(alice, asked)
    shown = text_of(post(alice, [asked], "draft", questions__0__raw="1"))
    assert '<input type="hidden" name="questions.0.raw" value="1">' in shown
    assert "Back to the form" in shown
    answer = {
        "questions__0__actions__0__answer": '{"ok": 1}',
        "questions__0__actions__0__shape": "json",
    }
    assert post(alice, [asked], questions__0__raw="1", **answer).status_code == 302
    assert Decision.objects.get().resume == {"ok": 1}


def test_the_shape_that_the_agent_took_last_is_offered_first(alice: User) -> None:
    earlier = make_interrupt()
    assert " last time." not in get(alice, earlier)
    words = {"questions__0__actions__0__answer": "Yes.", "questions__0__actions__0__shape": "text"}
    post(alice, [earlier], **words)
    run = Decision.objects.get().run
    assert run is not None
    factories.take(run)
    factories.apply(run)
    factories.finish(run)
    page = " ".join(get(alice, make_interrupt()).split())
    assert "This agent took it as text last time." in page
    assert 'value="text" checked' in page


def test_a_rejection_that_takes_no_reason_has_no_box_for_one(alice: User) -> None:
    asked = make_interrupt(APPROVAL)
    assert 'name="questions.0.actions.0.reason"' not in get(alice, asked)
    post(alice, [asked], questions__0__actions__0__type="reject")
    assert Decision.objects.get().resume == {"approved": False}


def test_a_breakpoint_is_skipped_or_written_for(alice: User) -> None:
    skipped = make_interrupt(BREAKPOINT, kind="breakpoint", node="publish")
    page = get(alice, skipped)
    name = "<b><bdi>publish</bdi></b>"
    for words in (f"Go on with {name}", f"Skip {name}", f"Write as {name}"):
        assert words in page
    post(alice, [skipped], questions__0__actions__0__type="skip")
    assert Decision.objects.get(interrupt=skipped).then == Decision.Then.SKIP
    written = make_interrupt(BREAKPOINT, kind="breakpoint", node="publish")
    values = {"questions__0__actions__0__args:json": '{"plan": "none"}'}
    draft = post(alice, [written], "draft", questions__0__actions__0__type="write", **values)
    assert "This exactly will be written" in text_of(draft)
    post(alice, [written], questions__0__actions__0__type="write", **values)
    decision = Decision.objects.get(interrupt=written)
    assert (decision.then, decision.resume) == (Decision.Then.WRITE, {"plan": "none"})
    assert "Written by alice" in get(alice, written)


def test_a_node_among_others_can_neither_be_skipped_nor_written_for(alice: User) -> None:
    (asked,) = factories.pause(
        factories.start_run(), "Too long.", kind="node_interrupt", node="check"
    )
    assert 'value="skip"' in get(alice, asked)
    asked.run.next = ["check", "other"]
    asked.run.save()
    assert 'value="skip"' not in get(alice, asked)


def test_a_node_interrupt_runs_again(alice: User) -> None:
    asked = make_interrupt("The plan is too long.", kind="node_interrupt", node="check")
    page = get(alice, asked)
    assert "Run <b><bdi>check</bdi></b> again" in page
    assert "The plan is too long." in page[page.index('id="question-0"') :]
    post(alice, [asked], questions__0__actions__0__type="approve")
    assert Decision.objects.get().then == Decision.Then.RUN


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ({"edge": True}, "This is asked between two steps: what <code><bdi>tools</bdi></code> did"),
        (
            {"tool": "search", "call_id": None},
            "Asked inside the tool <code><bdi>search</bdi></code>",
        ),
    ],
)
def test_where_it_is_asked_is_told_when_it_matters(
    alice: User, origin: dict[str, Any], told: str
) -> None:
    asked = make_interrupt()
    assert told not in get(alice, asked)
    Interrupt.objects.filter(pk=asked.pk).update(origin=origin)
    assert told in get(alice, asked)


# Questions that move --------------------------------------------------------------------------


def make_moving(before: Plain, now: Plain) -> Interrupt:
    """A question that stood differently when it was asked before."""
    asked = make_interrupt(now)
    asked.moved_from = make_interrupt(before)
    asked.moving = [{"path": part.path, "how": part.how} for part in compare(before, now) or ()]
    asked.save()
    return asked


def test_what_moves_is_shown_and_the_answer_can_be_bound_to_the_rest(alice: User) -> None:
    asked = make_moving({"query": "Which?", "at": "12:03"}, {"query": "Which?", "at": "12:04"})
    page = get(alice, asked)
    assert "This question changes each time it is asked." in page
    assert '<del><bdi>"12:03"</bdi></del>' in page
    assert '<ins><bdi>"12:04"</bdi></ins>' in page
    assert "what runs may differ" not in page
    answer = {
        "questions__0__actions__0__answer": "This.",
        "questions__0__actions__0__shape": "text",
    }
    post(alice, [asked], questions__0__moving="on", **answer)
    assert Decision.objects.get().moving == asked.moving


def test_unchecked_the_answer_is_for_exactly_what_was_shown(alice: User) -> None:
    asked = make_moving({"query": "Which?", "at": "12:03"}, {"query": "Which?", "at": "12:04"})
    answer = {
        "questions__0__actions__0__answer": "This.",
        "questions__0__actions__0__shape": "text",
    }
    assert post(alice, [asked], **answer).status_code == 302
    assert Decision.objects.get().moving == []


def test_arguments_that_move_are_warned_of(alice: User) -> None:
    before, now = (tool_review(("refund", {**REFUND, "id": one})) for one in ("a", "b"))
    assert "what runs may differ from what you read" in get(alice, make_moving(before, now))


# The state ------------------------------------------------------------------------------------


@pytest.fixture
def asked_with_state() -> Interrupt:
    """A question of an agent that tells the schema of its state."""
    asked = make_interrupt(snapshot={"plan": "refund", "limit": 3})
    agent = asked.thread.agent
    agent.spec = describe_agent(state_schema=STATE)
    agent.save()
    return asked


ANSWER = {"questions__0__actions__0__answer": "Yes.", "questions__0__actions__0__shape": "text"}
PLAN = {"state__plan_on": "1", "state__plan:shown": "1", "state__plan": "mail only"}


def test_the_state_is_changed_with_the_decision(alice: User, asked_with_state: Interrupt) -> None:
    shown = text_of(post(alice, [asked_with_state], "draft", **ANSWER, **PLAN))
    assert "This exactly will be written first" in shown
    assert post(alice, [asked_with_state], **ANSWER, **PLAN).status_code == 302
    assert Decision.objects.get().update == {"plan": "mail only"}


def test_a_channel_shows_its_fields_once_it_is_on(alice: User, asked_with_state: Interrupt) -> None:
    assert 'name="state.plan"' not in get(alice, asked_with_state)
    shown = text_of(post(alice, [asked_with_state], "draft", state__plan_on="1"))
    assert 'name="state.plan" id="state.plan" value="refund"' in shown
    assert 'name="state.limit"' not in shown


def test_a_channel_that_was_never_shown_is_not_written(
    alice: User, asked_with_state: Interrupt
) -> None:
    refused = post(alice, [asked_with_state], **ANSWER, state__plan_on="1")
    assert refused.status_code == 422
    assert "Write what plan is to be." in text_of(refused)
    assert not Decision.objects.exists()


def test_a_value_that_cannot_be_written_is_told_at_its_field(
    alice: User, asked_with_state: Interrupt
) -> None:
    limit = {"state__limit_on": "1", "state__limit:shown": "1", "state__limit": "many"}
    page = text_of(post(alice, [asked_with_state], **ANSWER, **limit))
    assert '<a href="#state.limit">' in page
    assert 'value="many"' in page
    assert not Decision.objects.exists()


def test_several_tasks_that_see_the_change_are_told(alice: User) -> None:
    assert "3 tasks of this step see it too." in get(alice, pause_of_three()[0])
    assert "of this step see it too" not in get(alice, make_interrupt())


# The end of a thread, and asking again --------------------------------------------------------


def test_a_thread_is_finished_with_a_reason(alice: User) -> None:
    asked = pause_of_three()
    silent = browser(alice).post(url(asked[0], "dismiss"), {"fingerprint": asked[0].fingerprint})
    assert silent.status_code == 422
    assert "Say why the thread is finished" in text_of(silent)
    assert not Decision.objects.exists()
    told = {"fingerprint": asked[0].fingerprint, "reason": "Nobody needs it."}
    assert browser(alice).post(url(asked[0], "dismiss"), told).status_code == 302
    assert {made.then for made in Decision.objects.all()} == {Decision.Then.FINISH}
    page = get(alice, asked[0])
    assert "Nobody needs it." in page
    assert "Dismissed" in page


def test_a_thread_that_moved_on_is_not_finished(alice: User, bob: User) -> None:
    asked = make_interrupt()
    decide(asked, bob)
    told = {"fingerprint": asked.fingerprint, "reason": "Nobody needs it."}
    late = browser(alice).post(url(asked, "dismiss"), told)
    assert late.status_code == 409
    assert "bob was first" in text_of(late)


def test_a_failed_answer_is_asked_again(alice: User) -> None:
    asked = make_interrupt()
    decision = decide(asked, alice)
    assert decision.run is not None
    factories.take(decision.run)
    factories.apply(decision.run)
    factories.fail(decision.run)
    again = browser(alice).post(reverse("run-ask-again", args=[decision.run.pk]))
    assert (again.status_code, again["Location"]) == (302, url(asked))
    newest = Run.objects.order_by("-pk")[0]
    assert (newest.trigger, newest.created_by) == (Run.Trigger.ASK_AGAIN, alice)


def test_what_did_not_fail_is_not_asked_again(alice: User) -> None:
    run = factories.start_run()
    again = browser(alice).post(reverse("run-ask-again", args=[run.pk]), follow=True)
    assert again.redirect_chain == [(reverse("thread-detail", args=[run.thread_id]), 302)]
    assert Run.objects.count() == 1


# What was decided -----------------------------------------------------------------------------


def test_proposed_edited_and_executed_are_shown_apart(alice: User) -> None:
    asked = make_interrupt(tool_review(("refund", REFUND)))
    edit = {f"questions__0__actions__0__args__{key}": str(text) for key, text in REFUND.items()}
    edit |= {
        "questions__0__actions__0__type": "edit",
        "questions__0__actions__0__args__amount": "9",
    }
    post(alice, [asked], **edit)
    Interrupt.objects.filter(pk=asked.pk).update(call_ids=["c1"])
    call = {"id": "c1", "name": "refund", "args": REFUND}
    asked.thread.snapshot = {
        "messages": [
            {"type": "ai", "content": "", "tool_calls": [call]},
            {"type": "tool", "content": "paid 9 EUR", "tool_call_id": "c1", "status": "success"},
        ]
    }
    asked.thread.save()
    page = get(alice, asked)
    places = [
        page.index(words) for words in ("Edited by alice", "Proposed by the agent", "Executed")
    ]
    assert places == sorted(places)
    assert "paid 9 EUR" in page[places[2] :]
