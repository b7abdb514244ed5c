"""Rows 8 and 9: graphs stopped before or after a node, compiled in or at run time."""

from __future__ import annotations

import pytest

from agents.exceptions import InvalidAnswer
from agents.models import Thread
from agents.reviews import ActionDecision, DecisionType
from agents.services import decisions
from tests.pauses.desk import APPROVE, Desk, call, edit, receipts, reject, said

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = call("send_email", to="alice", subject="Hello")
DELETE = call("delete_file", path="/exports")
SKIP = ActionDecision(DecisionType.SKIP)


@pytest.mark.parametrize("agent", ["before_tools", "after_chatbot"])
def test_8_the_calls_that_would_run_are_decided_one_by_one(desk: Desk, agent: str):
    thread = desk.start(agent, said(MAIL, DELETE, call("look_up", word="lamp")))
    asked = desk.question(thread)
    assert (asked.kind, asked.dialect, asked.actions) == ("breakpoint", "breakpoint", 3)
    assert asked.call_ids == ["call_1", "call_2", "call_3"]
    assert desk.names(thread) == []

    desk.decide(asked, edit(to="bob", subject="Hello", urgent=False), reject("keep them"), APPROVE)

    messages = desk.tool_messages(thread)
    assert sorted(desk.names(thread)) == ["look_up", "send_email"]
    assert messages["call_1"] == "sent to bob"
    assert "keep them" in messages["call_2"]
    assert receipts([asked]) == ["applied"]


def walk(desk: Desk, thread: Thread) -> list[tuple[str, str]]:
    """Go on at every breakpoint; what each of them showed."""
    seen: list[tuple[str, str]] = []
    while (run := desk.settled(thread)).status == "interrupted":
        asked = desk.question(thread)
        seen.append((asked.node, asked.headline))
        desk.decide(asked, APPROVE)
    assert run.status == "succeeded", run.traceback
    return seen


@pytest.mark.parametrize(
    ("given", "nodes"),
    [
        ({"interrupt_before": ["third"]}, ["third"]),
        ({"interrupt_before": ["second", "third"]}, ["second", "third"]),
        ({"interrupt_before": ["*"]}, ["first", "second", "third"]),
        ({"interrupt_after": ["first"]}, ["first"]),
        ({"interrupt_after": ["*"]}, ["first", "second"]),
    ],
    ids=str,
)
def test_8_breakpoints_of_a_run_are_kept_at_every_resume(desk: Desk, given, nodes):
    thread = desk.start("steps", {"text": ""}, context={"tenant": "acme"}, **given)
    assert [node for node, _headline in walk(desk, thread)] == nodes
    deeds = desk.deeds(thread)
    assert [deed["deed"] for deed in deeds] == ["first", "second", "third"]
    assert {deed["tenant"] for deed in deeds} == {"acme"}


def test_8_a_node_is_skipped(desk: Desk):
    thread = desk.start("before_second", {"text": ""})
    asked = desk.question(thread)
    assert (asked.headline, asked.node) == ("run second", "second")
    desk.decide(asked, SKIP)
    assert desk.finished(thread)["text"] == "firstthird"
    assert desk.names(thread) == ["first", "third"]
    assert receipts([asked]) == ["applied"]


def test_8_a_breakpoint_is_passed_when_the_state_was_changed_first(desk: Desk):
    thread = desk.start("before_second", {"text": ""})
    asked = desk.question(thread)
    desk.decide(asked, APPROVE, update={"text": "changed-"})
    assert desk.finished(thread)["text"] == "changed-secondthird"
    assert desk.names(thread) == ["first", "second", "third"]


def test_8_a_thread_is_finished_at_a_breakpoint(desk: Desk):
    thread = desk.start("before_tools", said(MAIL, DELETE))
    asked = desk.question(thread)
    decisions.dismiss(
        interrupt=asked.pk, user=desk.alice, fingerprint=asked.fingerprint, reason="Too late."
    )
    desk.browser.nudge()
    messages = desk.finished(thread)["messages"]
    assert (len(messages), desk.names(thread)) == (2, [])
    assert receipts([asked]) == ["applied"]


def test_9_a_person_writes_as_the_node(desk: Desk):
    thread = desk.start("feedback", {"text": ""})
    asked = desk.question(thread)
    assert asked.node == "human_input"
    with pytest.raises(InvalidAnswer):
        desk.decide(asked, ActionDecision(DecisionType.WRITE, args={"feedback": 7}))
    desk.decide(asked, ActionDecision(DecisionType.WRITE, args={"feedback": "Shorter, please."}))
    assert desk.finished(thread) == {"text": "writepublish", "feedback": "Shorter, please."}
    assert desk.names(thread) == ["write", "publish"]
    assert desk.deeds(thread)[-1]["feedback"] == "Shorter, please."
    assert receipts([asked]) == ["applied"]
