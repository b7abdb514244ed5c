"""What a replay or fork closes, what waits behind it, what is asked anew if it was for nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.exceptions import CannotAskAgain, PauseMoved
from agents.models import Decision, Draft, Interrupt, Run, Thread
from agents.services import drafts, failures, interrupts, runs, travel
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Cancelled, Paused, Whole
from tests.factories import (
    apply,
    decide,
    expire_lease,
    fail,
    finish,
    fork,
    lease_of,
    pause,
    pause_at,
    post,
    replay,
    save_checkpoint,
    start_run,
    take,
)


def again(run: Run) -> Run:
    """The run as the database has it."""
    return Run.objects.select_related("thread", "runner").get(pk=run.pk)


def in_hand(run: Run, *, moved: bool) -> Run:
    """Let a runner take a replay or fork, and perhaps make the new head."""
    take(run)
    run = again(run)
    if moved:
        save_checkpoint(run, parent=run.from_checkpoint_id, source="fork")
    return run


def stop(run: Run) -> None:
    assert run.runner is not None
    runs.stop(runner=run.runner, request=Cancelled(lease_of(run)))


def lose(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(vanished=4)
    expire_lease(run)
    runs.reap()


def cancel(run: Run) -> Run:
    return runs.cancel(run=run.pk, user=None)


def status(thread: Thread) -> str:
    return Thread.objects.get(pk=thread.pk).status


def pending(thread: Thread) -> list[Interrupt]:
    return list(thread.interrupts.filter(status="pending").order_by("position"))


# Closed the moment it is queued -------------------------------------------------------------------


def test_what_waits_is_superseded_and_what_was_not_sent_is_withdrawn(alice, olga):
    first, second = pause_at(start_run(), "first?", "second?")
    decided = decide(first, alice)
    run = replay(first.thread, first.checkpoint_id, olga)
    decided.refresh_from_db()
    assert (decided.status, decided.run) == (Decision.Status.WITHDRAWN, None)
    rows = list(Interrupt.objects.order_by("pk"))
    assert [(row.status, row.superseded_by) for row in rows] == [("superseded", run)] * 2
    assert {row.closed_at is None for row in rows} == {False}
    for asked in (first, second):
        with pytest.raises(PauseMoved, match="olga went back in the thread, see run"):
            decide(asked, alice)


def test_what_a_failed_run_carried_is_closed_and_its_decision_stands(alice, olga):
    (asked,) = pause_at(start_run())
    decided = decide(asked, alice)
    take(decided.run)
    fail(again(decided.run))
    run = replay(asked.thread, asked.checkpoint_id, olga)
    asked.refresh_from_db()
    assert (asked.status, asked.superseded_by) == ("superseded", run)
    assert asked.decision.status == Decision.Status.RECORDED


# Asked anew ---------------------------------------------------------------------------------------

ENDS: dict[str, Any] = {"cancelled": stop, "failed": fail, "lost": lose}


@pytest.mark.parametrize("end", ENDS)
def test_a_travel_that_moved_nothing_asks_anew(alice, olga, end):
    first, second = pause_at(start_run(), "first?", "second?", waiting=("tools", "tools"))
    decide(first, alice)
    run = in_hand(replay(first.thread, first.checkpoint_id, olga), moved=False)
    ENDS[end](run)
    run = again(run)
    assert (status(run.thread), run.checkpoint_id, run.next) == (
        "interrupted", first.checkpoint_id, ["tools", "tools"],
    )  # fmt: skip
    anew = pending(run.thread)
    assert [(row.run, row.position, row.value, row.fingerprint) for row in anew] == [
        (run, row.position, row.value, row.fingerprint) for row in (first, second)
    ]
    for row in Interrupt.objects.filter(pk__in=[each.pk for each in anew]):
        decided = decide(row, alice)
    assert (decided.run.resumes, decided.run.trigger) == (run, "resume")
    assert {row.interrupt_id for row in anew} == {first.interrupt_id, second.interrupt_id}


@pytest.mark.parametrize(
    ("end", "left"), [("cancelled", "idle"), ("failed", "error"), ("lost", "error")]
)
def test_a_travel_that_moved_the_head_asks_nothing_anew(olga, end, left):
    (asked,) = pause_at(start_run())
    run = in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=True)
    ENDS[end](run)
    assert (status(run.thread), pending(run.thread)) == (left, [])


def test_a_queued_travel_that_is_cancelled_asks_anew_at_once(olga, alice):
    (asked,) = pause_at(start_run())
    drafts.keep(run=asked.run_id, user=alice, post={"questions.0.answer": ["half a"]})
    run = replay(asked.thread, asked.checkpoint_id, olga)
    run = cancel(run)
    (anew,) = pending(run.thread)
    assert (anew.run, run.status, status(run.thread)) == (run, "cancelled", "interrupted")
    assert drafts.of(run=run.pk, user=alice) == {"questions.0.answer": ["half a"]}
    assert Draft.objects.count() == 1


def test_a_travel_that_the_runner_refused_shows_the_live_pause(olga, alice):
    (asked,) = pause_at(start_run())
    drafts.keep(run=asked.run_id, user=alice, post={"questions.0.answer": ["half a"]})
    run = in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=False)
    (live,) = pause(run, asked.value, at=asked, refused="the graph has changed")
    assert (pending(run.thread), live.moved_from) == ([live], None)
    assert drafts.of(run=run.pk, user=alice) == {"questions.0.answer": ["half a"]}


@pytest.mark.parametrize("end", ["cancelled", "failed", "failed asking", "refused"])
def test_who_answers_then_goes_on_as_the_pause_would_have(alice, olga, end):
    """Each run has its own context, and that of the past is not that of the pause."""
    first = start_run(context={"tenant": "old"}, interrupt_before=["tools"])
    take(first)
    first = again(first)
    old = save_checkpoint(first)
    finish(first)
    second = start_run(thread=first.thread.thread_id, context={"tenant": "new"})
    (asked,) = pause_at(second)
    run = replay(asked.thread, old, olga)
    assert (run.context, run.interrupt_before) == ({"tenant": "old"}, ["tools"])
    if end == "cancelled":
        cancel(run)
    elif end == "failed":
        fail(in_hand(run, moved=False))
    elif end == "failed asking":
        fail(in_hand(run, moved=False), "old context", asked.value, at=asked)
    else:
        pause(in_hand(run, moved=False), asked.value, at=asked, refused="the graph has changed")
    (anew,) = Interrupt.objects.pending().select_related("thread__agent")
    resumed = decide(anew, alice).run
    assert resumed is not None
    assert (resumed.context, resumed.interrupt_before) == ({"tenant": "new"}, [])


def test_a_travel_that_failed_on_its_new_branch_has_its_own_context(alice, olga):
    (asked,) = pause_at(start_run(context={"tenant": "old"}))
    run = in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=True)
    Run.objects.filter(pk=run.pk).update(context={"tenant": "branch"})
    fail(run, "no such order", "Sure?")
    (open_,) = Interrupt.objects.pending().select_related("thread__agent")
    assert decide(open_, alice).run.context == {"tenant": "branch"}


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("refused", [True, False])
def test_an_answer_that_waits_again_after_a_travel_is_taken_back(alice, olga, taken, refused):
    (asked,) = pause_at(start_run())
    carried = decide(asked, alice)
    take(carried.run)
    if taken:
        apply(again(carried.run))
    fail(again(carried.run))
    run = in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=False)
    if refused:
        pause(run, asked.value, at=asked, refused="the graph has changed")
    else:
        fail(run, "old context", asked.value, at=asked)
    carried.refresh_from_db()
    assert carried.status == Decision.Status.WITHDRAWN
    assert [row.run for row in pending(asked.thread)] == [run]


def test_asking_again_that_no_runner_took_leaves_the_failure_to_be_asked_again(alice):
    (asked,) = pause_at(start_run())
    failed = again(decide(asked, alice).run)
    take(failed)
    fail(failed)
    cancel(failures.ask_again(run=failed.pk, user=alice))
    assert (pending(asked.thread), status(asked.thread)) == ([], "error")
    assert again(failed).can_be_asked_again()


def failed_beside(alice) -> tuple[Interrupt, Interrupt]:
    """What a failed run has carried an answer to, and what waits in it."""
    first, second = pause_at(start_run(), "first?", "second?", waiting=("tools", "tools"))
    decide(first, alice)
    run = again(decide(second, alice).run)
    take(run)
    apply(run, first.decision)
    fail(again(run), "no such order", "second?", at=second)
    (waits,) = pending(first.thread)
    return first, waits


def test_asking_again_that_no_runner_took_is_undone(alice, bob):
    carried, waits = failed_beside(alice)
    run = failures.ask_again(run=waits.run_id, user=alice)
    assert pending(waits.thread) == []
    cancel(run)
    (anew,) = pending(waits.thread)
    assert (anew.run, anew.value, status(waits.thread)) == (run, "second?", "interrupted")
    carried = Interrupt.objects.select_related("decision").get(pk=carried.pk)
    assert (carried.status, carried.decision.status, carried.superseded_by) == (
        "applied", "applied", None,
    )  # fmt: skip
    assert again(waits.run).can_be_asked_again()
    assert decide(anew, bob).run.status == Run.Status.QUEUED


def test_of_two_drafts_of_one_person_the_later_pause_s_is_kept(alice, bob, olga):
    first, second = pause_at(start_run(), "first?", "second?", waiting=("tools", "tools"))
    drafts.keep(run=first.run_id, user=bob, post={"questions.0.answer": ["early"]})
    decide(second, alice)
    carrying = again(decide(first, alice).run)
    take(carrying)
    fail(again(carrying), "no such order", "first?", at=first)
    drafts.keep(run=carrying.pk, user=bob, post={"questions.0.answer": ["late"]})
    run = in_hand(replay(first.thread, first.checkpoint_id, olga), moved=False)
    at = first.checkpoint_id
    posted = (
        *post(run, "first?", checkpoint_id=at, at=first),
        *post(run, "second?", checkpoint_id=at, at=second),
    )
    live = Paused(
        lease=lease_of(run), checkpoint_id=at, snapshot=Whole(*plain.encode({})),
        next=("tools", "tools"), interrupts=posted, refused="the graph has changed",
    )  # fmt: skip
    interrupts.open_pause(runner=run.runner, request=live)
    assert [each.value for each in pending(run.thread)] == ["first?", "second?"]
    assert drafts.of(run=run.pk, user=bob) == {"questions.0.answer": ["late"]}


@pytest.mark.parametrize(("end", "asked"), [("cancelled", 2), ("lost", 1), ("failed", 1)])
def test_asking_again_that_came_to_nothing_shows_what_waits(alice, end, asked):
    _, waits = failed_beside(alice)
    run = failures.ask_again(run=waits.run_id, user=alice)
    take(run)
    ENDS[end](again(run))
    values = {row.value for row in pending(waits.thread)}
    assert (len(values), status(waits.thread)) == (asked, "interrupted")
    assert "second?" in values
    assert {row.run for row in pending(waits.thread)} == {run}


@pytest.mark.parametrize(("end", "left"), [(finish, "idle"), (fail, "error")])
def test_where_nothing_waited_the_thread_is_as_it_was(olga, end, left):
    run = start_run()
    take(run)
    run = again(run)
    saved = save_checkpoint(run)
    end(run)
    cancel(replay(run.thread, saved, olga))
    assert status(run.thread) == left
    fail(in_hand(replay(run.thread, saved, olga), moved=False))
    assert status(run.thread) == left


def test_a_run_that_failed_can_still_be_asked_again_after_a_travel_to_nothing(alice, olga):
    (asked,) = pause_at(start_run())
    failed = again(decide(asked, alice).run)
    take(failed)
    fail(failed)
    cancel(replay(asked.thread, asked.checkpoint_id, olga))
    fail(in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=False))
    asked.refresh_from_db()
    assert (asked.status, asked.superseded_by, status(asked.thread)) == ("answered", None, "error")
    assert again(failed).can_be_asked_again()
    assert failures.ask_again(run=failed.pk, user=alice).resumes == asked.run


def test_asking_again_closes_what_a_travel_to_nothing_had_asked_anew(alice, olga):
    (asked,) = pause_at(start_run())
    failed = again(decide(asked, alice).run)
    take(failed)
    fail(failed, "no such order", "Sure?", "Really?", at=asked)
    cancel(replay(asked.thread, asked.checkpoint_id, olga))
    decide(pending(asked.thread)[0], alice)
    failures.ask_again(run=failed.pk, user=alice)
    assert pending(asked.thread) == []
    assert not Decision.objects.filter(status="recorded").exists()


def test_a_run_that_failed_before_a_travel_cannot_be_asked_again(alice, olga):
    (asked,) = pause_at(start_run())
    failed = again(decide(asked, alice).run)
    take(failed)
    fail(failed)
    finish(in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=True))
    with pytest.raises(CannotAskAgain, match=r"olga began run \d+ \(replay\)"):
        failures.ask_again(run=failed.pk, user=alice)


def test_a_travel_that_failed_with_a_question_can_be_asked_again(alice, olga):
    (asked,) = pause_at(start_run())
    run = in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=True)
    fail(run, "no such order", "Sure?")
    (open_,) = pending(run.thread)
    made = failures.ask_again(run=run.pk, user=alice)
    open_.refresh_from_db()
    assert (made.resumes, made.trigger, open_.status) == (run, "ask_again", "superseded")


# The same order twice ---------------------------------------------------------------------------


def test_a_form_that_is_sent_twice_is_one_order(olga):
    (asked,) = pause_at(start_run())
    orders = [replay(asked.thread, asked.checkpoint_id, olga, reason="look") for _ in range(2)]
    assert orders[0] == orders[1]
    other = fork(asked.thread, asked.checkpoint_id, olga, as_node="tools")
    assert fork(asked.thread, asked.checkpoint_id, olga, as_node="tools") == other
    assert Run.objects.filter(trigger__in=Run.TRAVELS).count() == 2


def test_another_person_and_another_time_make_another_order(olga, ada):
    (asked,) = pause_at(start_run())
    ada.groups.add(*olga.groups.all())
    first = replay(asked.thread, asked.checkpoint_id, olga)
    assert replay(asked.thread, asked.checkpoint_id, ada) != first
    last = replay(asked.thread, asked.checkpoint_id, olga)
    Run.objects.filter(pk=last.pk).update(created_at=last.created_at - timedelta(minutes=1))
    assert replay(asked.thread, asked.checkpoint_id, olga) != last


# Waiting behind another ---------------------------------------------------------------------------


def test_two_travels_become_two_branches_one_after_the_other(alice, olga):
    (asked,) = pause_at(start_run())
    first = replay(asked.thread, asked.checkpoint_id, olga, reason="one")
    second = fork(asked.thread, asked.checkpoint_id, olga, as_node="tools")
    third = replay(asked.thread, asked.checkpoint_id, olga)
    assert [run.status for run in (first, second, third)] == ["queued", "waiting", "waiting"]
    seen = travel.foresee(thread=asked.thread_id, checkpoint_id=asked.checkpoint_id)
    assert seen.waits_for == first
    first = in_hand(first, moved=True)
    (theirs,) = pause(first, "on the first branch?")
    assert [again(run).status for run in (first, second, third)] == [
        "interrupted", "queued", "waiting",
    ]  # fmt: skip
    theirs.refresh_from_db()
    assert (theirs.status, theirs.superseded_by, status(first.thread)) == (
        "superseded", second, "busy",
    )  # fmt: skip
    finish(in_hand(again(second), moved=True))
    assert (again(third).status, status(first.thread)) == ("queued", "busy")
    finish(in_hand(again(third), moved=True))
    assert status(first.thread) == "idle"


def test_what_comes_to_nothing_hands_its_questions_to_the_next(alice, olga):
    (asked,) = pause_at(start_run())
    first, second = (replay(asked.thread, asked.checkpoint_id, olga, reason=why) for why in "ab")
    cancel(first)
    assert (again(second).status, pending(asked.thread)) == ("queued", [])
    cancel(second)
    (anew,) = pending(asked.thread)
    assert (anew.run, anew.value, status(asked.thread)) == (second, asked.value, "interrupted")


def test_a_waiting_travel_is_cancelled_at_once(olga):
    (asked,) = pause_at(start_run())
    first, second = (replay(asked.thread, asked.checkpoint_id, olga, reason=why) for why in "ab")
    assert cancel(second).status == Run.Status.CANCELLED
    assert (again(first).status, status(asked.thread)) == ("queued", "busy")
    finish(in_hand(first, moved=True))
    assert (again(second).status, status(asked.thread)) == ("cancelled", "idle")


def test_a_decision_on_the_new_branch_is_not_touched_by_what_was_cancelled(alice, olga):
    (asked,) = pause_at(start_run())
    first, second = (replay(asked.thread, asked.checkpoint_id, olga, reason=why) for why in "ab")
    cancel(second)
    (live,) = pause(in_hand(first, moved=True), "again?")
    assert decide(live, alice).run.status == Run.Status.QUEUED


def test_a_pause_on_a_new_branch_is_decided_like_any(alice, olga):
    (asked,) = pause_at(start_run())
    run = in_hand(replay(asked.thread, asked.checkpoint_id, olga), moved=True)
    (live,) = pause(run, asked.value)
    resumed = again(decide(live, alice).run)
    take(resumed)
    apply(resumed)
    save_checkpoint(resumed, waiting=())
    assert finish(resumed).status == Run.Status.SUCCEEDED
    live.refresh_from_db()
    assert (live.status, status(run.thread)) == ("applied", "idle")
