"""Deciding: one answer to a question, for what was shown, stored with its resuming run."""

import pytest

from agents.exceptions import (
    AlreadyDecided,
    InvalidAnswer,
    NotFound,
    PauseMoved,
    ShownDiffers,
)
from agents.models import Decision, Interrupt, Run, Thread
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.services import decisions
from tests.factories import (
    APPROVE,
    EMAIL,
    QUESTION,
    REFUND,
    breakpoint_before,
    decide,
    make_interrupt,
    pause,
    respond,
    start_run,
    tool_review,
)

TWO_CALLS = tool_review(("refund", REFUND), ("send_email", EMAIL))
REJECT = ActionDecision(DecisionType.REJECT, message="wrong customer")


def test_a_decision_is_recorded_and_its_run_is_queued(alice):
    run = start_run(context={"shop": 7}, interrupt_before=["tools"], interrupt_after=["model"])
    Run.objects.update(recursion_limit=7)
    (interrupt,) = pause(run)
    decision = decide(interrupt, alice, respond("Ask Bob."))

    decision = Decision.objects.get(pk=decision.pk)
    assert (decision.interrupt, decision.decided_by) == (interrupt, alice)
    assert (decision.status, decision.fingerprint) == ("recorded", interrupt.fingerprint)
    assert decision.resume == {"data": "Ask Bob."}
    assert decision.summary == "answered: Ask Bob."
    assert (decision.delivered_at, decision.applied_at) == (None, None)

    interrupt.refresh_from_db()
    assert (interrupt.status, interrupt.closed_at is None) == (Interrupt.Status.ANSWERED, False)

    resumed = decision.run
    assert (resumed.status, resumed.trigger) == (Run.Status.QUEUED, Run.Trigger.RESUME)
    assert (resumed.thread, resumed.resumes, resumed.created_by) == (run.thread, run, alice)
    assert (resumed.input, resumed.context, resumed.recursion_limit) == (None, {"shop": 7}, 7)
    assert (resumed.interrupt_before, resumed.interrupt_after) == (["tools"], ["model"])
    assert Thread.objects.get(pk=run.thread_id).status == Thread.Status.BUSY


@pytest.mark.parametrize(
    ("value", "kind", "made", "actions", "resume"),
    [
        (
            TWO_CALLS,
            "interrupt",
            (REJECT, ActionDecision(DecisionType.EDIT, args={**EMAIL, "to": "bob@example.com"})),
            [
                {"type": "reject", "message": "wrong customer"},
                {"type": "edit", "args": {**EMAIL, "to": "bob@example.com"}},
            ],
            {
                "decisions": [
                    {"type": "reject", "message": "wrong customer"},
                    {
                        "type": "edit",
                        "edited_action": {
                            "name": "send_email",
                            "args": {**EMAIL, "to": "bob@example.com"},
                        },
                    },
                ]
            },
        ),
        (
            breakpoint_before(("send_email", EMAIL)),
            "breakpoint",
            (APPROVE,),
            [{"type": "approve"}],
            {"calls": [{"id": "call_0", "type": "approve"}]},
        ),
        (
            QUESTION,
            "interrupt",
            (ActionDecision(DecisionType.RESPOND, answer=2**60, shape=AnswerShape.JSON),),
            [{"type": "respond", "answer": 2**60, "shape": "json"}],
            2**60,
        ),
        (
            QUESTION,
            "interrupt",
            (ActionDecision(DecisionType.RESPOND, shape=AnswerShape.JSON),),
            [{"type": "respond", "answer": None, "shape": "json"}],
            None,
        ),
        (
            QUESTION,
            "interrupt",
            (respond("Ask Bob."),),
            [{"type": "respond", "answer": "Ask Bob.", "shape": "data"}],
            {"data": "Ask Bob."},
        ),
    ],
    ids=["review", "breakpoint", "question", "null", "usual-shape"],
)
def test_what_was_decided_and_what_will_be_sent_are_kept(alice, value, kind, made, actions, resume):
    decision = Decision.objects.get(pk=decide(make_interrupt(value, kind=kind), alice, *made).pk)
    assert (decision.actions, decision.resume) == (actions, resume)


def test_the_last_decision_of_a_pause_queues_its_run(alice, bob):
    run = start_run()
    first, second = pause(run, "first?", "second?")

    earlier = decide(second, alice)
    assert (earlier.run, Run.objects.filter(status=Run.Status.QUEUED).count()) == (None, 0)
    assert Thread.objects.get().status == Thread.Status.INTERRUPTED

    later = decide(first, bob)
    earlier.refresh_from_db()
    assert earlier.run == later.run == Run.objects.get(status=Run.Status.QUEUED)
    assert (later.run.created_by, later.run.resumes) == (bob, run)


