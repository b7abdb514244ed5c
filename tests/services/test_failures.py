"""Failed runs: what waits in one all the same, and letting the agent ask again."""

import dataclasses

import pytest

from agents.exceptions import CannotAskAgain, NotAllowed, NotFound, PauseMoved, ThreadBusy
from agents.models import Checkpoint, Decision, Interrupt, Run, Thread
from agents.services import assignments, failures, runs
from reviewconsole.protocol.messages import Whole
from tests.factories import (
    apply,
    connect_runner,
    decide,
    expire_lease,
    fail,
    finish,
    make_failed,
    make_interrupt,
    new_checkpoint_id,
    pause,
    respond,
    start_run,
    take,
    tool_review,
)


@pytest.fixture
def failed(alice):
    """A run that failed on the answer it brought."""
    return fail_on(decide(make_interrupt(), alice))


def fail_on(decision, *values, **fields):
    run = decision.run
    take(run)
    apply(run)
    return fail(run, "no such order", *values, **fields)


def ask_again(run, user):
    return failures.ask_again(run=run.pk, user=user)


def states(*rows):
    for row in rows:
        row.refresh_from_db()
    return [row.status for row in rows]


# Failed and waiting at once -----------------------------------------------------------------------


def test_what_waits_in_a_failed_run_is_asked(alice):
    run = start_run()
    take(run)
    fail(run, "no such order", tool_review(), waiting=["tools", "search"])
    (asked,) = run.interrupts.all()
    run.refresh_from_db()
    assert (run.status, run.message, run.next) == ("failed", "no such order", ["tools", "search"])
    assert (asked.status, asked.checkpoint_id, asked.dialect) == (
        "pending", run.checkpoint_id, "middleware",
    )  # fmt: skip
    assert Thread.objects.get().status == Thread.Status.INTERRUPTED


def test_its_decision_resumes_as_any_other(alice):
    run = start_run(context={"shop": 7})
    take(run)
    fail(run, "no such order", "Sure?")
    resumed = decide(Interrupt.objects.get(), alice).run
    assert (resumed.trigger, resumed.resumes, resumed.context) == ("resume", run, {"shop": 7})


def test_a_failure_repeated_after_a_lost_reply_asks_once(alice):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    request = make_failed(run, "no such order", "Sure?")
    failures.fail(runner=runner, request=request)
    decide(Interrupt.objects.get(), alice)
    failures.fail(runner=runner, request=request)
    assert Interrupt.objects.get().status == Interrupt.Status.ANSWERED
    assert Thread.objects.get().status == Thread.Status.BUSY


def test_a_question_that_cannot_be_read_does_not_keep_the_run_from_failing(db):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    request = make_failed(run, "no such order", "first?", "second?")
    broken = dataclasses.replace(request.interrupts[1], value=Whole("msgpack", b"\x91"))
    request = dataclasses.replace(request, interrupts=(request.interrupts[0], broken))
    for _ in range(2):
        failures.fail(runner=runner, request=request)
    run.refresh_from_db()
    assert (run.status, run.thread.status) == (Run.Status.FAILED, Thread.Status.ERROR)
    assert run.message.startswith(
        "no such order\nWhat waits here cannot be shown: the question of tools: damaged msgpack"
    )
    assert Interrupt.objects.count() == 0


def test_a_run_that_is_to_be_cancelled_asks_nothing(db):
    run = start_run()
    take(run)
    runs.cancel(run=run.pk, user=None)
    run.refresh_from_db()
    request = make_failed(run, "no such order", "Sure?")
    for _ in range(2):
        failures.fail(runner=run.runner, request=request)
    run.refresh_from_db()
    assert (run.status, Interrupt.objects.count()) == (Run.Status.CANCELLED, 0)


def test_an_answer_whose_question_waits_again_is_taken_back(alice):
    """Its task was stopped by a sibling that failed; the agent must get the new answer."""
    first, second = pause(start_run(), "first?", "second?")
    decide(first, alice)
    decision = decide(second, alice)
    run = decision.run
    take(run)
    failed = fail(run, "no such order", "first?", at=first)
    (anew,) = failed.interrupts.select_related("thread__agent")
    assert anew.fingerprint == first.fingerprint
    assert states(first, first.decision, second, decision) == [
        "superseded", "withdrawn", "answered", "recorded",
    ]  # fmt: skip
    newer = decide(anew, alice, respond("Ask Carol.")).run
    take(newer)
    offered = [answer.decision for answer in assignments.make(newer).answers]
    assert offered == [decision.pk, anew.decision.pk]


# Asking again -------------------------------------------------------------------------------------


def test_the_agent_asks_again_what_it_failed_on(failed, alice, bob):
    decision = Decision.objects.get()
    Run.objects.filter(pk=failed.pk).update(
        context={"shop": 7}, interrupt_before=["a"], interrupt_after=["b"], recursion_limit=7
    )
    again = ask_again(failed, bob)
    assert (again.status, again.trigger, again.created_by) == ("queued", "ask_again", bob)
    assert (again.resumes, again.thread) == (failed.resumes, failed.thread)
    assert (again.context, again.recursion_limit) == ({"shop": 7}, 7)
    assert (again.interrupt_before, again.interrupt_after) == (["a"], ["b"])
    assert states(decision, decision.interrupt) == ["withdrawn", "superseded"]
    assert Thread.objects.get().status == Thread.Status.BUSY
    take(again)
    assignment = assignments.make(again)
    assert (assignment.trigger, assignment.answers) == ("ask_again", ())


