"""A call that may have run: what people are told, and what each decision sends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, AnswerShape, DecisionType, Doubt, answer, read
from agents.reviews.request import DoubtKind

STARTED = datetime(2026, 11, 22, 12, 3, tzinfo=UTC)
DOUBT: dict[str, Any] = {
    "effect": 7,
    "tool": "refund",
    "started_at": STARTED.isoformat(),
    "runner": "host-1",
    "what": "no_end",
    "error": "",
}
QUESTION: dict[str, Any] = {
    "type": "tool_approval",
    "tool_call_id": "call_0",
    "name": "refund",
    "args": {"order": 8812, "amount": 120.0, "currency": "EUR"},
    "description": "",
    "gate": "console",
    "doubt": DOUBT,
}


def one(kind: str, **more: Any) -> dict[str, Any]:
    """One branch of the response schema."""
    properties = {"type": {"const": kind}, **more}
    return {"type": "object", "properties": properties, "required": ["type"]}


SCHEMA: Any = {
    "oneOf": [one("approve"), one("reject", message={"type": "string"}), one("respond", message={})]
}


def asked(is_doubted: bool = True, **changes: Any) -> Any:
    value: Any = QUESTION | changes
    return read(value, kind="interrupt", response_schema=SCHEMA, is_doubted=is_doubted)


def test_it_says_what_may_have_run_where_and_when():
    request = asked()
    (action,) = request.actions
    assert request.dialect == "in_doubt"
    assert request.headline == "May have run: refund 120.00 EUR"
    assert action.allowed == ("approve", "respond", "reject")
    assert action.doubt == Doubt(7, STARTED, "host-1", DoubtKind.NO_END, "")


@pytest.mark.parametrize(
    ("decision", "sent", "summary"),
    [
        (ActionDecision(DecisionType.APPROVE), {"type": "approve"}, "let refund run again"),
        (
            ActionDecision(DecisionType.RESPOND, message="refunded"),
            {"type": "respond", "message": "refunded"},
            "gave the result of refund: refunded",
        ),
        (
            ActionDecision(DecisionType.RESPOND, answer={"id": 5}, shape=AnswerShape.JSON),
            {"type": "respond", "message": {"id": 5}},
            'gave the result of refund: {"id": 5}',
        ),
        (
            ActionDecision(DecisionType.RESPOND, answer=None, shape=AnswerShape.JSON),
            {"type": "respond", "message": None},
            "gave the result of refund: null",
        ),
        (
            ActionDecision(DecisionType.REJECT, message="it is booked"),
            {"type": "reject", "message": "it is booked"},
            "kept refund from running again: it is booked",
        ),
        (
            ActionDecision(DecisionType.REJECT),
            {"type": "reject"},
            "kept refund from running again",
        ),
    ],
)
def test_what_is_sent(decision, sent, summary):
    made = answer(asked(), [decision])
    assert (made.resume, made.summary) == (sent, summary)


@pytest.mark.parametrize(
    ("decision", "path"),
    [
        (ActionDecision(DecisionType.EDIT, args={}), "actions.0.type"),
        (ActionDecision(DecisionType.RESPOND), "actions.0.message"),
        (
            ActionDecision(DecisionType.RESPOND, message="x", shape=AnswerShape.JSON),
            "actions.0.message",
        ),
        (ActionDecision(DecisionType.RESPOND, answer=1), "actions.0.answer"),
        (
            ActionDecision(DecisionType.RESPOND, answer=2**64, shape=AnswerShape.JSON),
            "actions.0.message",
        ),
    ],
)
def test_what_cannot_be_sent(decision, path):
    with pytest.raises(InvalidAnswer) as refused:
        answer(asked(), [decision])
    assert path in refused.value.errors


@pytest.mark.parametrize(
    "changes",
    [
        {"is_doubted": False},
        {"doubt": None},
        {"doubt": {**DOUBT, "what": "other"}},
        {"doubt": {**DOUBT, "started_at": "noon"}},
        {"doubt": {**DOUBT, "effect": "7"}},
    ],
)
def test_what_is_not_of_the_consoles_form_is_a_usual_review(changes):
    request = asked(**changes)
    assert (request.dialect, request.actions[0].doubt, request.note) == ("per_call", None, "")
