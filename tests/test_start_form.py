"""The three ways to give a run its input."""

import pytest
from django.http import QueryDict

from agents.start_form import StartForm, converses

MESSAGES = {"properties": {"messages": {"type": "array"}}, "required": ["messages"]}
TYPED = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "ways"),
    [
        (MESSAGES, ["message", "fields", "json"]),
        (TYPED, ["fields", "json"]),
        (None, ["message", "json"]),  # unknown: a conversation, more often than anything else
    ],
)
def test_ways(schema: dict[str, object] | None, ways: list[str]):
    form = StartForm(schema, QueryDict())
    assert (list(form.ways), form.way) == (ways, ways[0])


def test_an_unknown_way_is_the_first():
    assert StartForm(MESSAGES, QueryDict("way=telepathy")).way == "message"


@pytest.mark.parametrize(
    ("schema", "is_conversation"),
    [
        (MESSAGES, True),
        ({"properties": {"messages": {}, "topic": {}}}, True),
        ({"properties": {"messages": {}, "topic": {}}, "required": ["topic"]}, False),
        ({"properties": 5}, False),
        (TYPED, False),
    ],
)
def test_one_message_is_enough_for_a_conversation(schema: dict[str, object], is_conversation: bool):
    assert converses(schema) is is_conversation


def test_a_schema_that_requires_nonsense_converses_with_nobody():
    assert converses({"properties": {"messages": {}}, "required": 5}) is False
