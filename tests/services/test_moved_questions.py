"""Questions that move: how the next one is compared with the last, and what may be left out."""

from typing import Any

import pytest

from agents.exceptions import InvalidAnswer
from agents.models import Decision, Interrupt
from agents.reviews.request import Arguments
from agents.services import assignments, decisions
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.moving import settle
from reviewconsole.protocol.values import Moving
from tests.factories import decide, make_interrupt, pause, respond, start_run, take

AT_NOON: Arguments = {"question": "Pay 120 EUR?", "asked": "12:00", "tags": ["a", "b"]}
LATER: Arguments = {**AT_NOON, "asked": "12:05"}
TIME = Moving('["asked"]', "value")
ORDER = Moving('["tags"]', "order")


def ask_anew(asked, alice, *values):
    """The runner refuses the decision on `asked` and posts what the task asks now."""
    run = decide(asked, alice, respond("yes")).run
    return pause(run, *values, refused="the agent asked something else", at=asked)


def moving(row):
    return [Moving(**part) for part in row.moving]


def submit(asked, alice, *moving):
    return decisions.submit(
        interrupt=asked.pk, user=alice, fingerprint=asked.fingerprint,
        decisions=[respond("yes")], moving=moving,
    )  # fmt: skip


def test_the_question_says_what_it_was_and_which_parts_moved(alice):
    before = make_interrupt(AT_NOON)
    (anew,) = ask_anew(before, alice, LATER)
    before.refresh_from_db()
    assert (before.status, before.decision.status) == ("superseded", "refused")
    assert (anew.moved_from, moving(anew)) == (before, [TIME])


def test_parts_that_moved_before_are_remembered(alice):
    before = make_interrupt(AT_NOON)
    (second,) = ask_anew(before, alice, LATER)
    (third,) = ask_anew(second, alice, {**LATER, "tags": ["b", "a"]})
    assert (third.moved_from, moving(third)) == (second, [TIME, ORDER])
    (fourth,) = ask_anew(third, alice, third.value)
    assert (fourth.moved_from, moving(fourth)) == (third, [TIME, ORDER])


def test_the_same_question_has_not_moved(alice):
    before = make_interrupt(AT_NOON)
    (anew,) = ask_anew(before, alice, AT_NOON)
    assert (anew.moved_from, anew.moving) == (None, [])


def test_another_question_altogether_shares_nothing_to_bind_to(alice):
    before = make_interrupt(AT_NOON)
    (anew,) = ask_anew(before, alice, "Sure?")
    assert (anew.moved_from, anew.moving) == (before, [])


def test_nothing_is_offered_where_everything_has_moved_by_and_by(alice):
    before = make_interrupt({"a": 1, "b": 1})
    (second,) = ask_anew(before, alice, {"a": 2, "b": 1})
    (third,) = ask_anew(second, alice, {"a": 2, "b": 2})
    assert (third.moved_from, third.moving) == (second, [])


def test_only_the_question_of_the_same_task_is_compared(alice):
    before = make_interrupt(AT_NOON)
    (first, other) = ask_anew(before, alice, LATER, {**AT_NOON, "asked": "12:09"})
    assert (first.moved_from, other.moved_from) == (before, None)


def test_an_answer_that_was_taken_leaves_nothing_to_compare(alice):
    """The task asks its next question, which looks like the last."""
    before = make_interrupt(AT_NOON)
    run = decide(before, alice, respond("yes")).run
    take(run)
    Decision.objects.update(status=Decision.Status.APPLIED)
    Interrupt.objects.update(status=Interrupt.Status.APPLIED)
    (anew,) = pause(run, LATER, at=before)
    assert (anew.moved_from, anew.moving) == (None, [])


def test_an_answer_is_bound_to_what_stays(alice):
    (anew,) = ask_anew(make_interrupt(AT_NOON), alice, LATER)
    decision = submit(anew, alice, TIME)
    assert moving(decision) == [TIME]
    assert decision.summary == "answered: yes; whatever stands at asked"
    take(decision.run)
    (answer,) = assignments.make(decision.run).answers
    assert answer.moving == (TIME,)
    assert answer.digest == question_digest(settle(AT_NOON, [TIME]))
    assert answer.fingerprint == anew.fingerprint


def test_an_answer_may_be_bound_to_all_of_it(alice):
    (anew,) = ask_anew(make_interrupt(AT_NOON), alice, LATER)
    decision = submit(anew, alice)
    take(decision.run)
    (answer,) = assignments.make(decision.run).answers
    assert (answer.moving, answer.digest) == ((), question_digest(LATER))


@pytest.mark.parametrize(
    "part", [Moving('["question"]', "value"), Moving('["asked"]', "order"), Moving("[]", "value")]
)
def test_only_what_was_seen_to_move_can_be_left_out(alice, part):
    (anew,) = ask_anew(make_interrupt(AT_NOON), alice, LATER)
    with pytest.raises(InvalidAnswer) as refusal:
        submit(anew, alice, TIME, part)
    assert refusal.value.errors == {"moving": f"Nothing was seen to move at {part.path}."}


def test_something_must_be_left_to_answer(alice):
    (anew,) = ask_anew(make_interrupt({"a": 1, "b": 1}), alice, {"a": 2, "b": 1})
    parts = [{"path": f'["{name}"]', "how": "value"} for name in "ab"]
    Interrupt.objects.filter(pk=anew.pk).update(moving=parts)
    with pytest.raises(InvalidAnswer) as refusal:
        submit(anew, alice, *(Moving(**part) for part in parts))
    assert refusal.value.errors == {"moving": "Nothing of the question would be left to answer."}
    assert submit(anew, alice, Moving(**parts[0])).run is not None


def test_a_question_of_another_checkpoint_is_not_compared(alice):
    run = decide(make_interrupt(AT_NOON), alice, respond("yes")).run
    (anew,) = pause(run, LATER, refused="the thread stands elsewhere")
    assert anew.moved_from is None


def test_a_start_of_another_thread_is_not_compared(alice):
    before = make_interrupt(AT_NOON)
    ask_anew(before, alice, LATER)
    (other,) = pause(start_run(), LATER, at=before)
    assert other.moved_from is None


@pytest.mark.parametrize(
    "other",
    [
        {"origin": {"tool": "wire", "call_id": "call_2"}},
        {"origin": None},
        {"call_ids": ("call_2",)},
    ],
)
def test_what_another_call_of_the_task_asks_is_no_moved_question(alice, other):
    first: dict[str, Any] = {
        "origin": {"tool": "wire", "call_id": "call_1"},
        "call_ids": ("call_1",),
    }
    before = make_interrupt(AT_NOON, **first)
    run = decide(before, alice, respond("yes")).run
    (anew,) = pause(run, LATER, refused="another call was first", at=before, **(first | other))
    assert (anew.moved_from, anew.moving) == (None, [])
