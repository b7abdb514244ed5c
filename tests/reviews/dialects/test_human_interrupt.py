"""The older inbox's requests: one, several, or their JSON text; the answer is always a list."""

import json

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, DecisionType, answer, read
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType

ARGS: Arguments = {"to": "alice@example.com", "copies": 1}
REQUEST: Arguments = {
    "action_request": {"action": "send_email", "args": ARGS},
    "config": {
        "allow_ignore": True,
        "allow_respond": True,
        "allow_edit": True,
        "allow_accept": True,
    },
    "description": "Please review",
}
DELETE: Arguments = {"action": "delete_file", "args": {}}
TEXT: Arguments = {"action": "t", "args": "x"}
NAMELESS: Arguments = {"action": "", "args": {}}
SEVERAL: list[Plain] = [REQUEST, {**REQUEST, "action_request": DELETE}]


@pytest.mark.parametrize(
    "value", [REQUEST, [REQUEST], json.dumps(REQUEST), json.dumps([REQUEST])], ids=ascii
)
def test_every_form_is_one_call(value):
    request = read(value, kind="interrupt")
    (action,) = request.actions
    assert (request.dialect, request.value) == ("human_interrupt", value)
    assert request.headline == "send_email → alice@example.com"
    assert (action.name, action.args, action.description) == ("send_email", ARGS, "Please review")
    assert action.allowed == (APPROVE, EDIT, REJECT, RESPOND)


@pytest.mark.parametrize(
    ("flags", "allowed"),
    [
        ({"allow_accept": True}, (APPROVE,)),
        ({"allow_respond": True, "allow_edit": False}, (RESPOND,)),
        ({"allow_ignore": True, "allow_edit": True}, (EDIT, REJECT)),
    ],
)
def test_the_flags_say_what_is_allowed(flags, allowed):
    (action,) = read({**REQUEST, "config": flags}, kind="interrupt").actions
    assert action.allowed == allowed


@pytest.mark.parametrize(
    ("decision", "sent"),
    [
        (ActionDecision(APPROVE), {"type": "accept", "args": None}),
        (
            ActionDecision(EDIT, args={**ARGS, "copies": 2}),
            {"type": "edit", "args": {"action": "send_email", "args": {**ARGS, "copies": 2}}},
        ),
        (ActionDecision(REJECT), {"type": "ignore", "args": None}),
        (ActionDecision(RESPOND, message="Ask Bob."), {"type": "response", "args": "Ask Bob."}),
    ],
)
@pytest.mark.parametrize("value", [REQUEST, [REQUEST], json.dumps(REQUEST)], ids=ascii)
def test_the_answer_is_a_list_of_one(value, decision, sent):
    assert answer(read(value, kind="interrupt"), [decision]).resume == [sent]


def test_several_requests_get_an_answer_each():
    request = read(SEVERAL, kind="interrupt")
    assert [action.name for action in request.actions] == ["send_email", "delete_file"]
    decisions = [ActionDecision(APPROVE), ActionDecision(REJECT)]
    assert answer(request, decisions).resume == [
        {"type": "accept", "args": None},
        {"type": "ignore", "args": None},
    ]


def test_a_reason_that_would_be_lost_is_refused():
    with pytest.raises(InvalidAnswer) as refusal:
        answer(read(REQUEST, kind="interrupt"), [ActionDecision(REJECT, message="Wrong file.")])
    assert refusal.value.errors == {
        "actions.0.message": "The agent would not see a reason. Leave it out, or respond."
    }
    silent: Arguments = {**REQUEST, "config": {"allow_ignore": True}}
    with pytest.raises(InvalidAnswer) as refusal:
        answer(read(silent, kind="interrupt"), [ActionDecision(REJECT, message="Wrong file.")])
    assert refusal.value.errors == {
        "actions.0.message": "The agent would not see a reason. Leave it out."
    }


def test_the_arguments_are_edited_by_the_schema_of_the_tool():
    tools: list[Arguments] = [
        {"name": "send_email", "args_schema": {"properties": {"copies": {"maximum": 1}}}}
    ]
    request = read(REQUEST, kind="interrupt", tools=tools)
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request, [ActionDecision(EDIT, args={"copies": 2})])
    assert refusal.value.errors == {"actions.0.args.copies": "Must be 1 or less."}


@pytest.mark.parametrize(
    ("value", "dialect"),
    [
        ([], "raw"),
        ([REQUEST, "and more"], "raw"),
        ({**REQUEST, "config": {}}, "raw"),
        ({**REQUEST, "config": {"allow_accept": "yes"}}, "raw"),
        ({**REQUEST, "config": {"allow_accept": True, "allow_other": True}}, "raw"),
        ({**REQUEST, "deadline": 1}, "raw"),
        ({**REQUEST, "description": 1}, "raw"),
        ({**REQUEST, "action_request": TEXT}, "raw"),
        ({**REQUEST, "action_request": NAMELESS}, "raw"),
        ('{"action_request": ', "question"),
        ('Look at "action_request".', "question"),
        ('{"action_request": ' + "[" * 100_000, "question"),
        ('"action_request"' * 2, "question"),
    ],
    ids=[
        "none",
        "one-is-no-request",
        "no-flag",
        "flag-is-text",
        "unknown-flag",
        "unknown-key",
        "description-is-a-number",
        "args-are-text",
        "no-name",
        "half",
        "prose",
        "deep",
        "texts",
    ],
)
def test_what_is_not_exactly_a_request_is_not_taken_for_one(value, dialect):
    assert read(value, kind="interrupt").dialect == dialect


def test_a_response_schema_says_what_the_agent_reads_instead():
    assert read(REQUEST, kind="interrupt", response_schema={}).dialect == "typed"
