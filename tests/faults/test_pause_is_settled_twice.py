"""Several people settle one pause at the same moment: one wins all of it, the others are told."""

from functools import partial

import pytest
from django.contrib.auth.models import User

from agents.exceptions import AlreadyDecided, CannotAskAgain, InvalidAnswer, PauseMoved, ThreadBusy
from agents.models import Decision, Interrupt, Run, Runner, Thread
from agents.services import decisions, failures
from agents.services.decisions import Submission
from tests.factories import (
    apply,
    decide,
    dismiss,
    fail,
    make_failed,
    make_interrupt,
    pause,
    respond,
    start_run,
    take,
)
from tests.faults.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROUNDS = 15


def submit(user: User, *asked: Interrupt, **fields: object) -> list[Decision]:
    made = [Submission(each.pk, each.fingerprint, [respond()]) for each in asked]
    return decisions.submit_all(user=user, submissions=made, **fields)  # type: ignore[arg-type]


def failed_run(user: User, *values: str) -> Run:
    run = decide(make_interrupt(), user).run
    assert run is not None
    take(run)
    apply(run)
    return fail(run, "no such order", *values)


def active(thread: Thread) -> int:
    return thread.runs.active().count()


def split(results: list[object]) -> tuple[list[object], list[Exception]]:
    """What was done, and what was refused."""
    refused = [result for result in results if isinstance(result, Exception)]
    return [result for result in results if not isinstance(result, Exception)], refused


def test_forms_that_overlap_are_taken_whole_or_not_at_all(alice: User, bob: User):
    for _ in range(ROUNDS):
        first, second, third = pause(start_run(), "first?", "second?", "third?")
        results = race(partial(submit, alice, first, second), partial(submit, bob, second, third))
        (done,), (refusal,) = split(results)
        assert isinstance(refusal, AlreadyDecided), refusal
        assert list(Decision.objects.filter(interrupt__thread=first.thread)) == done
        (winner,) = {decision.decided_by.username for decision in done}
        assert str(refusal) == f"{winner} was first: answered: Ask Bob."
        assert Interrupt.objects.pending().filter(thread=first.thread).count() == 1


def test_two_who_write_the_same_channel(alice: User, bob: User):
    for _ in range(ROUNDS):
        first, second = pause(start_run(), "first?", "second?")
        results = race(
            partial(submit, alice, first, update={"priority": "high"}),
            partial(submit, bob, second, update={"priority": "low"}),
        )
        _, (refusal,) = split(results)
        assert isinstance(refusal, InvalidAnswer), refusal
        assert list(refusal.errors) == ["state.priority"]
        written = Decision.objects.filter(interrupt__thread=first.thread)
        assert len(written) == 1


def test_one_dismisses_what_the_other_answers(alice: User, bob: User):
    for _ in range(ROUNDS):
        first, second = pause(start_run(), "first?", "second?")
        results = race(partial(submit, alice, first, second), partial(dismiss, second, bob))
        (done,), (refusal,) = split(results)
        assert isinstance(refusal, AlreadyDecided), refusal
        made = Decision.objects.filter(interrupt__thread=first.thread)
        assert list(made) == done
        assert len({decision.then for decision in made}) == 1
        assert (len(made), active(first.thread)) == (2, 1)


def test_two_let_the_agent_ask_again(alice: User, bob: User):
    for _ in range(ROUNDS):
        run = failed_run(alice)
        results = race(*(partial(failures.ask_again, run=run.pk, user=u) for u in (alice, bob)))
        (again,), (refusal,) = split(results)
        assert isinstance(again, Run)
        assert isinstance(refusal, CannotAskAgain), refusal
        assert f"{again.created_by} began run {again.pk} (ask again)" in str(refusal)
        assert active(run.thread) == 1


def test_one_asks_again_while_another_starts(alice: User, olga: User):
    for _ in range(ROUNDS):
        run = failed_run(alice)
        results = race(
            partial(failures.ask_again, run=run.pk, user=alice),
            partial(start_run, thread=run.thread.thread_id, user=olga),
        )
        (begun,), (refusal,) = split(results)
        assert isinstance(begun, Run)
        lost = CannotAskAgain if begun.trigger == Run.Trigger.START else ThreadBusy
        assert isinstance(refusal, lost), refusal
        assert active(run.thread) == 1


def test_one_answers_what_waits_in_a_failed_run_while_another_asks_again(alice: User, bob: User):
    for _ in range(ROUNDS):
        run = failed_run(alice, "Sure?")
        (asked,) = run.interrupts.select_related("thread__agent")
        results = race(
            partial(submit, alice, asked), partial(failures.ask_again, run=run.pk, user=bob)
        )
        (done,), (refusal,) = split(results)
        if isinstance(done, Run):
            assert isinstance(refusal, PauseMoved), refusal
            assert "bob let the agent ask again" in str(refusal)
            assert not Decision.objects.filter(interrupt=asked).exists()
        else:
            assert isinstance(refusal, CannotAskAgain), refusal
            assert "alice began run" in str(refusal)
        assert active(run.thread) == 1


def test_a_failure_is_reported_twice_at_once(alice: User):
    for _ in range(ROUNDS):
        run = start_run()
        take(run)
        request = make_failed(run, "no such order", "Sure?")
        runner = Runner.objects.get(pk=run.runner_id)
        results = race(*[partial(failures.fail, runner=runner, request=request)] * 2)
        assert results == [run, run]
        assert run.interrupts.count() == 1
