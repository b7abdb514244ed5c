"""A question with a response schema takes an answer that fits it, and no other."""

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision, AnswerShape, DecisionType, answer, read
from agents.reviews.request import Schema

# What `interrupt("approve?", response_schema=Model)` publishes (langgraph 1.2, pydantic 2).
SCHEMA: Schema = {
    "properties": {
        "ok": {"title": "Ok", "type": "boolean"},
        "count": {"default": 1, "title": "Count", "type": "integer"},
    },
    "required": ["ok"],
    "title": "Decision",
    "type": "object",
}


def respond(value):
    return [ActionDecision(DecisionType.RESPOND, answer=value)]


def test_the_answer_is_sent_as_it_is():
    request = read("approve?", kind="interrupt", response_schema=SCHEMA)
    assert (request.dialect, request.question) == ("typed", "approve?")
    assert (request.shapes, request.response_schema) == ((AnswerShape.TYPED,), SCHEMA)
    assert answer(request, respond({"ok": False})).resume == {"ok": False}


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ({}, {"actions.0.answer.ok": "Is required."}),
        ({"ok": "no"}, {"actions.0.answer.ok": "Must be true or false."}),
        ({"ok": 1}, {"actions.0.answer.ok": "Must be true or false."}),
        ({"ok": True, "count": "7"}, {"actions.0.answer.count": "Must be a whole number."}),
        ({"ok": True, "count": True}, {"actions.0.answer.count": "Must be a whole number."}),
        ("yes", {"actions.0.answer": "Must be an object."}),
        (None, {"actions.0.answer": "Must be an object."}),
    ],
)
def test_langgraph_is_laxer_than_its_schema_and_the_console_is_not(value, errors):
    request = read("approve?", kind="interrupt", response_schema=SCHEMA)
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request, respond(value))
    assert refusal.value.errors == errors


def test_a_recursive_schema_is_used_and_checked_all_the_way_down():
    tree: Schema = {
        "type": "object",
        "properties": {"parts": {"type": "array", "items": {"$ref": "#"}}},
        "additionalProperties": False,
    }
    request = read("Which parts?", kind="interrupt", response_schema=tree)
    assert answer(request, respond({"parts": [{"parts": []}]})).resume == {"parts": [{"parts": []}]}
    with pytest.raises(InvalidAnswer) as refusal:
        answer(request, respond({"parts": [{"part": []}]}))
    assert refusal.value.errors == {"actions.0.answer.parts.0.part": "Is not known here."}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (True, "It is not a JSON schema object."),
        ({"$ref": "https://example.com/s"}, "https://example.com/s"),
        ({"type": "nonsense"}, "It is not a JSON schema:"),
        ({"type": "integer", "minimum": 5, "maximum": 1}, "minimum is 5 and maximum is 1."),
        ({"anyOf": [{"type": "integer"}] * 4000}, "It has more than 3000 parts or 60 levels."),
    ],
    ids=["bool", "remote", "flaw", "contradiction", "huge"],
)
def test_an_unusable_schema_leaves_free_json_and_says_why(schema, problem):
    request = read({"a": 1}, kind="interrupt", response_schema=schema)
    assert (request.shapes, request.response_schema) == ((AnswerShape.JSON,), None)
    assert problem in request.note
    assert answer(request, respond([1])).resume == [1]
