"""Kinds of pauses beside and inside one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.models import Interrupt
from agents.reviews import ActionDecision, DecisionType
from agents.services import decisions, failures
from reviewconsole.protocol.values import Moving
from tests.pauses.desk import Desk, call, edit, receipts, said, text, value

pytestmark = pytest.mark.django_db(transaction=True)

SKIP = ActionDecision(DecisionType.SKIP)


@pytest.fixture(scope="module")
def agents() -> Path:
    """The agents of this module."""
    return Path(__file__).parent / "agents" / "mixed.langgraph.json"


def ask_again(desk: Desk, asked: Interrupt) -> None:
    """Make the agent ask once more what it has failed on."""
    failures.ask_again(run=desk.failed(asked.thread).pk, user=desk.alice)
    desk.browser.nudge()


def test_beside_one_that_moves_an_answer_is_taken_once(desk: Desk):
    thread = desk.start("one_moves", {})
    moves, steady = sorted(desk.asked(thread), key=lambda each: each.node)
    desk.decide(steady, text("S"))
    desk.decide(moves, text("M"))
    moved = desk.question(thread)
    assert (moved.node, moved.moved_from, receipts([steady])) == ("moving", moves, ["applied"])
    moving = tuple(Moving(part["path"], part["how"]) for part in moved.moving)
    desk.decide(moved, text("M"), moving=moving)
    assert sorted(map(str, desk.finished(thread)["log"])) == ["['moving', 'M']", "['steady', 'S']"]
    assert sorted(desk.names(thread)) == ["moving", "steady"]


def test_one_of_two_answers_is_bad_and_only_that_is_asked_again(desk: Desk):
    thread = desk.start("two_numbers", {})
    one, two = desk.asked(thread)
    desk.decide(one, text("1"))
    desk.decide(two, text("a pair"))
    ask_again(desk, two)
    again = desk.asked(thread)
    assert [each.node for each in again] == ["two"]
    desk.decide(again[0], text("2"))
    assert sorted(map(str, desk.finished(thread)["log"])) == ["['one', 1]", "['two', 2]"]
    assert desk.names(thread).count("one") == 1


def test_a_question_in_a_subgraph_is_asked_again(desk: Desk):
    thread = desk.start("number_inside", {})
    first = desk.question(thread)
    desk.decide(first, text("some"))
    ask_again(desk, first)
    second = desk.question(thread)
    assert (second.ns != "", second.value) == (True, "inside?")
    desk.decide(second, text("3"))
    assert desk.finished(thread)["log"] == [["inside", 3]]


def test_a_question_in_a_task_is_asked_again_and_the_other_is_kept(desk: Desk):
    thread = desk.start("counting", {"go": True})
    answers = {"apples?": "4", "pears?": "a few"}
    asked = desk.asked(thread)
    while desk.settled(thread).status == "interrupted":
        for each in desk.asked(thread):
            desk.decide(each, text(answers[each.value]))
    ask_again(desk, asked[0])
    answers["pears?"] = "5"
    while desk.settled(thread).status == "interrupted":
        for each in desk.asked(thread):
            desk.decide(each, text(answers[each.value]))
    assert desk.finished(thread) == [4, 5]


def test_a_node_interrupt_in_a_subgraph(desk: Desk):
    thread = desk.start("stop_inside", {})
    asked = desk.question(thread)
    assert (asked.kind, asked.ns != "", asked.value) == ("node_interrupt", True, "no answer yet")
    desk.decide(asked, SKIP)
    desk.finished(thread)
    assert desk.names(thread) == ["stop", "after"]


def test_a_breakpoint_in_a_subgraph_is_skipped(desk: Desk):
    thread = desk.start("breakpoint_inside", {"subject": "x"})
    asked = desk.question(thread)
    assert (asked.kind, asked.node) == ("breakpoint", "inner")
    desk.decide(asked, SKIP)
    desk.finished(thread)
    assert desk.names(thread) == ["after"]


def test_a_thread_is_finished_inside_a_subgraph_and_takes_a_new_input(desk: Desk):
    thread = desk.start("number_inside", {"subject": "x"})
    asked = desk.question(thread)
    decisions.dismiss(
        interrupt=asked.pk, user=desk.alice, fingerprint=asked.fingerprint, reason="No."
    )
    desk.browser.nudge()
    desk.finished(thread)
    assert desk.names(thread) == []
    desk.start("number_inside", {"subject": "y"}, thread=thread.thread_id)
    again = desk.question(thread)
    desk.decide(again, text("7"))
    assert desk.finished(thread)["log"] == [["inside", 7]]


@pytest.mark.parametrize(("answer", "way"), [(True, "paid"), (False, "unpaid"), (None, "unpaid")])
def test_a_node_that_routes_by_its_answer(desk: Desk, answer: bool | None, way: str):
    thread = desk.start("routed", {"subject": "x"})
    desk.decide(desk.question(thread), value(answer))
    assert desk.finished(thread)["answer"] is answer
    assert desk.names(thread) == ["decide", way]


def test_an_agent_under_a_supervisor_is_held(desk: Desk):
    calls = said(call("send_email", to="alice", subject="Hello"), call("look_up", word="lamp"))
    thread = desk.start("supervised", calls)
    asked = desk.question(thread)
    assert (asked.dialect, asked.ns.partition(":")[0], asked.call_ids) == (
        "middleware", "helper", ["call_1"],
    )  # fmt: skip
    desk.decide(asked, edit(to="bob", subject="Hello", urgent=False))
    assert desk.tool_messages(thread)["call_1"].endswith("sent to bob")
    assert sorted(desk.names(thread)) == ["look_up", "send_email", "supervise"]
