"""Two operators fork at once: two branches, one after the other, and both are shown."""

from functools import partial

import pytest
from django.contrib.auth.models import User

from agents.models import Interrupt, Run, Thread
from tests.factories import finish, fork, pause_at, save_checkpoint, start_run, take
from tests.faults.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROUNDS = 8


def end(run: Run) -> None:
    """Let a runner make the branch of a queued fork."""
    run.refresh_from_db()
    take(run)
    run.refresh_from_db()
    save_checkpoint(run, parent=run.from_checkpoint_id, source="update")
    finish(run)


def test_two_forks_become_two_branches(olga: User, ada: User):
    ada.groups.set(olga.groups.all())
    for _ in range(ROUNDS):
        (asked,) = pause_at(start_run())
        order = partial(fork, asked.thread, asked.checkpoint_id, as_node="tools")
        forks = race(partial(order, olga), partial(order, ada))
        assert {type(run) for run in forks} == {Run}, forks
        first, second = sorted(forks, key=lambda run: run.status != Run.Status.QUEUED)
        assert (first.status, second.status) == (Run.Status.QUEUED, Run.Status.WAITING)
        asked.refresh_from_db()
        assert asked.superseded_by == first
        end(first)
        end(second)
        made = asked.thread.checkpoints.filter(parent_id=asked.checkpoint_id)
        assert set(made.values_list("run", flat=True)) == {first.pk, second.pk}
        assert Thread.objects.get(pk=asked.thread_id).status == Thread.Status.IDLE
        assert not Interrupt.objects.pending().exists()
