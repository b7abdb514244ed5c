"""From a checkpoint of the past, as it was: only what came after runs, and every pause asks again.

Beside it the change of a decision, which is a replay at the pause that it was made for.
"""

from __future__ import annotations

import pytest

from agents.models import Interrupt, Run
from tests.pauses.desk import APPROVE, call, receipts, reject, said, text
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_finished_thread_runs_again_only_what_came_after(desk: Traveller):
    thread = desk.start("steps", {"text": "0 "}, context={"tenant": "acme"})
    desk.finished(thread)
    before = desk.tree(thread)

    run = desk.replay(thread, desk.before(thread, "second"))
    assert desk.finished(thread) == {"text": "0 firstsecondthird"}
    assert desk.names(thread) == ["first", "second", "third", "second", "third"]
    assert (run.trigger, run.created_by) == (Run.Trigger.REPLAY, desk.alice)
    # Context is in no checkpoint: it is passed again.
    assert {deed["tenant"] for deed in desk.deeds(thread)} == {"acme"}

    after = desk.tree(thread)
    kept = [row.checkpoint_id for row in after.rows][-len(before.rows) :]
    assert kept == [row.checkpoint_id for row in before.rows]
    assert (after.tips, after.rows[0].is_head, after.rows[0].run) == (2, True, run)


def test_an_answered_pause_asks_again_and_takes_the_new_answer(desk: Traveller):
    thread = desk.start("asks", {"subject": "sing"})
    first = desk.question(thread)
    desk.decide(first, text("yes"))
    assert desk.finished(thread)["answer"] == "yes"

    desk.replay(thread, desk.before(thread, "ask"))
    again = desk.question(thread)
    assert (again.pk != first.pk, again.value, again.status) == (True, "May I sing?", "pending")
    assert desk.names(thread) == ["prepare", "act", "acted"]  # the old answer moved nothing

    desk.decide(again, text("no"))
    assert desk.finished(thread)["answer"] == "no"
    acts = [deed["answer"] for deed in desk.deeds(thread) if deed["deed"] == "act"]
    assert acts == ["yes", "no"]
    assert receipts([first, again]) == ["applied", "applied"]


def test_a_pause_that_is_open_is_superseded_and_told(desk: Traveller):
    thread = desk.start("asks", {"subject": "dance"})
    first = desk.question(thread)
    run = desk.replay(thread, desk.before(thread, "prepare"))
    again = desk.question(thread)
    first.refresh_from_db()
    assert (first.status, first.superseded_by) == (Interrupt.Status.SUPERSEDED, run)
    desk.decide(again, text("yes"))
    assert desk.finished(thread)["answer"] == "yes"
    assert desk.names(thread) == ["prepare", "prepare", "act", "acted"]


def test_a_breakpoint_stops_again(desk: Traveller):
    thread = desk.start("before_second", {"text": ""})
    desk.decide(desk.question(thread), APPROVE)
    desk.finished(thread)

    for checkpoint, ran in (("second", []), ("first", ["first"])):
        done = len(desk.names(thread))
        desk.replay(thread, desk.before(thread, checkpoint))
        stop = desk.question(thread)
        assert (stop.kind, stop.node) == (Interrupt.Kind.BREAKPOINT, "second")
        assert desk.deeds_since(thread, done) == ran
        desk.decide(stop, APPROVE)
        desk.finished(thread)
        assert desk.deeds_since(thread, done) == [*ran, "second", "third"]


@pytest.mark.parametrize(("first", "then"), [("approve", "reject"), ("reject", "approve")])
def test_a_decision_is_changed_on_a_branch_of_its_own(desk: Traveller, first: str, then: str):
    said_so = {"approve": APPROVE, "reject": reject("Not to him.")}
    sent = {"approve": ["send_email"], "reject": []}
    thread = desk.start("batched", said(call("send_email", to="bob@example.com", subject="Hi")))
    asked = desk.question(thread)
    desk.decide(asked, said_so[first])
    desk.finished(thread)
    old_head = desk.head(thread)
    assert desk.names(thread) == sent[first]

    run = desk.change(asked)
    again = desk.question(thread)
    assert (run.revises, again.pk != asked.pk) == (asked, True)
    assert desk.names(thread) == sent[first]
    desk.decide(again, said_so[then])
    desk.finished(thread)
    assert desk.names(thread) == sent[first] + sent[then]
    assert old_head in [row.checkpoint_id for row in desk.tree(thread).rows if row.is_tip]
    assert receipts([asked, again]) == ["applied", "applied"]
