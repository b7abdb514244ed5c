"""A tool that asks before it acts: approved or not, and never an edit it would ignore."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, AnswerShape, DecisionType, answer, read
from agents.reviews.request import Arguments

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType

VALUE: Arguments = {
    "action": "refund",
    "args": {"order_id": 8812, "amount": 120.0, "currency": "EUR"},
    "message": "Refund this order?",
}


def test_the_call_is_the_action():
    request = read(VALUE, kind="interrupt")
    (action,) = request.actions
    assert (request.dialect, request.headline) == ("approval", "refund 120.00 EUR #8812")
    assert (action.name, action.args, action.description) == (
        "refund",
        VALUE["args"],
        "Refund this order?",
    )
    assert (action.allowed, action.call_id) == ((APPROVE, REJECT), None)


@pytest.mark.parametrize("decision", [APPROVE, REJECT])
def test_the_agent_hears_whether_it_was_approved(decision):
    resume = answer(read(VALUE, kind="interrupt"), [ActionDecision(decision)]).resume
    assert resume == {"approved": decision is APPROVE}


def test_the_call_may_be_named():
    (action,) = read({**VALUE, "tool_call_id": "c1"}, kind="interrupt").actions
    assert action.call_id == "c1"


@pytest.mark.parametrize(
    ("decision", "errors"),
    [
        (
            ActionDecision(EDIT, args={}),
            {"actions.0.type": "edit is not allowed for refund; allowed: approve, reject."},
        ),
        (
            ActionDecision(REJECT, message="No."),
            {"actions.0.message": "The agent would not see a reason. Leave it out."},
        ),
    ],
)
def test_what_the_agent_would_ignore_is_refused(decision, errors):
    with pytest.raises(InvalidAnswer) as refusal:
        answer(read(VALUE, kind="interrupt"), [decision])
    assert refusal.value.errors == errors


def test_the_guess_is_told_and_can_be_left():
    request = read(VALUE, kind="interrupt")
    assert (request.guessed, '{"approved": true}' in request.note) == (True, True)
    free = read(VALUE, kind="interrupt", raw=True)
    decision = ActionDecision(RESPOND, answer={"ok": 1}, shape=AnswerShape.JSON)
    assert (free.dialect, answer(free, [decision]).resume) == ("raw", {"ok": 1})


@pytest.mark.parametrize(
    "value",
    [
        {"action": "refund", "args": {}},
        {**VALUE, "args": []},
        {**VALUE, "message": None},
        {**VALUE, "action": ""},
        {**VALUE, "options": ["yes", "no"]},
        {**VALUE, "tool_call_id": 7},
    ],
)
def test_what_merely_resembles_it_is_raw(value):
    assert read(value, kind="interrupt").dialect == "raw"


def test_a_response_schema_says_what_the_agent_reads_instead():
    assert read(VALUE, kind="interrupt", response_schema={}).dialect == "typed"