def test_the_same_question_is_decided_anew(failed, alice, bob):
    before = Interrupt.objects.get()
    (anew,) = pause(ask_again(failed, alice), before.value, at=before)
    assert (anew.fingerprint, anew.moved_from) == (before.fingerprint, None)
    decision = decide(anew, bob, respond("Ask Carol."))
    take(decision.run)
    (answer,) = assignments.make(decision.run).answers
    assert (answer.decision, answer.settled) == (decision.pk, False)


def test_answers_that_the_agent_took_before_stay(alice):
    """One node asks twice; it fails on the second answer."""
    small = make_interrupt("pay 1?")
    first = decide(small, alice)
    take(first.run)
    apply(first.run)
    (large,) = pause(first.run, "pay 1000000?", at=small)
    failed = fail_on(decide(large, alice))
    again = ask_again(failed, alice)
    take(again)
    (answer,) = assignments.make(again).answers
    assert (answer.decision, answer.settled) == (first.pk, True)
    assert states(small, first, large) == ["applied", "applied", "superseded"]


def test_it_may_fail_and_be_asked_again_more_than_once(failed, alice):
    for _ in range(3):
        again = ask_again(failed, alice)
        take(again)
        before, failed = failed, fail(again)
    assert failed.resumes == before.resumes == Run.objects.get(status="interrupted")


def test_what_still_waits_in_the_failed_run_is_asked_again_with_it(alice, bob):
    before = make_interrupt("first?")
    failed = fail_on(decide(before, alice), "second?", "third?", at=before)
    second, third = failed.interrupts.select_related("thread__agent")
    theirs = decide(second, bob)
    again = ask_again(failed, alice)
    assert states(second, theirs, third) == ["superseded", "withdrawn", "superseded"]
    assert Decision.objects.exclude(status="withdrawn").count() == 0
    with pytest.raises(PauseMoved, match="alice let the agent ask again"):
        decide(third, bob)
    assert again.resumes == failed


@pytest.mark.parametrize(("name", "may"), [("bob", True), ("olga", True), ("ada", False)])
def test_reviewers_and_operators_may(request, failed, name, may):
    user = request.getfixturevalue(name)
    if may:
        assert ask_again(failed, user).created_by == user
    else:
        with pytest.raises(NotAllowed, match="Asking again is for reviewers and operators"):
            ask_again(failed, user)


def test_an_unknown_run(alice):
    with pytest.raises(NotFound, match="There is no run 4711"):
        failures.ask_again(run=4711, user=alice)


def refused(run, user, why):
    assert not Run.objects.get(pk=run.pk).can_be_asked_again()
    before = [list(table.objects.order_by("pk").values()) for table in (Run, Decision, Interrupt)]
    with pytest.raises(CannotAskAgain, match=why):
        ask_again(run, user)
    after = [list(table.objects.order_by("pk").values()) for table in (Run, Decision, Interrupt)]
    assert after == before


def test_a_run_that_did_not_fail_has_nothing_to_ask_again(alice):
    asked = make_interrupt()
    refused(asked.run, alice, r"has not failed: it is interrupted\.")


def test_a_run_that_failed_before_it_asked_anything(alice):
    run = start_run()
    take(run)
    refused(fail(run), alice, "before the agent asked anything: start the thread again")


def test_the_second_of_two_is_told_who_was_first(failed, alice, bob):
    again = ask_again(failed, alice)
    refused(failed, bob, rf"alice began run {again.pk} \(ask again\)")


def test_a_thread_that_was_started_anew_has_gone_on(failed, alice, olga):
    run = start_run(thread=failed.thread.thread_id, user=olga)
    refused(failed, alice, rf"olga began run {run.pk} \(start\)")


def test_a_thread_that_asks_again_cannot_be_started(failed, alice, olga):
    ask_again(failed, alice)
    with pytest.raises(ThreadBusy):
        start_run(thread=failed.thread.thread_id, user=olga)


def test_a_run_that_nobody_took_up_has_changed_nothing(failed, alice):
    runs.cancel(run=ask_again(failed, alice).pk, user=None)
    assert failed.can_be_asked_again()
    assert ask_again(failed, alice).status == Run.Status.QUEUED


def save(run, source):
    Checkpoint.objects.create(
        thread=run.thread, ns="", checkpoint_id=new_checkpoint_id(), parent_id=None,
        document=b"", metadata={"source": source, "step": 3},
    )  # fmt: skip


def test_an_agent_that_has_gone_on_cannot_go_back(failed, alice):
    save(failed, "update")
    save(failed, "loop")
    refused(failed, alice, "had taken the answer and gone on before it failed")


def test_a_change_of_the_state_is_no_step(failed, alice):
    save(failed, "update")
    assert ask_again(failed, alice).status == Run.Status.QUEUED


def test_a_node_that_was_skipped_is_behind_the_agent(failed, alice):
    Decision.objects.update(then=Decision.Then.SKIP)
    refused(failed, alice, "gone on before it failed")


def test_a_lost_runner_is_a_failure_like_others(alice, settings):
    settings.RUN_MAX_ATTEMPTS = 1
    run = decide(make_interrupt(), alice).run
    take(run)
    expire_lease(run)
    assert runs.reap() == 1
    run.refresh_from_db()
    assert (run.error, ask_again(run, alice).trigger) == ("RunnerLost", "ask_again")


def test_a_finished_thread_is_over(failed, alice):
    again = ask_again(failed, alice)
    take(again)
    finish(again)
    refused(again, alice, "has not failed")
