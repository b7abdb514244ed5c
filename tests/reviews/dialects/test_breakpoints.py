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


def pause(calls, *, when="before", nodes=("tools",)):
    value: Plain = {"breakpoint": when, "nodes": list(nodes), "tool_calls": calls}
    return read(value, kind="breakpoint")


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
    ("when", "nodes", "name", "headline"),
    [
        ("before", ["deploy"], "deploy", "run deploy"),
        ("after", ["deploy"], "deploy", "continue with deploy"),
        ("before", ["a", "b"], "a, b", "run a, b"),
        ("after", [], "breakpoint", "go on"),
    ],
)
def test_without_calls_the_nodes_are_approved(when, nodes, name, headline):
    request = pause([], when=when, nodes=nodes)
    (action,) = request.actions
    assert (action.name, action.allowed, request.headline) == (name, (APPROVE,), headline)
    assert answer(request, [ActionDecision(APPROVE)]).resume == {"calls": []}


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
