"""LangChain's batched review: a decision for each call, in order, or nothing at all."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, DecisionType, answer, read
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType

EMAIL: Arguments = {"to": ["alice@example.com"], "subject": "Offer", "cc": None}
TOOLS = [
    {
        "name": "send_email",
        "description": "Send an e-mail.",
        "args_schema": {
            "type": "object",
            "properties": {
                "to": {"type": "array", "items": {"type": "string"}},
                "subject": {"type": "string", "minLength": 1},
                "cc": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["to", "subject"],
        },
    }
]


def request_of(*calls, configs=None, tools=TOOLS):
    """The request of (name, args, allowed decisions) triples, as the middleware words them."""
    value: Plain = {
        "action_requests": [
            {"name": name, "args": args, "description": f"Tool: {name}"} for name, args, _ in calls
        ],
        "review_configs": configs
        or [{"action_name": name, "allowed_decisions": allowed} for name, _, allowed in calls],
    }
    return read(value, kind="interrupt", tools=tools)


def both():
    return request_of(
        ("send_email", EMAIL, ["approve", "edit", "reject", "respond"]),
        ("delete_file", {"path": "/r"}, ["approve", "reject"]),
    )


def test_each_call_is_an_action():
    email, delete = both().actions
    assert (email.name, email.args, email.description) == ("send_email", EMAIL, "Tool: send_email")
    assert email.allowed == (APPROVE, EDIT, REJECT, RESPOND)
    assert email.args_schema == TOOLS[0]["args_schema"]
    assert (delete.args, delete.args_schema) == ({"path": "/r"}, None)
    assert delete.allowed == (APPROVE, REJECT)


def test_the_headline_is_the_first_call_and_how_many_more():
    assert both().headline == "send_email → alice@example.com and 1 more"


@pytest.mark.parametrize(
    ("decision", "sent"),
    [
        (ActionDecision(APPROVE), {"type": "approve"}),
        (
            ActionDecision(EDIT, args={**EMAIL, "subject": "Better offer"}),
            {
                "type": "edit",
                "edited_action": {
                    "name": "send_email",
                    "args": {**EMAIL, "subject": "Better offer"},
                },
            },
        ),
        (ActionDecision(REJECT, message="Why?"), {"type": "reject", "message": "Why?"}),
        (ActionDecision(REJECT), {"type": "reject"}),
        (ActionDecision(RESPOND, message="Sent."), {"type": "respond", "message": "Sent."}),
    ],
)
def test_decisions_are_sent_by_position(decision, sent):
    resume = answer(both(), [decision, ActionDecision(REJECT, message="No.")]).resume
    assert resume == {"decisions": [sent, {"type": "reject", "message": "No."}]}


def test_the_summary_tells_every_decision():
    args: Arguments = {"to": ["bob@example.com"], "subject": "Offer", "cc": None}
    decisions = [ActionDecision(EDIT, args=args), ActionDecision(REJECT, message="wrong file")]
    assert answer(both(), decisions).summary == (
        "edited send_email (to.0); rejected delete_file: wrong file"
    )


@pytest.mark.parametrize(
    ("decisions", "errors"),
    [
        ([], {"actions": "Needs 2 decisions, got 0."}),
        ([ActionDecision(APPROVE)], {"actions": "Needs 2 decisions, got 1."}),
        (
            [ActionDecision(APPROVE), ActionDecision(EDIT, args={})],
            {"actions.1.type": "edit is not allowed for delete_file; allowed: approve, reject."},
        ),
        (
            [ActionDecision(EDIT), ActionDecision(APPROVE)],
            {"actions.0.args": "An edit needs all arguments, as an object."},
        ),
        (
            [ActionDecision(EDIT, args={"to": "bob", "subject": ""}), ActionDecision(APPROVE)],
            {
                "actions.0.args.to": "Must be a list.",
                "actions.0.args.subject": "Must have at least 1 character.",
            },
        ),
        (
            [ActionDecision(EDIT, args={"to": ["\ud800"]}), ActionDecision(APPROVE)],
            {
                "actions.0.args.subject": "Is required.",
                "actions.0.args.to.0": "Holds half of a character pair and would be stored as '?'.",
            },
        ),
        (
            [ActionDecision(RESPOND, message="  "), ActionDecision(APPROVE)],
            {
                "actions.0.message": (
                    "Write the answer: the agent takes it as the result of the call."
                )
            },
        ),
        (
            [ActionDecision(APPROVE, args=EMAIL, message="fine"), ActionDecision(APPROVE)],
            {
                "actions.0.args": "Does not belong to approve and would be lost.",
                "actions.0.message": "Does not belong to approve and would be lost.",
            },
        ),
    ],
)
def test_what_the_middleware_would_choke_on_is_refused_first(decisions, errors):
    with pytest.raises(InvalidAnswer) as refusal:
        answer(both(), decisions)
    assert refusal.value.errors == errors


@pytest.mark.parametrize(
    "value",
    [
        {"action_requests": [], "review_configs": []},
        {"action_requests": [{"name": "t", "args": {}}]},
        {"action_requests": [{"name": "t", "args": {}}], "review_configs": []},
        {
            "action_requests": [{"name": "t", "args": "x"}],
            "review_configs": [{"action_name": "t", "allowed_decisions": ["approve"]}],
        },
        {
            "action_requests": [{"name": "t", "args": {}}],
            "review_configs": [{"action_name": "t", "allowed_decisions": ["escalate"]}],
        },
        {
            "action_requests": [{"name": "t", "args": {}}, None],
            "review_configs": [{"action_name": "t", "allowed_decisions": ["approve"]}],
        },
    ],
)
def test_what_is_not_exactly_a_review_is_raw(value):
    assert read(value, kind="interrupt").dialect == "raw"


def test_two_configurations_of_one_tool_allow_what_both_allow():
    request = request_of(
        ("t", {"n": 1}, []),
        ("t", {"n": 2}, []),
        configs=[
            {"action_name": "t", "allowed_decisions": ["reject", "approve"]},
            {"action_name": "t", "allowed_decisions": ["edit", "reject"]},
        ],
    )
    assert [action.allowed for action in request.actions] == [(REJECT,), (REJECT,)]


def test_an_unusable_argument_schema_is_not_used_and_told():
    tools = [{"name": "t", "args_schema": {"properties": {"a": {"$ref": "file:///etc/passwd"}}}}]
    (action,) = request_of(("t", {}, ["edit"]), tools=tools).actions
    assert action.args_schema is None
    assert action.schema_problem == (
        "It refers to 'file:///etc/passwd', which is not a part of it."
    )


def test_two_tools_of_one_name_are_told_apart_by_nobody():
    tools = [{"name": "t", "args_schema": {"type": "object", "title": t}} for t in ("A", "B")]
    (action,) = request_of(("t", {}, ["edit"]), tools=tools).actions
    assert action.args_schema is None
    assert action.schema_problem == (
        "The agent has several tools named t, with different arguments."
    )
