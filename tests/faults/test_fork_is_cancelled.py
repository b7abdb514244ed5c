"""A fork is cancelled, or its runner is lost for good: nothing half done, and no pause unshown."""

from functools import partial

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from agents.exceptions import RunEnded
from agents.models import Interrupt, Run, Thread
from agents.services import assignments, runs
from reviewconsole.protocol.messages import Cancelled
from tests.factories import (
    connect_runner,
    decide,
    expire_lease,
    finish,
    fork,
    lease_of,
    pause_at,
    replay,
    save_checkpoint,
    start_run,
    take,
)
from tests.faults.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROUNDS = 6


@pytest.fixture
def asked(db: None) -> Interrupt:
    (asked,) = pause_at(start_run())
    return asked


def forked(asked: Interrupt, user: User, reason: str = "") -> Run:
    return fork(asked.thread, asked.checkpoint_id, user, as_node="tools", reason=reason)


def state(asked: Interrupt) -> tuple[str, list[Run]]:
    """What the thread does, and the runs whose questions wait in it."""
    rows = Interrupt.objects.pending().filter(thread=asked.thread_id).select_related("run")
    return Thread.objects.get(pk=asked.thread_id).status, [row.run for row in rows]


def test_a_claim_and_a_cancel_at_once_leave_the_pause_shown(olga: User):
    runner = connect_runner()
    for _ in range(ROUNDS):
        (asked,) = pause_at(start_run())
        run = forked(asked, olga)
        taken, cancelled = race(
            partial(assignments.take, [run], runner), partial(runs.cancel, run=run.pk, user=olga)
        )
        assert isinstance(cancelled, Run), cancelled
        if taken:
            runs.stop(runner=runner, request=Cancelled(lease_of(run)))
        run.refresh_from_db()
        assert (run.status, state(asked)) == ("cancelled", ("interrupted", [run]))


def test_a_cancel_and_an_end_at_once_promote_the_next_once(olga: User):
    for _ in range(ROUNDS):
        (asked,) = pause_at(start_run())
        first, second = forked(asked, olga, "one"), forked(asked, olga, "another")
        take(first)
        first.refresh_from_db()
        save_checkpoint(first, source="update")
        ended, cancelled = race(
            partial(finish, first), partial(runs.cancel, run=second.pk, user=olga)
        )
        assert isinstance(ended, Run), ended
        assert isinstance(cancelled, Run), cancelled
        second.refresh_from_db()
        assert (second.status, state(asked)) == ("cancelled", ("idle", []))


def test_two_cancels_at_once_ask_once(olga: User, asked: Interrupt):
    run = forked(asked, olga)
    cancel = partial(runs.cancel, run=run.pk, user=olga)
    results = race(cancel, cancel)
    assert {type(result) for result in results} == {Run, RunEnded}
    assert state(asked) == ("interrupted", [run])


def lose_for_good(run: Run) -> None:
    """Let the last runner that may try vanish."""
    Run.objects.filter(pk=run.pk).update(vanished=settings.RUN_MAX_ATTEMPTS - 1)
    expire_lease(run)
    assert runs.reap() == 1
    run.refresh_from_db()
    assert (run.status, run.error) == (Run.Status.FAILED, "RunnerLost")


def test_a_runner_that_is_lost_before_the_head_moved_leaves_the_pause(
    alice: User, olga: User, asked: Interrupt
):
    run = forked(asked, olga)
    take(run)
    lose_for_good(run)
    assert state(asked) == ("interrupted", [run])
    (anew,) = run.interrupts.select_related("thread__agent")
    resumed = decide(anew, alice).run
    assert resumed is not None
    assert (resumed.resumes, resumed.status) == (run, Run.Status.QUEUED)


def test_a_runner_that_is_lost_after_the_head_moved_leaves_the_new_branch(
    olga: User, asked: Interrupt
):
    run = forked(asked, olga)
    take(run)
    run.refresh_from_db()
    save_checkpoint(run, parent=asked.checkpoint_id, source="update")
    lose_for_good(run)
    assert state(asked) == ("error", [])
    again = replay(asked.thread, asked.checkpoint_id, olga)
    assert again.status == Run.Status.QUEUED
