"""What the database itself forbids, whoever writes."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from agents.models import Agent, Decision, Interrupt, Run, Runner, RunnerToken, Thread
from tests.factories import (
    connect_runner,
    decide,
    make_agent,
    make_interrupt,
    make_token,
    pause,
    start_run,
    take,
)


def copy(row, **changes):
    """Insert the row once more, with these fields changed."""
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.fields}
    del fields["id"]
    with transaction.atomic():
        return type(row).objects.create(**fields | changes)


@pytest.mark.parametrize("first", ["queued", "running"])
@pytest.mark.parametrize("second", ["queued", "running"])
def test_a_thread_has_one_active_run(db, first, second):
    run = start_run()
    if first == "running":
        take(run)
    leased = {"attempt": 1, "lease_expires_at": timezone.now()}
    with pytest.raises(IntegrityError):
        copy(run, status=second, **leased)
    for over in ("interrupted", "succeeded", "failed", "cancelled"):
        copy(run, status=over)


@pytest.mark.parametrize("changes", [{"lease_expires_at": None}, {"attempt": 0}])
def test_a_running_run_is_leased(db, changes):
    run = start_run()
    take(run)
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**changes)


def test_an_interrupt_has_one_decision(alice, bob):
    decision = decide(make_interrupt(), alice)
    with pytest.raises(IntegrityError):
        copy(decision, decided_by_id=bob.pk)


def test_a_pause_has_one_interrupt_at_a_position_and_for_a_question(db):
    (interrupt,) = pause(start_run())
    with pytest.raises(IntegrityError):
        copy(interrupt, task_id="another")
    with pytest.raises(IntegrityError):
        copy(interrupt, position=1)
    copy(interrupt, position=1, task_id="another")
    copy(interrupt, position=2, interrupt_id="another")


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (make_agent, {}),
        (lambda: make_token()[0], {"name": "another"}),
        (lambda: make_token()[0], {"digest": "another"}),
        (connect_runner, {}),
        (lambda: start_run().thread, {}),
    ],
    ids=["agent", "digest", "token", "runner", "thread"],
)
def test_names_are_unique(db, make, changes):
    row = make()
    with pytest.raises(IntegrityError):
        copy(row, **changes)


def test_what_decisions_stand_on_cannot_be_deleted(alice):
    decision = decide(make_interrupt(), alice)
    interrupt, agent, token = decision.interrupt, Agent.objects.get(), RunnerToken.objects.get()
    for row in (alice, interrupt, interrupt.thread, agent, token):
        with pytest.raises(ProtectedError):
            row.delete()
    assert [table.objects.count() for table in (Decision, Interrupt, Thread)] == [1, 1, 1]


def test_history_outlives_the_people_and_runners_that_made_it(olga, ada):
    run = start_run(user=olga)
    take(run)
    RunnerToken.objects.update(created_by=ada)
    olga.delete()
    ada.delete()
    Runner.objects.all().delete()
    run.refresh_from_db()
    assert (run.created_by, run.runner, run.thread.created_by) == (None, None, None)
    assert RunnerToken.objects.get().created_by is None
