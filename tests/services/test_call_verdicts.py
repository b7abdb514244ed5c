"""Call verdicts: what a decision says about each call whose id is known."""

import pytest

from agents.models import CallVerdict
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.reviews.request import Arguments
from agents.services import decisions
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.plain import Plain
from tests.factories import (
    APPROVE,
    EMAIL,
    REFUND,
    breakpoint_before,
    decide,
    make_interrupt,
    pause,
    respond,
    start_run,
    tool_review,
)

EDITED = {**EMAIL, "to": "bob@example.com"}
EDIT = ActionDecision(DecisionType.EDIT, args=EDITED)
REJECT = ActionDecision(DecisionType.REJECT, message="wrong customer")
REPLY = ActionDecision(DecisionType.RESPOND, message="I have sent it myself.")
GATED: Arguments = {
    "type": "tool_approval",
    "tool_call_id": "call-1",
    "name": "send_email",
    "args": EMAIL,
}
SCHEMA = {
    "oneOf": [
        {"type": "object", "properties": {"type": {"const": kind}}, "required": ["type"]}
        for kind in ("approve", "reject")
    ]
}


def verdicts():
    rows = CallVerdict.objects.order_by("pk")
    return list(rows.values_list("call_id", "tool", "type", "digest"))


@pytest.mark.parametrize(
    ("made", "type", "args"),
    [
        (APPROVE, "approve", EMAIL),
        (EDIT, "edit", EDITED),
        (REJECT, "reject", EMAIL),
        (REPLY, "reject", EMAIL),
    ],
    ids=["approve", "edit", "reject", "respond"],
)
def test_what_may_run_of_a_call(alice, made, type, args):
    asked = make_interrupt(tool_review(), call_ids=("call-1",))
    decision = decide(asked, alice, made)
    assert verdicts() == [("call-1", "send_email", type, question_digest(args))]
    (verdict,) = decision.calls.all()
    assert verdict.thread == asked.thread


def test_each_call_of_several_and_one_whose_id_is_unknown(alice):
    value = tool_review(("refund", REFUND), ("send_email", EMAIL), ("refund", REFUND))
    asked = make_interrupt(value, call_ids=("call-1", "", "call-3"))
    decide(asked, alice, REJECT, APPROVE, APPROVE)
    assert [row[:3] for row in verdicts()] == [
        ("call-1", "refund", "reject"),
        ("", "send_email", "approve"),
        ("call-3", "refund", "approve"),
    ]


def test_the_calls_of_a_breakpoint(alice):
    value = breakpoint_before(("send_email", EMAIL))
    decide(make_interrupt(value, kind="breakpoint", call_ids=("call_0",)), alice, EDIT)
    assert verdicts() == [("call_0", "send_email", "edit", question_digest(EDITED))]


@pytest.mark.parametrize(("made", "type"), [(REJECT, "reject"), (APPROVE, "approve")])
def test_what_is_said_counts_without_an_id(alice, made, type):
    asked = make_interrupt(tool_review(("refund", REFUND)), call_ids=("",))
    decide(asked, alice, made)
    assert verdicts() == [("", "refund", type, question_digest(REFUND))]


def test_fewer_ids_than_calls(alice):
    value = tool_review(("refund", REFUND), ("send_email", EMAIL))
    decide(make_interrupt(value, call_ids=("call-1",)), alice)
    assert [row[0] for row in verdicts()] == ["call-1", ""]


def test_an_id_that_only_the_agent_claims_counts_for_nothing(alice):
    value: Plain = {
        "action": "refund",
        "args": REFUND,
        "message": "Sure?",
        "tool_call_id": "call-1",
    }
    decide(make_interrupt(value), alice, APPROVE)
    assert verdicts() == [("", "refund", "approve", question_digest(REFUND))]


def test_a_question_that_the_running_call_asks_itself(alice):
    """The call runs again to read the answer: a verdict would keep it from that."""
    origin = {"tool": "send_email", "call_id": "call-1"}
    asked = make_interrupt(tool_review(), call_ids=("call-1",), origin=origin)
    decide(asked, alice, ActionDecision(DecisionType.REJECT))
    assert verdicts() == []


def test_a_question_of_the_consoles_own_gate_is_about_the_call(alice):
    origin = {"tool": "send_email", "call_id": "call-1"}
    value: Plain = {**GATED, "gate": "console"}
    asked = make_interrupt(value, response_schema=SCHEMA, call_ids=("call-1",), origin=origin)
    assert asked.dialect == "per_call"
    decide(asked, alice, ActionDecision(DecisionType.REJECT))
    assert verdicts() == [("call-1", "send_email", "reject", question_digest(EMAIL))]


def test_an_answer_in_words_is_about_no_call(alice):
    decide(make_interrupt("Sure?", call_ids=("call-1",)), alice)
    assert verdicts() == []


def test_an_answer_in_json_instead_is_about_no_call(alice):
    value: Plain = {"action": "refund", "args": REFUND, "message": "Sure?"}
    (asked,) = pause(start_run(), value, call_ids=("call-1",))
    made = ActionDecision(DecisionType.RESPOND, answer=True, shape=AnswerShape.JSON)
    decisions.submit(
        interrupt=asked.pk, user=alice, fingerprint=asked.fingerprint, decisions=[made], raw=True
    )
    assert verdicts() == []


def test_the_newest_decision_on_a_call_stands_last(alice):
    run = decide(make_interrupt(tool_review(), call_ids=("call-1",)), alice, REJECT).run
    (anew,) = pause(run, tool_review(), call_ids=("call-1",), refused="another question")
    decide(anew, alice, APPROVE)
    assert [row[2] for row in verdicts()] == ["reject", "approve"]
    assert CallVerdict.objects.first().decision.interrupt == anew


def test_a_question_without_calls(alice):
    decide(make_interrupt(), alice, respond())
    assert verdicts() == []