def test_the_second_decision_is_told_who_was_first_and_what_it_was(alice, bob):
    interrupt = make_interrupt(tool_review())
    first = decide(interrupt, alice, REJECT)
    for later in (bob, alice):
        with pytest.raises(AlreadyDecided) as refusal:
            decide(interrupt, later)
        assert str(refusal.value) == f"alice was first: {first.summary}"
        assert refusal.value.decision == first.pk
    assert "wrong customer" in first.summary
    assert list(Decision.objects.all()) == [first]
    assert Run.objects.filter(trigger="resume").count() == 1


def test_who_was_first_is_told_whatever_became_of_the_pause(alice, bob):
    interrupt = make_interrupt()
    decide(interrupt, alice)
    for status in (Interrupt.Status.APPLIED, Interrupt.Status.SUPERSEDED):
        Interrupt.objects.update(status=status)
        with pytest.raises(AlreadyDecided, match="alice was first"):
            decide(interrupt, bob)


@pytest.mark.parametrize("status", ["superseded", "cancelled", "expired"])
def test_a_pause_that_moved_on_says_what_became_of_it(alice, status):
    interrupt = make_interrupt()
    Interrupt.objects.update(status=status)
    with pytest.raises(PauseMoved) as refusal:
        decide(interrupt, alice)
    assert str(refusal.value) == f"This pause is no longer the current one: it was {status}."
    assert refusal.value.interrupt_status == status
    assert Decision.objects.count() == 0


@pytest.mark.parametrize("fingerprint", ["", "0" * 64])
def test_a_form_made_for_something_else_is_refused(alice, fingerprint):
    interrupt = make_interrupt()
    with pytest.raises(ShownDiffers, match="Nothing was decided: reload the page"):
        decisions.submit(
            interrupt=interrupt.pk, user=alice, fingerprint=fingerprint, decisions=[respond()]
        )
    interrupt.refresh_from_db()
    assert (interrupt.status, Decision.objects.count()) == (Interrupt.Status.PENDING, 0)


def test_the_form_of_another_pause_is_refused(alice):
    one, other = make_interrupt(), make_interrupt()
    with pytest.raises(ShownDiffers):
        decisions.submit(
            interrupt=one.pk, user=alice, fingerprint=other.fingerprint, decisions=[respond()]
        )


@pytest.mark.parametrize(
    ("value", "made", "errors"),
    [
        (TWO_CALLS, (APPROVE,), {"actions": "Needs 2 decisions, got 1."}),
        (
            tool_review(allowed=["approve", "reject"]),
            (ActionDecision(DecisionType.EDIT, args=EMAIL),),
            {
                "actions.0.type": "edit is not allowed for send_email; allowed: approve, reject.",
            },
        ),
        (
            tool_review(),
            (ActionDecision(DecisionType.EDIT, args={**EMAIL, "to": 5}),),
            {"actions.0.args.to": "Must be text."},
        ),
        (
            QUESTION,
            (APPROVE,),
            {"actions.0.type": "approve is not allowed for question; allowed: respond."},
        ),
    ],
    ids=["count", "type", "schema", "question"],
)
def test_an_answer_the_request_does_not_allow_is_refused(alice, value, made, errors):
    interrupt = make_interrupt(value)
    with pytest.raises(InvalidAnswer) as refusal:
        decide(interrupt, alice, *made)
    assert refusal.value.errors == errors
    interrupt.refresh_from_db()
    assert (interrupt.status, Decision.objects.count()) == (Interrupt.Status.PENDING, 0)


def test_an_answer_that_langgraph_cannot_store_is_refused(alice):
    interrupt = make_interrupt()
    answer = ActionDecision(DecisionType.RESPOND, answer=2**64, shape=AnswerShape.JSON)
    with pytest.raises(InvalidAnswer):
        decide(interrupt, alice, answer)
    assert Decision.objects.count() == 0


def test_an_unknown_interrupt_is_not_found(alice):
    with pytest.raises(NotFound, match="There is no interrupt 7"):
        decisions.submit(interrupt=7, user=alice, fingerprint="", decisions=[])


def test_any_text_of_a_reviewer_is_kept(alice):
    reason = "no\0 " + "x" * 400
    decision = decide(
        make_interrupt(tool_review()), alice, ActionDecision(DecisionType.REJECT, message=reason)
    )
    assert decision.actions == [{"type": "reject", "message": reason}]
    assert (len(decision.summary) <= 300, "\0" in decision.summary) == (True, False)
