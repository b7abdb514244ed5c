"""A node that stopped itself is run again or skipped; there is no answer to give it."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, DecisionType, answer, read
from reviewconsole.protocol.plain import Plain

APPROVE, EDIT, REJECT, RESPOND, SKIP, WRITE = DecisionType


@pytest.mark.parametrize(
    ("value", "question"),
    [
        ("The input is too long.", "The input is too long."),
        ({"length": 9}, '{\n  "length": 9\n}'),
        (None, "null"),
        (False, "false"),
    ],
)
def test_the_message_is_shown(value, question):
    request = read(value, kind="node_interrupt")
    assert (request.dialect, request.question) == ("node_interrupt", question)
    assert request.value is value
    assert not request.is_question


def test_the_node_runs_again_or_is_skipped():
    request = read("Too long.", kind="node_interrupt")
    sent = [answer(request, [ActionDecision(decision)]) for decision in (APPROVE, SKIP)]
    assert [(s.resume, s.then, s.summary) for s in sent] == [
        (None, "run", "approved the node"),
        (None, "skip", "skipped the node"),
    ]


def test_no_answer_is_taken():
    request = read("Too long.", kind="node_interrupt", response_schema={}, raw=True)
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request, [ActionDecision(RESPOND, message="Go on.")])
    assert refusal.value.errors == {
        "actions.0.type": "respond is not allowed for the node; allowed: approve, skip."
    }


def test_a_message_that_cannot_be_shown_can_be_decided():
    value: Plain = []
    for _ in range(5000):
        value = [value]
    request = read(value, kind="node_interrupt")
    assert request.question == "a value that cannot be shown"
    assert answer(request, [ActionDecision(SKIP)]).then == "skip"
