"""Dismissing: a thread is finished where it stands, for a reason, and never by accident."""

import pytest

from agents.exceptions import AlreadyDecided, InvalidAnswer, NotFound, ShownDiffers
from agents.models import CallVerdict, Decision, Interrupt, Run, Thread
from agents.reviews import ActionDecision, DecisionType
from agents.services import assignments, decisions, drafts
from reviewconsole.protocol.messages import Whole
from tests.factories import (
    EMAIL,
    REFUND,
    decide,
    dismiss,
    fail,
    make_interrupt,
    pause,
    start_run,
    take,
    tool_review,
)

REASON = "The customer has called off the order."


@pytest.fixture
def three(db):
    calls = tool_review(("refund", REFUND), ("send_email", EMAIL))
    return pause(start_run(context={"shop": 7}), "first?", calls, "third?")


def test_every_open_question_is_decided_with_it(alice, three):
    made = dismiss(three[1], alice, REASON)
    assert [decision.interrupt for decision in made] == three
    run = Run.objects.get(trigger="resume")
    rows = Decision.objects.values_list("status", "then", "resume", "run", "decided_by")
    assert list(rows) == [("recorded", "finish", None, run.pk, alice.pk)] * 3
    said = {"type": "dismiss", "message": REASON}
    assert [decision.actions for decision in made] == [[said], [said, said], [said]]
    assert made[0].summary == f"dismissed the thread: {REASON}"
    assert (run.context, run.created_by) == ({"shop": 7}, alice)
    assert Interrupt.objects.pending().count() == 0
    assert Thread.objects.get().status == Thread.Status.BUSY


def test_the_runner_compares_it_with_the_live_pause_as_any_other(alice):
    asked = make_interrupt()
    (decision,) = dismiss(asked, alice)
    take(decision.run)
    (answer,) = assignments.make(decision.run).answers
    assert (answer.then, answer.fingerprint) == ("finish", asked.fingerprint)
    assert (answer.value, answer.settled) == (Whole("null", b""), False)


def test_what_was_decided_and_not_sent_is_withdrawn(alice, bob, three):
    first, calls, third = three
    theirs = decide(third, bob)
    made = dismiss(calls, alice)
    assert [decision.interrupt for decision in made] == [first, calls]
    theirs.refresh_from_db()
    third.refresh_from_db()
    assert (theirs.status, theirs.run, third.status) == ("withdrawn", None, "superseded")
    take(made[0].run)
    answers = assignments.make(made[0].run).answers
    assert {(answer.decision, answer.then, answer.settled) for answer in answers} == {
        (theirs.pk, "finish", True),  # its question is open all the same, and known to be
        *((decision.pk, "finish", False) for decision in made),
    }


def test_no_call_of_it_may_run(alice):
    run = start_run()
    asked = tool_review(("refund", REFUND), ("send_email", EMAIL))
    (calls,) = pause(run, asked, call_ids=("call-1", "call-2"))
    dismiss(calls, alice)
    verdicts = CallVerdict.objects.order_by("pk").values_list("call_id", "tool", "type")
    assert list(verdicts) == [("call-1", "refund", "reject"), ("call-2", "send_email", "reject")]


@pytest.mark.parametrize("made", [DecisionType.APPROVE, DecisionType.REJECT])
def test_no_call_of_it_may_run_that_was_decided_before(alice, bob, made):
    run = start_run()
    two = [tool_review(("refund", REFUND)), "second?"]
    call, other = pause(run, *two, call_ids=("call-1",))
    decide(call, bob, ActionDecision(made))
    dismiss(other, alice)
    (verdict,) = CallVerdict.objects.select_related("decision")
    assert (verdict.call_id, verdict.type, verdict.decision.decided_by) == (
        "call-1",
        "reject",
        alice,
    )


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_reason_is_needed(alice, three, reason):
    with pytest.raises(InvalidAnswer) as refusal:
        dismiss(three[0], alice, reason)
    assert list(refusal.value.errors) == ["reason"]
    assert Decision.objects.count() == 0


def test_who_decided_first_is_told(alice, bob, three):
    decide(three[0], bob)
    with pytest.raises(AlreadyDecided, match="bob was first: answered"):
        dismiss(three[0], alice)


def test_who_dismissed_first_is_told(alice, bob, three):
    dismiss(three[0], alice)
    for late in (lambda: decide(three[2], bob), lambda: dismiss(three[1], bob)):
        with pytest.raises(AlreadyDecided, match="alice was first: dismissed the thread"):
            late()


def test_a_page_that_showed_something_else(alice, three):
    with pytest.raises(ShownDiffers):
        decisions.dismiss(interrupt=three[0].pk, user=alice, fingerprint="0" * 64, reason=REASON)


def test_an_unknown_interrupt(alice):
    with pytest.raises(NotFound):
        decisions.dismiss(interrupt=4711, user=alice, fingerprint="", reason=REASON)


def test_what_waits_in_a_failed_run_can_be_dismissed(alice):
    run = start_run()
    take(run)
    fail(run, "no such order", "Sure?")
    (decision,) = dismiss(Interrupt.objects.get(), alice)
    assert decision.run.resumes == run


def test_its_owners_draft_goes_with_it(alice, bob, three):
    run = three[0].run_id
    for user in (alice, bob):
        drafts.keep(run=run, user=user, post={"questions.2.actions.0.answer": ["no"]})
    dismiss(three[0], alice)
    assert drafts.of(run=run, user=alice) is None


def test_any_reason_is_kept(alice):
    reason = "no\0 \ud800" + "x" * 400
    (made,) = dismiss(make_interrupt(), alice, reason)
    decision = Decision.objects.get(pk=made.pk)
    assert decision.actions == [{"type": "dismiss", "message": reason}]
    assert (len(decision.summary), "\0" in decision.summary) == (300, False)
