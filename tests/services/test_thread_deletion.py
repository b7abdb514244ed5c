"""Deleted threads: what goes, what stays, and who may."""

import pytest
from django.contrib.auth.models import User
from django.db.models import ProtectedError

from agents.exceptions import CannotAskAgain, NotAllowed, NotFound, ThreadBusy
from agents.models import CallVerdict, Decision, Draft, Interrupt, Run, Thread, ThreadWords
from agents.reviews.search_words import tokens
from agents.services import copies, failures, runs, thread_deletion
from tests.factories import (
    decide,
    fail,
    finish,
    make_interrupt,
    pause,
    start_run,
    take,
    tool_review,
)
from tests.services.histories import History
from tests.services.saving import row_counts


def test_what_was_said_goes(ada: User, db: None):
    history = History()
    history.add("1ef1", None, {"messages": [1, 2, 3]})
    history.write("1ef1", [1, 2])
    history.end()
    history.go_on()
    failed = fail(history.run)
    thread_deletion.delete(thread=history.thread.pk, user=ada)
    assert row_counts() == {"Checkpoint": 0, "Blob": 0, "Part": 0, "PendingWrite": 0}
    row = Thread.objects.get()
    assert (row.snapshot, row.metadata, row.deleted_by, row.status) == (None, {}, ada, "idle")
    assert row.deleted_at is not None
    failed.refresh_from_db()
    assert (failed.input, failed.message, failed.traceback) == (None, "", "")
    assert failed.error == "ValueError"
    assert ThreadWords.objects.get().words.split() == tokens(f"{row.thread_id} {row.title}")


def test_a_context_stays_until_the_last_copy_that_goes_on_with_it(ada: User, olga: User):
    history = History()
    history.add("1ef1", None, {"x": 1})
    history.end()
    source, run = history.thread, history.run
    Run.objects.filter(pk=run.pk).update(context={"tenant": "acme"})
    other = runs.start(agent=source.agent.name, input={}, user=None, context={"tenant": "other"})
    runs.cancel(run=other.pk, user=None)
    first = copies.fork_thread(thread=source.pk, checkpoint_id="1ef1", user=olga)
    second = copies.fork_thread(thread=first.pk, checkpoint_id="1ef1", user=olga)
    left = []
    for thread in (source, first, second):
        thread_deletion.delete(thread=thread.pk, user=ada)
        run.refresh_from_db()
        left.append((run.input, run.context))
    assert left == [(None, {"tenant": "acme"})] * 2 + [(None, None)]
    other.refresh_from_db()
    assert other.context == {"tenant": "other"}


def test_what_was_decided_stays(ada: User, alice: User):
    review = make_interrupt(tool_review())
    decision = decide(review, alice)
    run = Run.objects.get(trigger="resume")
    take(run)
    finish(run)
    thread_deletion.delete(thread=review.thread_id, user=ada)
    kept = Decision.objects.get(pk=decision.pk)
    assert (kept.decided_by, kept.actions, kept.summary) == (
        alice, decision.actions, decision.summary
    )  # fmt: skip
    assert Interrupt.objects.get(pk=review.pk).value == review.value
    assert CallVerdict.objects.get().decision == decision


@pytest.mark.parametrize("status", ["waiting", "queued"])
def test_not_while_a_run_is_not_over(ada: User, status: str):
    run = start_run()
    Run.objects.filter(pk=run.pk).update(status=status)
    with pytest.raises(ThreadBusy, match="is not over; cancel it first"):
        thread_deletion.delete(thread=run.thread_id, user=ada)


def test_what_waits_is_cancelled(ada: User, alice: User):
    run = start_run()
    first, second = pause(run, {"ask": 1}, {"ask": 2})
    decision = decide(first, alice)
    Draft.objects.create(run=run, user=alice, post="{}")
    thread_deletion.delete(thread=run.thread_id, user=ada)
    statuses = [Interrupt.objects.get(pk=each.pk).status for each in (first, second)]
    assert statuses == ["cancelled", "cancelled"]
    decision.refresh_from_db()
    assert decision.status == "withdrawn"
    assert not Draft.objects.exists()


def test_a_failed_run_asks_nothing_again(ada: User, alice: User):
    review = make_interrupt()
    decide(review, alice)
    resume = Run.objects.get(trigger="resume")
    take(resume)
    fail(resume)
    thread_deletion.delete(thread=review.thread_id, user=ada)
    with pytest.raises(CannotAskAgain, match="The thread was deleted"):
        failures.ask_again(run=resume.pk, user=alice)


def test_the_first_to_delete_it_is_the_one(ada: User, db: None):
    run = start_run()
    runs.cancel(run=run.pk, user=None)
    first = thread_deletion.delete(thread=run.thread_id, user=ada)
    assert thread_deletion.delete(thread=run.thread_id, user=ada).deleted_at == first.deleted_at


def test_only_admins(alice: User, olga: User):
    thread = make_interrupt().thread_id
    for person in (alice, olga):
        with pytest.raises(NotAllowed):
            thread_deletion.delete(thread=thread, user=person)


def test_an_unknown_thread(ada: User):
    with pytest.raises(NotFound):
        thread_deletion.delete(thread=1, user=ada)


def test_no_cascade_takes_a_decision_away(alice: User):
    """Whoever deletes the row itself, in the database's own terms, is stopped by its decisions."""
    review = make_interrupt()
    decide(review, alice)
    with pytest.raises(ProtectedError):
        review.thread.delete()
