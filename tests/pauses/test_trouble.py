"""What does not go straight: moving questions, refused answers, failing and waiting, ends."""

from __future__ import annotations

import pytest

from agents.exceptions import InvalidAnswer
from agents.models import Interrupt, Run
from agents.reviews import ActionDecision, DecisionType
from agents.services import decisions, failures
from reviewconsole.protocol.values import Moving
from tests.pauses.desk import APPROVE, Desk, receipts, text, value

pytestmark = pytest.mark.django_db(transaction=True)


# Questions that move -------------------------------------------------------------------------


def test_a_set_is_one_question_in_any_order(desk: Desk):
    thread = desk.start("a_set", {"subject": "5 EUR"})
    desk.decide(desk.question(thread), text("yes"))
    assert desk.finished(thread)["answer"] == "yes"


def test_a_question_that_moves_is_answered_for_what_stands_still(desk: Desk):
    thread = desk.start("moves", {"subject": "5 EUR"})
    first = desk.question(thread)
    desk.decide(first, text("yes"))

    second = desk.question(thread)
    assert (second.moved_from, receipts([first])) == (first, ["refused"])
    moving = tuple(Moving(part["path"], part["how"]) for part in second.moving)
    assert sorted((part.path, part.how) for part in moving) == [
        ('["asked_at"]', "value"),
        ('["request"]', "value"),
    ]
    assert desk.names(thread) == []

    with pytest.raises(InvalidAnswer):
        desk.decide(second, text("yes"), moving=(Moving('["pay"]', "value"),))
    desk.decide(second, text("yes, whenever"), moving=moving)
    assert desk.finished(thread)["answer"] == "yes, whenever"
    assert desk.deeds(thread) == [{"deed": "moving", "answer": "yes, whenever"}]
    assert receipts([second]) == ["applied"]


# Answers that the agent rejects --------------------------------------------------------------


def test_what_failed_on_an_answer_asks_again_and_takes_the_new_one(desk: Desk):
    thread = desk.start("strictly", {})
    first = desk.question(thread)
    made = desk.decide(first, text("a dozen"))
    run = desk.failed(thread)
    assert (run.error, "a dozen" in run.message) == ("ValueError", True)

    failures.ask_again(run=run.pk, user=desk.alice)
    desk.browser.nudge()
    second = desk.question(thread)
    made.refresh_from_db()
    first.refresh_from_db()
    assert (second.value, second.pk != first.pk) == ("how many?", True)
    assert (made.status, first.status) == ("withdrawn", Interrupt.Status.SUPERSEDED)

    desk.decide(second, value(12))
    assert desk.finished(thread)["answer"] == 12
    assert receipts([second]) == ["applied"]
    # LangGraph forgets a finished sibling where a pause is asked anew, and the runner does not.
    assert sorted(desk.names(thread)) == ["beside", "strict", "strict"]


# Failed and waiting at once ------------------------------------------------------------------


def test_what_waits_beside_a_failure_is_shown_and_can_be_answered(desk: Desk):
    thread = desk.start("failing", {})
    run = desk.failed(thread)
    asked = run.interrupts.get()
    assert (run.error, run.message) == ("ValueError", "no such order")
    assert (asked.value, asked.node, asked.status) == ("go on?", "ask", "pending")
    thread.refresh_from_db()
    assert thread.status == "interrupted"

    desk.decide(asked, text("yes"))
    again = desk.failed(thread)  # what failed runs again, and fails again
    assert again.pk != run.pk
    assert receipts([asked]) == ["applied"]
    assert sorted(desk.names(thread)) == ["ask", "fail", "fail"]


def test_a_question_that_never_came_up_beside_a_failure_is_not_invented(desk: Desk):
    thread = desk.start("failing", {"raises_first": True})
    run = desk.failed(thread)
    assert run.message == "no such order"
    assert [asked.value for asked in run.interrupts.all()] in ([], ["go on?"])


# A conditional edge --------------------------------------------------------------------------


def test_a_question_of_a_conditional_edge_says_where_it_stands(desk: Desk):
    thread = desk.start("edge", {})
    asked = desk.question(thread)
    assert (asked.value, asked.node, asked.origin) == ("left or right?", "act", {"edge": True})
    assert desk.names(thread) == ["act"]
    desk.decide(asked, text("right"))
    desk.finished(thread)
    # What the node did before its edge asked is done again, as LangGraph defines it.
    assert desk.names(thread) == ["act", "act", "right"]


# NodeInterrupt -------------------------------------------------------------------------------


def test_10_a_node_interrupt_goes_on_when_the_state_was_changed(desk: Desk):
    thread = desk.start("node_interrupt", {"subject": "the letter"})
    asked = desk.question(thread)
    assert (asked.kind, asked.dialect) == ("node_interrupt", "node_interrupt")
    assert asked.value == "the letter is too long"

    desk.decide(asked, APPROVE)  # nothing has changed: it stops again
    again = desk.question(thread)
    assert again.value == "the letter is too long"
    desk.decide(again, APPROVE, update={"approved_already": True})
    assert desk.finished(thread)["answer"] == "checked"
    assert desk.names(thread) == ["check", "check", "check", "act"]
    assert receipts([asked, again]) == ["applied", "applied"]


def test_10_a_node_that_interrupts_itself_is_skipped(desk: Desk):
    thread = desk.start("node_interrupt", {"subject": "the letter"})
    desk.decide(desk.question(thread), ActionDecision(DecisionType.SKIP))
    assert "answer" not in desk.finished(thread)
    assert desk.names(thread) == ["check", "act"]


def test_10_two_that_share_their_id_are_two(desk: Desk):
    thread = desk.start("two_node_interrupts", {"subject": "the party"})
    asked = desk.asked(thread)
    assert [(each.node, each.value) for each in asked] == [
        ("check", "the party is too long"),
        ("check_too", "the party is too loud"),
    ]
    assert len({each.interrupt_id for each in asked}) == 1
    desk.decide(asked[0], APPROVE, update={"approved_already": True})
    desk.decide(asked[1], APPROVE)
    assert desk.finished(thread)["answer"] == "checked"
    assert receipts(asked) == ["applied", "applied"]


# The state, and the end ----------------------------------------------------------------------


def test_the_state_is_changed_with_the_answer_and_siblings_are_kept(desk: Desk):
    thread = desk.start("parallel", {"items": []})
    left, right = desk.asked(thread)
    desk.decide(left, text("L"), update={"items": ["written by alice"]})
    desk.decide(right, text("R"))
    state = desk.finished(thread)
    assert state["items"] == ["written by alice"]
    assert sorted(desk.names(thread)) == ["left", "quiet", "right", "together"]


def test_a_thread_is_dismissed_with_a_reason(desk: Desk):
    thread = desk.start("parallel", {"items": []})
    left, right = desk.asked(thread)
    desk.decide(left, text("L"))
    made = decisions.dismiss(
        interrupt=right.pk, user=desk.alice, fingerprint=right.fingerprint, reason="Obsolete."
    )
    desk.browser.nudge()
    run = desk.settled(thread)
    assert run.status == Run.Status.SUCCEEDED
    thread.refresh_from_db()
    assert thread.status == "idle"
    assert desk.names(thread) == ["quiet"]
    assert {decision.then for decision in made} == {"finish"}
    assert "Obsolete." in made[0].summary
