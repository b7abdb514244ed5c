"""Assignments: what a runner is given to go on with, answers included."""

from agents.models import Decision, Interrupt, Run
from agents.reviews import ActionDecision, DecisionType
from agents.services import assignments, checkpoints, decisions, runs
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Answer, Lease, Owner, Put, Whole
from tests.factories import (
    AGENT,
    apply,
    breakpoint_before,
    connect_runner,
    decide,
    finish,
    make_interrupt,
    pause,
    respond,
    start_run,
    take,
)

DOCUMENT = plain.encode({"v": 4, "channel_versions": {}})[1]


def test_a_resume_carries_the_answer_bound_to_its_question(alice):
    interrupt = make_interrupt()
    decision = decide(interrupt, alice)
    run = Run.objects.get(pk=decision.run_id)
    take(run)
    assignment = assignments.make(run)
    assert (assignment.trigger, assignment.input) == ("resume", Whole("null", b""))
    assert assignment.answers == (
        Answer(
            decision=decision.pk,
            kind="interrupt",
            interrupt_id=interrupt.interrupt_id,
            task_id=interrupt.task_id,
            fingerprint=interrupt.fingerprint,
            digest=interrupt.digest,
            value=Whole(*plain.encode({"data": "Ask Bob."})),
            settled=False,
        ),
    )


def test_every_answer_of_a_pause_travels_in_the_order_of_deciding(alice, bob):
    first, second = pause(start_run(), "first?", "second?")
    later, earlier = decide(second, bob), decide(first, alice)
    run = Run.objects.get(pk=earlier.run_id)
    take(run)
    assert [answer.decision for answer in assignments.make(run).answers] == [later.pk, earlier.pk]


def test_answers_the_same_task_has_taken_are_offered_again_as_settled(alice):
    """A node that asks twice runs again for the second answer, at one checkpoint."""
    small = make_interrupt("pay 1?")
    first = decide(small, alice)
    take(first.run)
    apply(first.run)
    (large,) = pause(first.run, "pay 1000000?", at=small)
    second = decide(large, alice)
    run = Run.objects.get(pk=second.run_id)
    take(run)
    answers = assignments.make(run).answers
    assert [(answer.decision, answer.settled) for answer in answers] == [
        (first.pk, True),
        (second.pk, False),
    ]


def test_answers_of_other_pauses_and_refused_ones_stay_behind(alice):
    before = make_interrupt("before?")
    decide(before, alice)
    Decision.objects.update(status=Decision.Status.REFUSED)
    Interrupt.objects.update(status=Interrupt.Status.SUPERSEDED)
    (anew,) = pause(before.thread.runs.get(trigger="resume"), "anew?")
    Interrupt.objects.filter(pk=before.pk).update(checkpoint_id=anew.checkpoint_id)
    decide(make_interrupt("elsewhere?"), alice)
    decision = decide(anew, alice)
    run = Run.objects.get(pk=decision.run_id)
    take(run)
    assert [answer.decision for answer in assignments.make(run).answers] == [decision.pk]


def test_how_the_agent_goes_on_and_what_is_written_before_travel_too(alice):
    value = breakpoint_before(node="human_input")
    asked = make_interrupt(value, kind="breakpoint", node="human_input")
    decision = decisions.submit(
        interrupt=asked.pk, user=alice, fingerprint=asked.fingerprint,
        decisions=[ActionDecision(DecisionType.SKIP)], update={"priority": "high"},
    )  # fmt: skip
    take(decision.run)
    (answer,) = assignments.make(decision.run).answers
    assert (answer.then, answer.value) == ("skip", Whole("null", b""))
    assert answer.update == Whole(*plain.encode({"priority": "high"}))
    apply(decision.run)
    (again,) = assignments.make(decision.run).answers
    assert (again.settled, again.update) == (True, answer.update)


def test_what_an_earlier_run_wrote_is_not_written_again(alice):
    small = make_interrupt("pay 1?")
    first = decisions.submit(
        interrupt=small.pk, user=alice, fingerprint=small.fingerprint,
        decisions=[respond("yes")], update={"priority": "high"},
    )  # fmt: skip
    take(first.run)
    apply(first.run)
    (large,) = pause(first.run, "pay 1000000?", at=small)
    second = decide(large, alice)
    take(second.run)
    answers = assignments.make(second.run).answers
    assert [(answer.settled, answer.update) for answer in answers] == [(True, None), (False, None)]


def test_a_start_carries_no_answers(alice):
    interrupt = make_interrupt()
    run = decide(interrupt, alice).run
    take(run)
    finish(run)
    again = start_run(thread=interrupt.thread.thread_id)
    take(again)
    assert assignments.make(again).answers == ()


def test_the_head_of_the_thread_is_noted_at_the_first_attempt_only(db):
    """A later attempt sees by it that the input was taken, and does not give it again."""
    runner = connect_runner()
    for name in ("1efc", "1efb"):
        put = Put(Owner(AGENT), "thread-1", "", name, None, DOCUMENT, b"{}", ())
        checkpoints.Store().execute([(runner.pk, put)])
    run = start_run(thread="thread-1")
    (first,) = runs.claim(runner=runner, agents=[AGENT], free=1)
    newer = Put(first.lease, "thread-1", "", "1efd", "1efc", DOCUMENT, b"{}", ())
    checkpoints.Store().execute([(runner.pk, newer)])
    runs.release(runner=runner, lease=first.lease)
    (second,) = runs.claim(runner=runner, agents=[AGENT], free=1)
    assert (first.base_checkpoint_id, first.lease) == ("1efc", Lease(run.pk, 1))
    assert (second.base_checkpoint_id, second.lease) == ("1efc", Lease(run.pk, 2))
