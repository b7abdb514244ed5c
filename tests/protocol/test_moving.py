"""Questions that move: which parts differ, and which answers still fit."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given

from reviewconsole.protocol import tagged
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import Moving
from reviewconsole.protocol.moving import compare, merge, path_of, settle
from reviewconsole.protocol.plain import Typed
from tests.protocol.values import anything, confusable

CALL: Any = {"action": "pay", "args": {"to": "alice", "at": "12:00:01"}}


def part(how: str, *path: Any) -> Moving:
    return Moving(tagged.dumps(list(path)), how)


def model(**fields: Any) -> Typed:
    return Typed(5, "agent", "Order", fields, "model_validate")


@given(anything)
def test_what_is_the_same_does_not_move(value: Any) -> None:
    assert compare(value, value) == ()


@given(anything | confusable, anything | confusable)
def test_what_is_compared_has_one_digest_once_settled(before: Any, after: Any) -> None:
    one: Any = {"same": 1, "moves": before}
    other: Any = {"same": 1, "moves": after}
    moving = compare(one, other)
    assert moving is not None
    assert question_digest(settle(one, moving)) == question_digest(settle(other, moving))
    assert (moving == ()) == (question_digest(before) == question_digest(after))


@pytest.mark.parametrize(
    ("before", "after", "moving"),
    [
        ({"q": "pay?", "id": 1}, {"q": "pay?", "id": 2}, [part("value", "id")]),
        (CALL, CALL | {"args": {"to": "alice", "at": "12:00:09"}}, [part("value", "args", "at")]),
        (["pay?", "12:00"], ["pay?", "12:01"], [part("value", 1)]),
        (["a", "b"], ["b", "a"], [part("order")]),
        ({"q": 1, "to": ["a", "b"]}, {"q": 1, "to": ["b", "a"]}, [part("order", "to")]),
        ({"q": 1, "to": ["a"]}, {"q": 1, "to": ["a", "b"]}, [part("value", "to")]),
        ({"q": 1, "to": ["a", "b"]}, {"q": 1, "to": ["c", "d"]}, [part("value", "to")]),
        ({"q": 1, "of": {"a": 1}}, {"q": 1, "of": {"b": 1}}, [part("value", "of")]),
        ({"q": 1, "of": 1}, {"q": 1, "of": 1.0}, [part("value", "of")]),
        (model(to="a", at=1), model(to="a", at=2), [part("value", "at")]),
        ({"q": 1, (1, "a"): 1}, {"q": 1, (1, "a"): 2}, [part("value", (1, "a"))]),
    ],
)
def test_the_parts_that_differ_are_named(before: Any, after: Any, moving: list[Moving]) -> None:
    assert compare(before, after) == tuple(moving)
    assert settle(before, moving) == settle(after, moving)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pay 1?", "pay 2?"),
        ({"q": "pay?"}, ["pay?"]),
        ({"at": 1}, {"at": 2}),
        ({"q": "pay?", "at": 1}, {"q": "pay?", "sudo": True}),
        ({"q": "pay?", 1: 1}, {"q": "pay?", True: 1}),
        (["a", "b"], ["c", "d"]),
        (["a"], ["a", "b"]),
        (model(to="a", at=1), {"to": "a", "at": 2}),
    ],
)
def test_another_question_has_nothing_in_common(before: Any, after: Any) -> None:
    assert compare(before, after) is None


def test_sets_do_not_move() -> None:
    items = list("abcdefgh")
    shuffled = random.Random(1).sample(items, len(items))
    for name in ("set", "frozenset"):
        before, after = (Typed(1, "builtins", name, order) for order in (items, shuffled))
        assert compare(before, after) == ()
        assert question_digest({"to": before}) == question_digest({"to": after})


def test_an_answer_fits_no_question_whose_other_parts_differ() -> None:
    moving = [part("value", "args", "at")]
    other: Any = {"action": "pay", "args": {"to": "mallory", "at": "12:00:01"}}
    assert question_digest(settle(CALL, moving)) != question_digest(settle(other, moving))


def test_a_path_that_leads_nowhere_changes_nothing() -> None:
    for path in (["args", "sum"], ["action", 0], [7], ["args", "to", "x"]):
        assert settle(CALL, [part("value", *path)]) == CALL
    assert settle(["a"], [part("value", -1)]) == ["a"]
    assert settle({"to": "a"}, [part("order", "to")]) == {"to": "a"}


def test_a_question_of_which_nothing_stays_cannot_be_settled() -> None:
    with pytest.raises(ValueError, match="nothing of this question stays"):
        settle(CALL, [part("value")])


def test_a_path_is_an_array() -> None:
    with pytest.raises(ValueError, match="is no path"):
        settle(CALL, [Moving('"args"', "value")])
    assert path_of(part("value", "args", 0, (1, 2))) == ("args", 0, (1, 2))


@pytest.mark.parametrize(
    ("a", "b", "merged"),
    [
        ([part("value", "x")], [part("value", "y")], [part("value", "x"), part("value", "y")]),
        ([part("value", "x")], [part("value", "x")], [part("value", "x")]),
        ([part("order", "x")], [part("value", "x")], [part("value", "x")]),
        ([part("value", "x")], [part("order", "x")], [part("value", "x")]),
        ([part("value", "x", 0)], [part("value", "x")], [part("value", "x")]),
        ([part("order", "x")], [part("value", "x", 0, "y")], [part("value", "x")]),
        ([], [part("order", "x")], [part("order", "x")]),
    ],
)
def test_moving_parts_unite(a: list[Moving], b: list[Moving], merged: list[Moving]) -> None:
    assert merge(a, b) == tuple(merged)
