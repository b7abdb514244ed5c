"""Reaping: what becomes of a run whose runner has vanished."""

import pytest
from django.db import connection
from django.utils import timezone

from agents.models import Interrupt, Run, Thread
from agents.services import runners, runs
from tests.factories import (
    AGENT,
    connect_runner,
    decide,
    expire_lease,
    finish,
    make_interrupt,
    start_run,
    take,
)


def test_a_run_whose_lease_has_ended_is_queued_again(db):
    run = start_run()
    take(run, connect_runner("first"))
    expire_lease(run)
    assert runs.reap() == 1
    run.refresh_from_db()
    assert (run.status, run.attempt, run.runner) == (Run.Status.QUEUED, 1, None)
    assert (run.lease_expires_at, run.thread.status) == (None, Thread.Status.BUSY)
    (assignment,) = runs.claim(runner=connect_runner("second"), agents=[AGENT], free=1)
    assert (assignment.lease.run, assignment.lease.attempt) == (run.pk, 2)


def test_what_is_alive_queued_or_over_is_left_alone(db):
    start_run()
    alive, over = start_run(), start_run()
    take(alive)
    take(over)
    finish(over)
    before = list(Run.objects.values())
    assert runs.reap() == 0
    assert list(Run.objects.values()) == before


def test_reaping_nothing_costs_one_query(db, django_assert_num_queries):
    take(start_run())
    with django_assert_num_queries(1):
        runs.reap()


def test_the_last_attempt_ends_in_a_failure_that_says_so(db, settings):
    settings.RUN_MAX_ATTEMPTS = 2
    run = start_run()
    for status in (Run.Status.QUEUED, Run.Status.FAILED):
        take(run)
        expire_lease(run)
        assert runs.reap() == 1
        run.refresh_from_db()
        assert run.status == status
    assert (run.error, run.runner, run.lease_expires_at) == ("RunnerLost", None, None)
    assert run.message == (
        "2 runners vanished while executing this run. See their logs, then start it again."
    )
    assert run.finished_at is not None
    assert Thread.objects.get(pk=run.thread_id).status == Thread.Status.ERROR


def test_runs_that_were_handed_back_are_no_fault_of_theirs(db, settings):
    settings.RUN_MAX_ATTEMPTS = 2
    run = start_run()
    for _ in range(3):
        lease = take(run, runner := connect_runner())
        runs.release(runner=runner, lease=lease)
    take(run)
    expire_lease(run)
    runs.reap()
    run.refresh_from_db()
    assert (run.status, run.attempt, run.vanished) == (Run.Status.QUEUED, 4, 1)


@pytest.mark.parametrize("attempts", [1, 5])
def test_a_run_that_was_to_be_cancelled_is_cancelled(db, settings, alice, attempts):
    settings.RUN_MAX_ATTEMPTS = attempts
    interrupt = make_interrupt()
    run = decide(interrupt, alice).run
    take(run)
    runs.cancel(run=run.pk, user=None)
    expire_lease(run)
    assert runs.reap() == 1
    run.refresh_from_db()
    interrupt.refresh_from_db()
    assert (run.status, run.error, run.runner) == (Run.Status.CANCELLED, "", None)
    assert (run.thread.status, interrupt.status) == ("interrupted", Interrupt.Status.SUPERSEDED)


def test_a_run_cancelled_between_the_look_and_the_move_is_cancelled(db):
    run = start_run()
    take(run)
    expire_lease(run)
    cancels = [Run.objects.filter(pk=run.pk)]

    def cancel_first(execute, sql, params, many, context):
        if sql.startswith("SAVEPOINT") and cancels:
            cancels.pop().update(cancel_requested_at=timezone.now())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(cancel_first):
        assert runs.reap() == 1
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED


def test_every_abandoned_run_is_moved(db):
    lost = [start_run() for _ in range(3)]
    for run in lost:
        take(run)
        expire_lease(run)
    assert runs.reap() == 3
    assert set(Run.objects.values_list("status", "attempt")) == {(Run.Status.QUEUED, 1)}


def test_a_lease_renewed_between_the_look_and_the_move_is_respected(db):
    """Two consoles look at one run; the runner's heartbeat reaches the other one first."""
    run = start_run()
    heartbeats = [take(run)]
    expire_lease(run)

    def beat_first(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and heartbeats:
            runners.renew(runner=run.runner, held=[heartbeats.pop()])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(beat_first):
        assert runs.reap() == 0
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Run.Status.RUNNING, 1)
    assert run.lease_expires_at > timezone.now()
