"""One call, one pause: what may be decided and how arguments are edited stands in its schema."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, DecisionType, answer, read
from agents.reviews.request import Arguments, Schema

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType

ARGS: Arguments = {"to": "alice@example.com", "subject": "Offer"}
VALUE: Arguments = {
    "type": "tool_approval",
    "tool_call_id": "c1",
    "name": "send_email",
    "args": ARGS,
    "description": "Tool execution requires approval",
}
# What langchain 1.4 publishes for a tool that allows everything; see the contract test.
SCHEMA: Schema = {
    "$defs": {
        "ApproveDecision": {
            "properties": {"type": {"const": "approve", "type": "string"}},
            "required": ["type"],
            "type": "object",
        },
        "EditDecision": {
            "properties": {
                "type": {"const": "edit", "type": "string"},
                "edited_action": {"$ref": "#/$defs/EditedAction"},
            },
            "required": ["type", "edited_action"],
            "type": "object",
        },
        "EditedAction": {
            "properties": {
                "name": {"const": "send_email", "type": "string"},
                "args": {"$ref": "#/$defs/send_email"},
            },
            "required": ["name", "args"],
            "type": "object",
        },
        "RejectDecision": {
            "properties": {
                "type": {"const": "reject", "type": "string"},
                "message": {"type": "string"},
            },
            "required": ["type"],
            "type": "object",
        },
        "RespondDecision": {
            "properties": {
                "type": {"const": "respond", "type": "string"},
                "message": {"type": "string"},
            },
            "required": ["type", "message"],
            "type": "object",
        },
        "send_email": {
            "properties": {
                "to": {"type": "string"},
                "subject": {"type": "string"},
                "urgent": {"type": "boolean", "default": False},
                "order": {"$ref": "#/$defs/Order"},
            },
            "required": ["to", "subject"],
            "type": "object",
        },
        "Order": {"type": "object", "properties": {"id": {"type": "integer"}}},
    },
    "discriminator": {"propertyName": "type"},
    "oneOf": [
        {"$ref": "#/$defs/ApproveDecision"},
        {"$ref": "#/$defs/EditDecision"},
        {"$ref": "#/$defs/RejectDecision"},
        {"$ref": "#/$defs/RespondDecision"},
    ],
}


def request_of(value=VALUE, schema=SCHEMA, tools=()):
    return read(value, kind="interrupt", response_schema=schema, tools=tools)


def with_definition(name, definition):
    return {**SCHEMA, "$defs": {**SCHEMA["$defs"], name: definition}}


def test_the_call_is_the_action():
    request = request_of()
    (action,) = request.actions
    assert (request.dialect, request.headline) == ("per_call", "send_email → alice@example.com")
    assert (action.name, action.args, action.call_id) == ("send_email", ARGS, "c1")
    assert action.description == "Tool execution requires approval"
    assert action.allowed == (APPROVE, EDIT, REJECT, RESPOND)
    assert not request.is_question


def test_arguments_are_edited_by_the_schema_of_the_pause_itself():
    tools = [{"name": "send_email", "args_schema": {"properties": {"other": {}}}}]
    (action,) = request_of(tools=tools).actions
    assert action.args_schema == {
        "$ref": "#/$defs/send_email",
        "$defs": {name: SCHEMA["$defs"][name] for name in ("send_email", "Order")},
    }


def test_where_the_pause_says_any_object_the_tool_list_is_asked():
    bare = with_definition("send_email", {"type": "object", "title": "Args"})
    tools = [{"name": "send_email", "args_schema": {"properties": {"to": {"type": "string"}}}}]
    assert request_of(schema=bare).actions[0].args_schema is None
    assert request_of(schema=bare, tools=tools).actions[0].args_schema == tools[0]["args_schema"]


def test_a_single_decision_needs_no_union():
    branch = {**SCHEMA["$defs"]["RespondDecision"], "$defs": {}}
    assert request_of(schema=branch).actions[0].allowed == (RESPOND,)


def test_the_gate_of_the_console_asks_the_same_way():
    request = request_of({**VALUE, "description": "", "tool_call_id": None, "gate": "console"})
    assert (request.dialect, request.actions[0].call_id) == ("per_call", None)


@pytest.mark.parametrize(
    ("decision", "resume"),
    [
        (ActionDecision(APPROVE), {"type": "approve"}),
        (
            ActionDecision(EDIT, args={**ARGS, "order": {"id": 2**60}}),
            {
                "type": "edit",
                "edited_action": {"name": "send_email", "args": {**ARGS, "order": {"id": 2**60}}},
            },
        ),
        (ActionDecision(REJECT), {"type": "reject"}),
        (ActionDecision(REJECT, message="No."), {"type": "reject", "message": "No."}),
        (ActionDecision(RESPOND, message="Sent."), {"type": "respond", "message": "Sent."}),
    ],
)
def test_one_decision_is_sent(decision, resume):
    sent = answer(request_of(), [decision])
    assert (sent.resume, sent.then) == (resume, "run")


@pytest.mark.parametrize(
    ("args", "errors"),
    [
        ({"to": "a"}, {"actions.0.args.subject": "Is required."}),
        ({**ARGS, "urgent": "no"}, {"actions.0.args.urgent": "Must be true or false."}),
        ({**ARGS, "order": {"id": True}}, {"actions.0.args.order.id": "Must be a whole number."}),
    ],
)
def test_an_edit_is_checked_more_strictly_than_langgraph_does(args, errors):
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request_of(), [ActionDecision(EDIT, args=args)])
    assert refusal.value.errors == errors


def test_what_the_schema_demands_beyond_the_format_is_demanded():
    rejection = {**SCHEMA["$defs"]["RejectDecision"], "required": ["type", "message"]}
    request = request_of(schema=with_definition("RejectDecision", rejection))
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request, [ActionDecision(REJECT)])
    assert refusal.value.errors == {"actions.0.message": "Is required."}


def test_a_decision_the_console_does_not_know_is_not_offered():
    branch = {"properties": {"type": {"const": "escalate"}}, "required": ["type"]}
    listed = {**SCHEMA, "oneOf": [branch, {"$ref": "#/$defs/RejectDecision"}]}
    assert request_of(schema=listed).actions[0].allowed == (REJECT,)


def test_an_unusable_argument_schema_leaves_the_decisions():
    remote = {"properties": {"to": {"$ref": "https://example.com/s"}}}
    request = request_of(schema=with_definition("send_email", remote))
    (action,) = request.actions
    assert (action.args_schema, action.allowed) == (None, (APPROVE, EDIT, REJECT, RESPOND))
    assert action.schema_problem == (
        "It refers to 'https://example.com/s', which is not a part of it."
    )
    assert answer(request, [ActionDecision(APPROVE)]).resume == {"type": "approve"}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (VALUE, None),
        (VALUE, {}),
        (VALUE, {"type": "object", "properties": {"ok": {"type": "boolean"}}}),
        (VALUE, {"oneOf": [{"$ref": "#/$defs/Gone"}]}),
        ({**VALUE, "name": "delete_file"}, SCHEMA),
        ({**VALUE, "type": "approval"}, SCHEMA),
        ({**VALUE, "args": "x"}, SCHEMA),
        ({**VALUE, "tool_call_id": 1}, SCHEMA),
    ],
)
def test_what_is_not_exactly_an_approval_is_not_taken_for_one(value, schema):
    assert request_of(value, schema).dialect in ("typed", "raw")
