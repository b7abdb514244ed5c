"""Claiming and handing back: a queued run and the hands it is in."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from agents.models import Run
from agents.services import assignments, runs
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Assignment, Lease, Whole
from tests.factories import (
    AGENT,
    connect_runner,
    decide,
    lease_of,
    make_interrupt,
    pause,
    start_run,
    take,
)


def test_a_claim_leases_the_run_and_carries_all_its_runner_needs(db, settings):
    settings.RUNNER_LEASE_SECONDS = 30
    run = start_run(context={"shop": 7}, interrupt_before=["tools"], interrupt_after=["model"])
    runner = connect_runner()
    assert runs.claim(runner=runner, agents=[AGENT], free=1) == (
        Assignment(
            lease=Lease(run.pk, 1),
            agent=AGENT,
            thread=run.thread.thread_id,
            trigger="start",
            input=Whole(*plain.encode(run.input)),
            context={"shop": 7},
            interrupt_before=("tools",),
            interrupt_after=("model",),
            recursion_limit=100,
            base_checkpoint_id=None,
            answers=(),
        ),
    )
    run.refresh_from_db()
    assert (run.status, run.attempt, run.runner) == (Run.Status.RUNNING, 1, runner)
    left = run.lease_expires_at - timezone.now()
    assert timedelta(seconds=25) < left <= timedelta(seconds=30)
    assert run.started_at is not None


def test_the_oldest_runs_come_first_and_no_more_than_are_free(db):
    first, second, third = (start_run() for _ in range(3))
    runner = connect_runner()
    for free in (0, -1):
        assert runs.claim(runner=runner, agents=[AGENT], free=free) == ()
    claimed = runs.claim(runner=runner, agents=[AGENT], free=2)
    assert [assignment.lease.run for assignment in claimed] == [first.pk, second.pk]
    claimed = runs.claim(runner=runner, agents=[AGENT], free=2)
    assert [assignment.lease.run for assignment in claimed] == [third.pk]


def test_only_runs_of_the_named_agents_are_given(db):
    start_run("email")
    mine = start_run()
    runner = connect_runner()
    claimed = runs.claim(runner=runner, agents=[AGENT, "assistant"], free=9)
    assert [assignment.lease.run for assignment in claimed] == [mine.pk]
    assert runs.claim(runner=runner, agents=[], free=9) == ()


def test_two_runners_never_get_the_same_run(db):
    run = start_run()
    first, second = connect_runner("first"), connect_runner("second")
    seen_by_both = Run.objects.get(pk=run.pk)
    take(run, first)
    with_both = runs.claim(runner=second, agents=[AGENT], free=1)
    assert with_both == ()
    assert assignments.take([seen_by_both], second) == {}
    run.refresh_from_db()
    assert (run.runner, run.attempt) == (first, 1)


def test_a_claim_costs_one_query_when_nothing_waits(db, django_assert_num_queries):
    runner = connect_runner()
    with django_assert_num_queries(1):
        runs.claim(runner=runner, agents=[AGENT], free=10)


def test_a_claim_costs_a_fixed_number_of_queries_a_run(alice, django_assert_num_queries):
    for _ in range(3):
        start_run()
    runner = connect_runner()
    savepoint = 2  # what a transaction inside that of the test costs
    with django_assert_num_queries(2 + 1 + savepoint):
        runs.claim(runner=runner, agents=[AGENT], free=1)
    with django_assert_num_queries(2 + 2 + savepoint):
        runs.claim(runner=runner, agents=[AGENT], free=2)
    for _ in range(2):
        decide(make_interrupt(), alice)
    with django_assert_num_queries(2 + 1 + 2 * 2 + savepoint):
        runs.claim(runner=runner, agents=[AGENT], free=2)


def test_a_claim_that_breaks_half_way_gives_nothing(db):
    """A runner that hears nothing of the first run would keep it until the lease ends."""
    start_run()
    second, runner = start_run(), connect_runner()

    def break_at_the_second(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and second.pk in params:
            raise OperationalError("the connection was lost")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(break_at_the_second), pytest.raises(OperationalError):
        runs.claim(runner=runner, agents=[AGENT], free=2)

    assert len(runs.claim(runner=runner, agents=[AGENT], free=2)) == 2


def test_a_run_handed_back_is_queued_for_the_next_runner(db):
    run = start_run()
    first, second = connect_runner("first"), connect_runner("second")
    lease = take(run, first)
    started = Run.objects.get(pk=run.pk).started_at
    runs.release(runner=first, lease=lease)
    run.refresh_from_db()
    assert (run.status, run.runner, run.lease_expires_at) == (Run.Status.QUEUED, None, None)
    (assignment,) = runs.claim(runner=second, agents=[AGENT], free=1)
    assert assignment.lease == Lease(run.pk, 2)
    run.refresh_from_db()
    assert (run.runner, run.attempt, run.started_at) == (second, 2, started)


def test_only_the_holder_of_the_lease_hands_a_run_back(db):
    run = start_run()
    first, second = connect_runner("first"), connect_runner("second")
    lease = take(run, first)
    runs.release(runner=second, lease=lease)
    runs.release(runner=first, lease=Lease(run.pk, 2))
    run.refresh_from_db()
    assert (run.status, run.runner) == (Run.Status.RUNNING, first)


def test_handing_back_twice_takes_the_run_from_nobody(db):
    run = start_run()
    first, second = connect_runner("first"), connect_runner("second")
    lease = take(run, first)
    runs.release(runner=first, lease=lease)
    take(run, second)
    runs.release(runner=first, lease=lease)
    run.refresh_from_db()
    assert (run.status, run.runner, run.attempt) == (Run.Status.RUNNING, second, 2)


def test_a_run_that_is_to_be_cancelled_is_not_taken_up_once_more(db):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    runs.cancel(run=run.pk, user=None)
    runs.release(runner=runner, lease=lease)
    run.refresh_from_db()
    assert (run.status, run.thread.status) == (Run.Status.CANCELLED, "idle")
    assert run.finished_at is not None


def test_a_paused_run_cannot_be_handed_back(db):
    run = start_run()
    pause(run)
    runs.release(runner=run.runner, lease=lease_of(run))
    run.refresh_from_db()
    assert run.status == Run.Status.INTERRUPTED
