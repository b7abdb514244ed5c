"""Pruning: what is left alone altogether. What stays of a history: `test_pruning_model`."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.exceptions import NotFound
from agents.models import Checkpoint, Run, Thread
from agents.services import copies, pruning, runs
from agents.services.pruning import Pruned
from tests.factories import connect_runner, start_run
from tests.services.histories import History, stored
from tests.services.saving import put, row_counts, save


def long_ago(*, metadata: dict[str, object] | None = None) -> History:
    """A thread that ended long ago, of five steps."""
    history = History()
    for number in range(5):
        parent = f"1ef{number - 1}" if number else None
        history.add(f"1ef{number}", parent, {"messages": [*range(number + 2)]}, metadata=metadata)
        history.write(f"1ef{number}", [number, number + 1])
    history.end()
    return history


def prune(thread: Thread, *, days: int = 30, keep: int = 2) -> Pruned:
    """Prune as the command does."""
    before = timezone.now() - timedelta(days=days)
    return pruning.prune(thread=thread.pk, before=before, keep=keep)


def test_what_is_old_and_not_among_the_newest_goes(db):
    thread = long_ago().thread
    assert prune(thread) == Pruned(checkpoints=2, values=2, writes=2, parts=0)
    # The two newest, and what tells which node ran before them.
    assert {place[1] for place in stored(thread)} == {"1ef2", "1ef3", "1ef4"}


def test_age_and_count_protect_alike(db):
    thread = long_ago().thread
    assert prune(thread, days=101) == prune(thread, keep=5) == Pruned()


def test_the_head_stays_whatever_is_asked(db):
    thread = long_ago().thread
    prune(thread, keep=0)
    assert {place[1] for place in stored(thread)} == {"1ef3", "1ef4"}


def test_what_tells_where_a_breakpoint_is(db):
    """A runner learns by it which node ran: of a copy, before what it is a copy of."""
    history = History()
    for number in range(7):
        history.add(f"1ef{number}", f"1ef{number - 1}" if number else None, {"x": number})
    copied = {"source": "fork", "reviewconsole_from": "1ef3"}
    history.add("1ef7", "1ef2", {}, metadata=copied)
    history.add("1ef8", "1ef2", {}, metadata={**copied, "reviewconsole_from": "1ef7"})
    history.end()
    prune(history.thread, keep=1)
    left = [f"1ef{number}" for number in (1, 2, 3, 5, 6, 7, 8)]
    assert sorted(place[1] for place in stored(history.thread)) == left


def test_numbers_of_parts_are_not_trusted_any_more(db):
    history = History()
    history.add("1ef1", None, {"x": [1, 2, 3]})
    history.add("1ef2", "1ef1", {"x": [4, 5]})
    history.add("1ef3", "1ef2", {"x": [6, 7]})
    history.end()
    assert prune(history.thread, keep=1).parts == 3
    assert Thread.objects.get().part_epoch == 1


@pytest.mark.parametrize("status", ["waiting", "queued", "running"])
def test_a_thread_with_a_run_that_is_not_over(db, status: str):
    history = long_ago()
    run = start_run(thread=history.thread.thread_id)
    leased = {"lease_expires_at": timezone.now(), "attempt": 1} if status == "running" else {}
    Run.objects.filter(pk=run.pk).update(status=status, **leased)
    assert prune(history.thread) == Pruned(spared="a run of it is not over")
    if status == "queued":
        runs.cancel(run=run.pk, user=None)
        assert prune(history.thread).checkpoints == 2


def test_a_thread_with_delta_channels(db):
    thread = long_ago(metadata={"counters_since_delta_snapshot": {"messages": [1, 1]}}).thread
    assert prune(thread) == Pruned(spared="it has delta channels")


def test_a_thread_that_an_agent_keeps_itself(db):
    save(connect_runner(), put("1ef1"), put("1ef2", parent="1ef1"))
    assert prune(Thread.objects.get()) == Pruned(spared="an agent writes it without runs")


def test_a_copy_that_somebody_made(db, olga):
    source = long_ago().thread
    newest = source.checkpoints.latest("checkpoint_id").checkpoint_id
    copy = copies.fork_thread(thread=source.pk, checkpoint_id=newest, user=olga)
    long_since = timezone.now() - timedelta(days=365)
    Checkpoint.objects.filter(thread=copy).update(created_at=long_since)
    assert prune(copy) == Pruned(checkpoints=2, values=2, writes=2, parts=0)


def test_other_threads_stay(db):
    old, other = long_ago().thread, long_ago().thread
    before = stored(other)
    prune(old, keep=0)
    assert stored(other) == before
    assert row_counts()["Checkpoint"] == 2 + 5


def test_an_unknown_thread(db):
    with pytest.raises(NotFound):
        pruning.prune(thread=1, before=timezone.now(), keep=1)
