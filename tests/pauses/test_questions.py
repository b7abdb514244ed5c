"""Rows 2, 3 and 4: questions of a tool, approvals, and answers with a schema."""

from __future__ import annotations

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import AnswerShape
from agents.services import interrupts
from reviewconsole.protocol.plain import Plain
from tests.pauses.desk import APPROVE, Desk, call, receipts, reject, said, value

pytestmark = pytest.mark.django_db(transaction=True)


def test_2_a_tool_asks_and_reads_data(desk: Desk):
    thread = desk.start("chat", said(call("human_assistance", query="Which expert?")))
    asked = desk.question(thread)
    assert (asked.dialect, asked.headline, asked.node) == ("question", "Which expert?", "tools")
    assert asked.value == {"query": "Which expert?"}
    desk.decide(asked, value("Ask Bob.", AnswerShape.DATA))
    assert desk.last_words(thread) == "It says: Ask Bob."
    assert desk.deeds(thread) == [{"deed": "human_assistance", "data": "Ask Bob."}]
    assert receipts([asked]) == ["applied"]


@pytest.mark.parametrize(
    ("decision", "received"),
    [(APPROVE, "It says: paid"), (reject(), "It says: not paid")],
    ids=["approve", "reject"],
)
def test_3_an_approval_is_read_as_true_or_false(desk: Desk, decision, received):
    thread = desk.start("chat", said(call("wire_money", amount=5, to="alice")))
    asked = desk.question(thread)
    assert (asked.dialect, asked.headline) == ("approval", "wire_money 5 → alice")
    made = desk.decide(asked, decision)
    assert desk.last_words(thread) == received
    assert made.resume == {"approved": decision is APPROVE}
    assert desk.names(thread) == (["wire_money"] if decision is APPROVE else [])


def test_4_a_model_gets_an_answer_of_its_type(desk: Desk):
    thread = desk.start("typed", {"subject": "sell"})
    asked = desk.question(thread)
    assert (asked.dialect, asked.headline) == ("typed", "May I sell?")
    with pytest.raises(InvalidAnswer):
        desk.decide(asked, value({"ok": "yes"}, AnswerShape.TYPED))
    desk.decide(asked, value({"ok": False, "note": "too cheap"}, AnswerShape.TYPED))
    assert desk.finished(thread)["answer"] == {"ok": False, "note": "too cheap"}
    assert desk.deeds(thread) == [{"deed": "typed", "type": "Choice", "ok": False}]


def test_4_a_schema_that_langgraph_does_not_check_is_checked_here(desk: Desk):
    thread = desk.start("by_schema", {"subject": "coffee"})
    asked = desk.question(thread)
    refused: list[Plain] = [{"amount": 1000}, {"amount": "7"}, {"amount": 5, "more": 1}, {}]
    for wrong in refused:
        with pytest.raises(InvalidAnswer):
            desk.decide(asked, value(wrong, AnswerShape.TYPED))
    desk.decide(asked, value({"amount": 7}, AnswerShape.TYPED))
    assert desk.finished(thread)["answer"] == {"amount": 7}


UNUSABLE = {
    "remote": {"$ref": "https://schemas.example.com/answer.json"},
    "contradictory": {"type": "string", "minLength": 5, "maxLength": 2},
    "no schema": {"type": "colour"},
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_4_a_schema_that_makes_no_form_is_answered_in_json(desk: Desk, name: str):
    thread = desk.start("by_any_schema", {"schema": UNUSABLE[name]})
    asked = desk.question(thread)
    request = interrupts.request_of(asked)
    assert (asked.dialect, request.shapes) == ("typed", (AnswerShape.JSON,))
    assert request.note.startswith("The agent's response schema cannot be used.")
    desk.decide(asked, value({"any": "thing"}))
    assert desk.finished(thread)["answer"] == {"any": "thing"}


def test_4_a_schema_that_contains_itself_is_checked_at_every_level(desk: Desk):
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "required": ["name"],
    }
    schema = {"$defs": {"node": node}, "$ref": "#/$defs/node"}
    thread = desk.start("by_any_schema", {"schema": schema})
    asked = desk.question(thread)
    nameless: Plain = {"name": "lamp", "parts": [{"name": "arm", "parts": [{}]}]}
    with pytest.raises(InvalidAnswer):
        desk.decide(asked, value(nameless, AnswerShape.TYPED))
    named: Plain = {"name": "lamp", "parts": [{"name": "arm", "parts": [{"name": "screw"}]}]}
    desk.decide(asked, value(named, AnswerShape.TYPED))
    assert desk.finished(thread)["answer"] == named


def test_1_the_shape_that_was_taken_last_is_offered_first(desk: Desk):
    """Nobody says which answer the agent reads; what it took says a little."""
    question = {"value": {"prompt": "Which colour?"}}
    thread = desk.start("any_value", question)
    asked = desk.question(thread)
    assert interrupts.request_of(asked, learned=False).shapes[0] is AnswerShape.TEXT
    desk.decide(asked, value("red", AnswerShape.DATA))
    assert desk.finished(thread)["answer"] == {"data": "red"}

    again = desk.question(desk.start("any_value", question))
    assert interrupts.request_of(again).shapes[0] is AnswerShape.DATA


def test_17_a_value_of_no_known_form_says_so(desk: Desk):
    asked = desk.question(desk.start("any_value", {"value": {"kind": "vote", "options": [1, 2]}}))
    request = interrupts.request_of(asked)
    assert (asked.dialect, request.value) == ("raw", {"kind": "vote", "options": [1, 2]})
    assert request.note.startswith("The console knows no form for this shape.")
