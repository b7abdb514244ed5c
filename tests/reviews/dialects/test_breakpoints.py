"""A static breakpoint: decide its calls, or let its node run."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, DecisionType, answer, read
from reviewconsole.protocol.plain import Plain

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType

CALLS = [
    {"id": "c1", "name": "send_email", "args": {"to": "alice@example.com"}},
    {"id": "c2", "name": "send_email", "args": {"to": "bob@example.com"}},
]


STATE = {
    "properties": {
        "note": {"default": None, "type": "string"},
        "order": {"default": None, "$ref": "#/$defs/Order"},
        "thing": {"default": None, "$ref": "https://example.com/s"},
    },
    "$defs": {"Order": {"type": "object", "properties": {"id": {"type": "integer"}}}},
}


def pause(calls, *, when="before", nodes=("tools",), state_schema=None):
    value: Plain = {"breakpoint": when, "nodes": list(nodes), "tool_calls": calls}
    return read(value, kind="breakpoint", state_schema=state_schema)


def written(values, state_schema=STATE):
    request = pause([], nodes=["ask"], state_schema=state_schema)
    return answer(request, [ActionDecision(WRITE, args=values)])


def test_the_calls_that_would_run_are_the_actions():
    request = pause(CALLS)
    assert [(a.call_id, a.name, a.args) for a in request.actions] == [
        ("c1", "send_email", {"to": "alice@example.com"}),
        ("c2", "send_email", {"to": "bob@example.com"}),
    ]
    assert {action.allowed for action in request.actions} == {(APPROVE, EDIT, REJECT)}
    assert request.headline == "send_email → alice@example.com and 1 more"


def test_decisions_are_sent_by_call_id():
    decisions = [ActionDecision(EDIT, args={"to": "carol@example.com"}), ActionDecision(APPROVE)]
    assert answer(pause(CALLS), decisions).resume == {
        "calls": [
            {"id": "c1", "type": "edit", "args": {"to": "carol@example.com"}},
            {"id": "c2", "type": "approve"},
        ]
    }
    assert answer(pause(CALLS[:1]), [ActionDecision(REJECT, message="No.")]).resume == {
        "calls": [{"id": "c1", "type": "reject", "message": "No."}]
    }


@pytest.mark.parametrize(
    ("when", "nodes", "name", "headline", "allowed"),
    [
        ("before", ["deploy"], "deploy", "run deploy", (APPROVE, SKIP, WRITE)),
        ("after", ["deploy"], "deploy", "continue with deploy", (APPROVE, SKIP, WRITE)),
        ("before", ["a", "b"], "a, b", "run a, b", (APPROVE,)),
        ("after", [], "breakpoint", "go on", (APPROVE,)),
    ],
)
def test_without_calls_it_is_the_nodes_that_wait(when, nodes, name, headline, allowed):
    request = pause([], when=when, nodes=nodes)
    (action,) = request.actions
    assert (action.name, action.allowed, request.headline) == (name, allowed, headline)
    sent = answer(request, [ActionDecision(APPROVE)])
    assert (sent.resume, sent.then) == ({"calls": []}, "run")


def test_a_node_that_waits_alone_is_skipped():
    sent = answer(pause([], nodes=["deploy"]), [ActionDecision(SKIP)])
    assert (sent.resume, sent.then, sent.summary) == (None, "skip", "skipped deploy")


def test_what_does_not_belong_to_a_decision_is_refused():
    with pytest.raises(InvalidAnswer) as refusal:
        answer(pause([], nodes=["deploy"]), [ActionDecision(SKIP, args={}, message="Later.")])
    assert refusal.value.errors == {
        "actions.0.args": "Does not belong to skip and would be lost.",
        "actions.0.message": "Does not belong to skip and would be lost.",
    }


def test_a_person_writes_as_the_node():
    sent = written({"note": "Go on.", "order": {"id": 7}})
    assert (sent.resume, sent.then) == ({"note": "Go on.", "order": {"id": 7}}, "write")
    assert sent.summary == 'wrote as ask: {"note": "Go on.", "order": {"id": 7}}'
    assert written({"anything": [1, b"x"]}, None).resume == {"anything": [1, b"x"]}


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        (None, {"actions.0.args": "Name what ask would have written, or skip it."}),
        ({}, {"actions.0.args": "Name what ask would have written, or skip it."}),
        ({"notes": "Go on."}, {"actions.0.args.notes": "Is not known here."}),
        ({"note": 1}, {"actions.0.args.note": "Must be text."}),
        ({"order": {"id": "7"}}, {"actions.0.args.order.id": "Must be a whole number."}),
        (
            {"thing": [2**64]},
            {"actions.0.args.thing.0": "Needs more than 64 bits and cannot be stored."},
        ),
    ],
)
def test_what_the_state_would_not_take_is_refused(values, errors):
    with pytest.raises(InvalidAnswer) as refusal:
        written(values)
    assert refusal.value.errors == errors


def test_where_calls_wait_the_node_itself_is_not_decided():
    (action,) = pause(CALLS[:1], state_schema=STATE).actions
    assert (action.allowed, action.write_schema) == ((APPROVE, EDIT, REJECT), None)


def test_responding_is_not_offered():
    with pytest.raises(InvalidAnswer) as refusal:
        answer(pause(CALLS[:1]), [ActionDecision(RESPOND, message="Done.")])
    assert refusal.value.errors == {
        "actions.0.type": "respond is not allowed for send_email; allowed: approve, edit, reject."
    }


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"breakpoint": "during", "nodes": [], "tool_calls": []},
        {"breakpoint": "before", "nodes": [7], "tool_calls": []},
        {"breakpoint": "before", "nodes": ["t"], "tool_calls": [{"id": None, "name": "t"}]},
        {"breakpoint": "before", "nodes": ["t"], "tool_calls": [CALLS[0], CALLS[0]]},
    ],
)
def test_what_cannot_be_read_allows_nothing(value):
    request = read(value, kind="breakpoint")
    assert request.note
    for decision in DecisionType:
        with pytest.raises(InvalidAnswer):
            answer(request, [ActionDecision(decision)])
