"""Cancelling: at once while a run is queued, at its next step while it runs."""

import pytest

from agents.exceptions import NotFound, RequestRefused, RunEnded
from agents.models import Decision, Interrupt, Run, Thread
from agents.services import assignments, decisions, runs
from reviewconsole.protocol.messages import Cancelled, Delivered
from tests.factories import (
    apply,
    connect_runner,
    decide,
    dismiss,
    expire_lease,
    fail,
    finish,
    lease_of,
    make_interrupt,
    pause,
    pause_at,
    save_checkpoint,
    start_run,
    take,
)


def stop(run):
    runs.stop(runner=run.runner, request=Cancelled(lease_of(run)))


def test_a_queued_run_is_cancelled_at_once(olga):
    run = runs.cancel(run=start_run().pk, user=olga)
    assert (run.status, run.cancel_requested_by) == (Run.Status.CANCELLED, olga)
    assert run.finished_at == run.cancel_requested_at is not None
    assert Thread.objects.get(pk=run.thread_id).status == Thread.Status.IDLE


def test_a_running_run_goes_on_until_its_runner_has_stopped_it(olga):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    run = runs.cancel(run=run.pk, user=olga)
    assert (run.status, run.cancel_requested_by) == (Run.Status.RUNNING, olga)
    assert Thread.objects.get(pk=run.thread_id).status == Thread.Status.BUSY
    runs.stop(runner=runner, request=Cancelled(lease))
    run.refresh_from_db()
    assert (run.status, run.lease_expires_at) == (Run.Status.CANCELLED, None)
    assert Thread.objects.get(pk=run.thread_id).status == Thread.Status.IDLE


def test_a_run_whose_runner_has_vanished_is_cancelled_at_once(olga, alice):
    """No heartbeat may ever come that would notice."""
    interrupt = make_interrupt()
    run = decide(interrupt, alice).run
    take(run)
    expire_lease(run)
    run = runs.cancel(run=run.pk, user=olga)
    interrupt.refresh_from_db()
    assert (run.status, run.cancel_requested_by) == (Run.Status.CANCELLED, olga)
    assert (run.thread.status, interrupt.status) == ("interrupted", Interrupt.Status.SUPERSEDED)
    assert Interrupt.objects.pending().get().run == run


def test_a_running_run_may_be_asked_to_stop_again(olga, ada):
    run = start_run()
    take(run)
    runs.cancel(run=run.pk, user=None)
    assert runs.cancel(run=run.pk, user=olga).cancel_requested_by == olga


def test_a_run_that_was_faster_has_succeeded(db):
    run = start_run()
    take(run)
    runs.cancel(run=run.pk, user=None)
    assert finish(run).status == Run.Status.SUCCEEDED


def test_an_answer_that_was_under_way_is_never_sent_again(alice, bob):
    """The agent may have begun to act on it, and waits at its question all the same."""
    interrupt = make_interrupt()
    resumed = decide(interrupt, alice).run
    take(resumed)
    resumed.refresh_from_db()
    decisions.deliver(runner=resumed.runner, request=Delivered(lease_of(resumed)))
    stop(resumed)
    interrupt.refresh_from_db()
    assert interrupt.status == Interrupt.Status.SUPERSEDED
    assert interrupt.decision.status == Decision.Status.WITHDRAWN
    (anew,) = Interrupt.objects.pending().select_related("thread__agent")
    assert (anew.run, anew.fingerprint, anew.thread.status) == (
        resumed, interrupt.fingerprint, "interrupted",
    )  # fmt: skip
    second = decide(anew, bob)
    assert second.run is not None
    assert [answer.decision for answer in assignments.make(second.run).answers] == [second.pk]


def test_only_what_the_agent_did_not_take_is_asked_anew(alice):
    first, second = pause(start_run(), "first?", "second?")
    decide(first, alice)
    made = decide(second, alice)
    take(made.run)
    made.run.refresh_from_db()
    apply(made.run, first.decision)
    stop(made.run)
    (anew,) = Interrupt.objects.pending()
    assert (anew.value, anew.position) == ("second?", 1)
    first.refresh_from_db()
    assert first.status == Interrupt.Status.APPLIED


def test_an_answer_that_the_agent_has_left_behind_is_cancelled_with_its_run(alice):
    (interrupt,) = pause_at(start_run())
    resumed = decide(interrupt, alice).run
    take(resumed)
    resumed.refresh_from_db()
    save_checkpoint(resumed, parent=interrupt.checkpoint_id)
    stop(resumed)
    interrupt.refresh_from_db()
    assert (interrupt.status, interrupt.thread.status) == (Interrupt.Status.CANCELLED, "idle")
    assert interrupt.decision.status == Decision.Status.RECORDED
    assert not Interrupt.objects.pending().exists()


def test_what_no_runner_was_told_is_asked_anew(alice, bob):
    """The agent still waits there: a pause that is not shown would wait for ever."""
    interrupt = make_interrupt()
    resumed = decide(interrupt, alice).run
    runs.cancel(run=resumed.pk, user=None)
    interrupt.refresh_from_db()
    assert interrupt.status == Interrupt.Status.SUPERSEDED
    assert interrupt.decision.status == Decision.Status.WITHDRAWN
    (anew,) = Interrupt.objects.pending()
    assert (anew.run, anew.value, anew.fingerprint) == (
        resumed, interrupt.value, interrupt.fingerprint,
    )  # fmt: skip
    assert Thread.objects.get().status == Thread.Status.INTERRUPTED
    again = decide(Interrupt.objects.select_related("thread__agent").get(pk=anew.pk), bob).run
    assert (again.resumes, again.status) == (resumed, Run.Status.QUEUED)
    resumed.refresh_from_db()
    assert resumed.checkpoint_id == interrupt.checkpoint_id
    assert resumed.next == interrupt.run.next


def test_a_dismissal_that_no_runner_was_told_asks_everything_anew(alice, bob):
    first, second = pause(start_run(), "first?", "second?")
    decide(first, alice)
    (made,) = dismiss(second, bob)
    runs.cancel(run=made.run.pk, user=None)
    assert [(row.position, row.value) for row in Interrupt.objects.pending()] == [
        (0, "first?"), (1, "second?"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("end", "said"),
    [(finish, "succeeded"), (fail, "failed"), (pause, "interrupted"), (stop, "cancelled")],
)
def test_a_run_that_is_over_cannot_be_cancelled(db, end, said):
    run = start_run()
    take(run)
    end(run)
    before = Run.objects.values().get(pk=run.pk)
    with pytest.raises(RunEnded, match=f"Run {run.pk} is over: {said}"):
        runs.cancel(run=run.pk, user=None)
    assert Run.objects.values().get(pk=run.pk) == before


def test_an_unknown_run_is_not_found(db):
    with pytest.raises(NotFound, match="There is no run 7"):
        runs.cancel(run=7, user=None)


def test_only_its_holder_stops_a_run(db):
    run = start_run()
    take(run, connect_runner("first"))
    with pytest.raises(RequestRefused, match="is not yours any more"):
        runs.stop(runner=connect_runner("second"), request=Cancelled(lease_of(run)))
