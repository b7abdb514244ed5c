"""Graphs inside, channels that are kept as changes, another thread, and a runner that dies."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents.exceptions import CannotTravel
from agents.models import Checkpoint, Run
from agents.services import copies, travel
from tests.pauses.desk import APPROVE, call, said, text
from tests.processes import wait_until
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_graph_inside_asks_again_from_the_root(desk: Traveller):
    thread = desk.start("deepest", {"subject": "dive"})
    desk.decide(desk.question(thread), text("yes"))
    desk.finished(thread)
    done = len(desk.names(thread))

    desk.replay(thread, desk.before(thread, "middle"))
    again = desk.question(thread)
    assert (again.node, again.value) == ("ask", "May I dive?")
    desk.decide(again, text("no"))
    assert desk.finished(thread)["answer"] == "no"
    assert desk.deeds_since(thread, done) == ["prepare", "prepare", "ask"]

    # What the graph inside stored by itself is read, and not gone back to.
    step = next(row for row in desk.tree(thread).rows if row.inside)
    inside = step.inside[0]
    with pytest.raises(CannotTravel, match=step.checkpoint_id):
        travel.replay(
            thread=thread.pk, checkpoint_id=inside.checkpoint_id, ns=inside.ns,
            next=inside.next, user=desk.alice,
        )  # fmt: skip


def test_channels_that_are_kept_as_changes_are_shown_whole_everywhere(desk: Traveller):
    thread = desk.start("deep", said(call("delete_file", path="/tmp/x")))
    desk.decide(desk.question(thread), APPROVE)
    desk.finished(thread)
    shown = {}
    for row in desk.tree(thread).rows:
        state = desk.state(thread, row.checkpoint_id)
        assert (state.unshown, state.unreadable) == ((), {})
        messages = state.values.get("messages", [])
        assert isinstance(messages, list)
        shown[row.step] = len(messages)
    counts = [shown[step] for step in sorted(shown, key=lambda step: step or 0)]
    assert counts == sorted(counts)
    assert counts[-1] == 4  # what was said, the call, its result, the last words

    # And the branch that begins with the call asks about it, with those messages.
    desk.replay(thread, desk.before(thread, "HumanInTheLoopMiddleware.after_model"))
    desk.decide(desk.question(thread), APPROVE)
    assert len(desk.finished(thread)["messages"]) == 4
    assert desk.names(thread) == ["delete_file", "delete_file"]


def test_a_new_thread_goes_on_by_itself_and_the_old_one_stays(desk: Traveller):
    thread = desk.start("steps", {"text": ""})
    desk.finished(thread)
    checkpoint = desk.before(thread, "second")
    before = Checkpoint.objects.filter(thread=thread).count()

    copy = copies.fork_thread(
        thread=thread.pk, checkpoint_id=checkpoint, user=desk.alice, title="Another try"
    )
    assert (copy.copied_from, copy.copied_checkpoint_id) == (thread, checkpoint)
    assert desk.head(copy) == checkpoint
    assert desk.state(copy, checkpoint).values == {"text": "first"}

    desk.replay(copy, checkpoint)
    assert desk.finished(copy) == {"text": "firstsecondthird"}
    assert desk.names(copy) == ["second", "third"]
    assert desk.names(thread) == ["first", "second", "third"]
    assert Checkpoint.objects.filter(thread=thread).count() == before
    assert thread.runs.get().status == Run.Status.SUCCEEDED


def test_a_runner_that_dies_in_a_fork_leaves_nothing_half_done(desk: Traveller):
    thread = desk.start("asks", {"subject": "leave"})
    desk.decide(desk.question(thread), text("yes"))
    desk.finished(thread)
    checkpoint, done = desk.before(thread, "act"), len(desk.names(thread))

    desk.hold.touch()
    run = desk.fork(thread, checkpoint, {"answer": "yes, at once"})
    wait_until("the fork acts", lambda: desk.deeds_since(thread, done))
    desk.runner.kill()
    desk.hold.unlink()
    Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now())
    desk.runner.start()

    assert desk.finished(thread)["answer"] == "yes, at once"
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Run.Status.SUCCEEDED, 2)
    # The node that was cut off runs again. The fork was made once.
    assert desk.deeds_since(thread, done) == ["act", "act", "acted"]
    assert [row.run for row in desk.tree(thread).rows if row.source == "update"] == [run]
