"""From a checkpoint of the past, changed: edited, skipped, written for, finished, left."""

from __future__ import annotations

import pytest
from django.db import transaction

from agents.models import Interrupt, Run, Thread
from agents.services import runs, travel
from tests.pauses.desk import text
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_edited_state_is_what_the_next_node_sees(desk: Traveller):
    thread = desk.start("steps", {"text": "0 "})
    desk.finished(thread)
    checkpoint = desk.before(thread, "second")
    as_it_was = desk.state(thread, checkpoint).values

    run = desk.fork(thread, checkpoint, {"text": "edited ", "feedback": "louder"})
    assert desk.finished(thread) == {"text": "edited secondthird", "feedback": "louder"}
    assert [deed["feedback"] for deed in desk.deeds(thread)][3:] == ["louder", "louder"]
    assert desk.state(thread, checkpoint).values == as_it_was == {"text": "0 first"}

    run.refresh_from_db()
    made = next(row for row in reversed(desk.tree(thread).rows) if row.run == run)
    assert (made.source, made.parent_id, made.next) == ("update", checkpoint, ("second",))


def test_the_input_is_replayed_and_replaced(desk: Traveller):
    thread = desk.start("steps", {"text": "0 "})
    desk.finished(thread)
    checkpoint = desk.before(thread, "__start__")

    desk.replay(thread, checkpoint)
    assert desk.finished(thread) == {"text": "0 firstsecondthird"}
    desk.fork(thread, checkpoint, {"text": "1 "})
    assert desk.finished(thread) == {"text": "1 firstsecondthird"}


def test_a_node_is_skipped(desk: Traveller):
    thread = desk.start("steps", {"text": ""})
    desk.finished(thread)
    desk.fork(thread, desk.before(thread, "second"), as_node="second")
    assert desk.finished(thread) == {"text": "firstthird"}
    assert desk.names(thread) == ["first", "second", "third", "third"]


def test_a_person_writes_what_a_node_would_and_the_open_pause_is_superseded(desk: Traveller):
    thread = desk.start("feedback", {"text": ""})
    stop = desk.question(thread)
    run = desk.fork(
        thread, desk.before(thread, "human_input"), {"feedback": "good"}, as_node="human_input"
    )
    assert desk.finished(thread) == {"text": "writepublish", "feedback": "good"}
    assert desk.names(thread) == ["write", "publish"]
    stop.refresh_from_db()
    assert (stop.status, stop.superseded_by) == (Interrupt.Status.SUPERSEDED, run)


def test_a_thread_is_finished_from_a_point_of_its_past(desk: Traveller):
    thread = desk.start("steps", {"text": ""})
    desk.finished(thread)
    desk.fork(thread, desk.before(thread, "second"), as_node="__end__")
    assert desk.finished(thread) == {"text": "first"}
    thread.refresh_from_db()
    assert thread.status == Thread.Status.IDLE
    assert desk.tree(thread).rows[0].next == ()
    assert desk.names(thread) == ["first", "second", "third"]


def test_a_fork_stays_and_runs_on_later(desk: Traveller):
    thread = desk.start("steps", {"text": ""})
    desk.finished(thread)
    desk.fork(thread, desk.before(thread, "second"), {"text": "edited "}, stays=True)
    assert desk.settled(thread).status == Run.Status.SUCCEEDED
    head = desk.tree(thread).rows[0]
    assert head.next == ("second",)
    assert desk.names(thread) == ["first", "second", "third"]

    desk.replay(thread, head.checkpoint_id)
    assert desk.finished(thread) == {"text": "edited secondthird"}


def test_two_at_once_are_two_branches(desk: Traveller):
    thread = desk.start("steps", {"text": ""})
    desk.finished(thread)
    checkpoint = desk.before(thread, "second")
    with transaction.atomic():  # no runner sees the one before the other
        for told in ("one ", "two "):
            travel.fork(
                thread=thread.pk, checkpoint_id=checkpoint, next=["second"], user=desk.alice,
                update={"text": told},
            )  # fmt: skip
        last = thread.runs.order_by("-pk")[0]
        assert last.status == Run.Status.WAITING
    desk.browser.nudge()
    assert desk.finished(thread) == {"text": "two secondthird"}
    ends = [desk.state(thread, row.checkpoint_id) for row in desk.tree(thread).rows if row.is_tip]
    assert [end.values["text"] for end in ends] == [
        "two secondthird",
        "one secondthird",
        "firstsecondthird",
    ]
    made = [row.parent_id for row in desk.tree(thread).rows if row.source == "update"]
    assert made == [checkpoint, checkpoint]


def test_a_fork_that_is_cancelled_before_it_ran_leaves_the_pause_asked_anew(desk: Traveller):
    thread = desk.start("asks", {"subject": "rest"})
    first = desk.question(thread)
    with transaction.atomic():  # no runner sees it
        run = travel.fork(
            thread=thread.pk, checkpoint_id=desk.before(thread, "prepare"), next=["prepare"],
            user=desk.alice, update={"subject": "run"},
        )  # fmt: skip
        runs.cancel(run=run.pk, user=desk.alice)
    first.refresh_from_db()
    assert (first.status, first.superseded_by) == (Interrupt.Status.SUPERSEDED, run)
    anew = thread.interrupts.get(status=Interrupt.Status.PENDING)
    assert (anew.value, anew.fingerprint) == (first.value, first.fingerprint)
    thread.refresh_from_db()
    assert thread.status == Thread.Status.INTERRUPTED

    desk.decide(anew, text("yes"))
    assert desk.finished(thread)["answer"] == "yes"
    assert desk.names(thread) == ["prepare", "act", "acted"]


def test_what_siblings_lose_is_said_and_they_run_again(desk: Traveller):
    thread = desk.start("parallel", {"items": []})
    left, right = desk.asked(thread)
    desk.decide(left, text("L"))
    desk.decide(right, text("R"))
    desk.finished(thread)
    checkpoint = desk.before(thread, "left", "right", "quiet")
    seen = travel.foresee(thread=thread.pk, checkpoint_id=checkpoint, writes=True)
    assert sorted(seen.asks_again, key=lambda asked: asked.pk) == [left, right]
    assert "quiet" in seen.repeats

    desk.fork(thread, checkpoint, {"items": ["more"]})
    asked = desk.asked(thread)
    assert [each.value for each in asked] == ["left?", "right?"]
    desk.decide(asked[0], text("L2"))
    desk.decide(asked[1], text("R2"))
    assert sorted(map(str, desk.finished(thread)["said"])) == [
        "['left', 'L2']",
        "['right', 'R2']",
        "quiet",
    ]
