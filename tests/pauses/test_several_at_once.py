"""Rows 11 and 12: several questions at once, and several in a row."""

from __future__ import annotations

import pytest

from tests.pauses.desk import Desk, call, receipts, said, text, value

pytestmark = pytest.mark.django_db(transaction=True)


def test_11_parallel_nodes_ask_together_and_a_finished_sibling_is_left_alone(desk: Desk):
    thread = desk.start("parallel", {"items": []})
    left, right = desk.asked(thread)
    assert [(asked.node, asked.value) for asked in (left, right)] == [
        ("left", "left?"),
        ("right", "right?"),
    ]
    desk.decide(right, text("R"))
    assert desk.names(thread) == ["quiet"]
    desk.decide(left, text("L"))
    state = desk.finished(thread)
    assert sorted(map(str, state["said"])) == ["['left', 'L']", "['right', 'R']", "quiet"]
    assert sorted(desk.names(thread)) == ["left", "quiet", "right", "together"]
    assert receipts([left, right]) == ["applied", "applied"]


def test_11_one_task_for_each_item(desk: Desk):
    thread = desk.start("sent", {"items": ["a", "B", "c", "d"]})
    asked = desk.asked(thread)
    assert [(each.node, each.value) for each in asked] == [
        ("work", "a?"), ("work", "c?"), ("work", "d?"),
    ]  # fmt: skip
    assert len({each.task_id for each in asked}) == 3
    for each in reversed(asked):
        desk.decide(each, text(f"yes, {each.value}"))
    assert desk.finished(thread)["said"] == [
        ["a", "yes, a?"], ["B", None], ["c", "yes, c?"], ["d", "yes, d?"],
    ]  # fmt: skip
    assert sorted(deed["item"] for deed in desk.deeds(thread)) == ["B", "a", "c", "d"]


def test_11_two_agents_ask_from_their_subgraphs(desk: Desk):
    thread = desk.start("agents", {"items": []})
    asked = desk.asked(thread)
    assert sorted((each.ns.partition(":")[0], each.node, each.value) for each in asked) == [
        ("banker", "ask", "banker?"),
        ("lawyer", "ask", "lawyer?"),
    ]
    for each in asked:
        desk.decide(each, text(f"{each.value} Yes."))
    desk.finished(thread)
    assert sorted((deed["deed"], deed["answer"]) for deed in desk.deeds(thread)) == [
        ("banker", "banker? Yes."),
        ("lawyer", "lawyer? Yes."),
    ]


def test_12_thirty_questions_in_a_row_are_asked_one_by_one(desk: Desk):
    items = [f"item {number}" for number in range(30)]
    thread = desk.start("in_a_row", {"items": items})
    for item in items:
        asked = desk.question(thread)
        assert asked.value == f"{item}?"
        desk.decide(asked, text(f"{item}!"))
    assert desk.finished(thread)["said"] == [f"{item}!" for item in items]
    assert desk.deeds(thread) == [
        {"deed": "in_a_row", "answers": [f"{item}!" for item in items]},
    ]
    assert set(receipts(thread.interrupts.all())) == {"applied"}


def test_12_the_same_question_twice_is_two_questions(desk: Desk):
    thread = desk.start("in_a_row", {"items": ["sure", "sure"]})
    first = desk.question(thread)
    desk.decide(first, text("yes"))
    second = desk.question(thread)
    assert (second.value, second.interrupt_id != first.interrupt_id) == ("sure?", True)
    desk.decide(second, text("no"))
    assert desk.finished(thread)["said"] == ["yes", "no"]


@pytest.mark.parametrize("tool", ["confirm", "confirm_later"])
@pytest.mark.parametrize("slow", [0, 1, 2])
def test_12_calls_of_one_tool_node_get_each_its_own_answer(desk: Desk, tool: str, slow: int):
    """Whichever call arrives last, at whatever execution."""
    names = ["pay 1", "pay 1000000", "pay 7"]
    calls = [
        call(tool, what=name, seconds=0.3 if number == slow else 0.0)
        for number, name in enumerate(names)
    ]
    thread = desk.start("calls", said(*calls))
    asked = []
    for _name in names:
        asked.append(desk.question(thread))
        desk.decide(asked[-1], value(f"my answer to {asked[-1].value}"))
    messages = desk.tool_messages(thread)
    assert sorted(each.value for each in asked) == sorted(f"{name}?" for name in names)
    assert list(messages.values()) == [f"{name}: my answer to {name}?" for name in names]
    assert receipts(asked) == ["applied"] * 3
