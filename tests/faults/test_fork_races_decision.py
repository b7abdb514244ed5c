"""An operator forks while a reviewer decides: one is first, and the other is told who."""

from functools import partial

import pytest
from django.contrib.auth.models import User

from agents.exceptions import PauseMoved, ThreadBusy
from agents.models import Decision, Interrupt, Run, Thread
from tests.factories import decide, fork, pause_at, replay, start_run
from tests.faults.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROUNDS = 10


def test_the_fork_supersedes_the_pause_or_the_decision_makes_the_thread_busy(
    alice: User, olga: User
):
    for _ in range(ROUNDS):
        (asked,) = pause_at(start_run())
        decision, forked = race(
            partial(decide, asked, alice),
            partial(fork, asked.thread, asked.checkpoint_id, olga, as_node="tools"),
        )
        asked.refresh_from_db()
        (active,) = Run.objects.active().filter(thread=asked.thread)
        if isinstance(forked, Run):
            assert isinstance(decision, PauseMoved), decision
            assert "olga went back in the thread" in str(decision)
            assert (active, asked.status) == (forked, Interrupt.Status.SUPERSEDED)
            assert not Decision.objects.filter(interrupt=asked).exists()
        else:
            assert isinstance(forked, ThreadBusy), forked
            assert "(resume) of alice is queued" in str(forked)
            assert (active, asked.status) == (decision.run, Interrupt.Status.ANSWERED)


def test_of_a_pause_half_decided_nothing_is_sent_once_it_was_superseded(alice: User, olga: User):
    for _ in range(ROUNDS):
        first, _second = pause_at(start_run(), "first?", "second?")
        decision, replayed = race(
            partial(decide, first, alice),
            partial(replay, first.thread, first.checkpoint_id, olga),
        )
        assert isinstance(replayed, Run), replayed
        if isinstance(decision, Decision):
            decision.refresh_from_db()
            assert (decision.status, decision.run) == (Decision.Status.WITHDRAWN, None)
        else:
            assert isinstance(decision, PauseMoved), decision
        rows = Interrupt.objects.filter(thread=first.thread)
        assert {(row.status, row.superseded_by_id) for row in rows} == {("superseded", replayed.pk)}
        assert Thread.objects.get(pk=first.thread_id).status == Thread.Status.BUSY
