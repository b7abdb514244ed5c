"""What templates say: times, shapes, agent text, schemas."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, strategies as st

from agents.models import Interrupt, Run, Thread
from agents.reviews import show
from agents.templatetags import console


@pytest.mark.parametrize(
    ("seconds", "ago", "age"),
    [
        (-5, "just now", "now"),
        (0, "just now", "now"),
        (59, "just now", "now"),
        (60, "1 min ago", "1 min"),
        (3599, "59 min ago", "59 min"),
        (3600, "1 h ago", "1 h"),
        (86400 * 3, "3 d ago", "3 d"),
    ],
)
def test_times(seconds: int, ago: str, age: str):
    when = timezone.now() - timedelta(seconds=seconds + 0.5)
    assert re.sub("<[^>]*>", "", console.ago(when)) == ago
    assert re.sub("<[^>]*>", "", console.age(when)) == age


def test_a_time_carries_the_exact_one():
    html = console.ago(datetime(2026, 3, 1, 9, 5, 7, tzinfo=UTC))
    assert 'datetime="2026-03-01T09:05:07+00:00"' in html
    assert 'title="1 March 2026, 09:05:07 UTC"' in html


def test_no_time_is_nothing():
    assert console.ago(None) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.25, "4.2 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")],
)
def test_took(seconds: float, words: str):
    start = timezone.now()
    assert console.took(start, start + timedelta(seconds=seconds)) == words


@pytest.mark.parametrize("model", [Interrupt, Run, Thread])
def test_every_state_has_a_shape_and_a_word(model: Any):
    for state in model.Status.values:
        html = console.status(state)
        assert re.search(r"icons\.svg#\w+", html)
        assert f'data-state="{state}"' in html
        assert re.sub("<[^>]*>", "", html)


def test_visible_text_is_escaped_and_set_apart():
    html = console.visible("<script>\u200b")
    hidden = (
        '<span class="hidden-character" title="hidden character: ZERO WIDTH SPACE">U+200B</span>'
    )
    assert html == f"<bdi>&lt;script&gt;{hidden}</bdi>"


@given(st.text())
def test_nothing_stays_hidden(text: str):
    assert not any(show.is_hidden(character) for character in console.visible(text))


@pytest.mark.parametrize(
    ("facts", "type_name"),
    [
        ({"type": "string"}, "string"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"enum": ["EUR", 1]}, '"EUR" | 1'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"$ref": "#/$defs/Amount"}, "Amount"),
        ({}, "anything"),
        (5, "anything"),
    ],
)
def test_arguments(facts: Any, type_name: str):
    schema = {"properties": {"x": facts}, "required": ["x"]}
    (argument,) = console.arguments(schema)
    assert (argument["name"], argument["type"], argument["required"]) == ("x", type_name, True)


@pytest.mark.parametrize("schema", [None, 5, {}, {"properties": 5}, {"required": 5}])
def test_a_schema_without_arguments(schema: Any):
    assert console.arguments(schema) == []


TOOLS = [{"name": "send_email"}, {"name": "send-email"}, {"name": "refund"}, {}]


@pytest.mark.parametrize(
    ("name", "html"),
    [
        ("refund", "<bdi>refund</bdi>"),
        (
            "Refund",
            '<bdi>Refund</bdi> <span class="flag">looks like refund, which is another tool</span>',
        ),
        (
            "send-email",
            "<bdi>send-email</bdi> "
            '<span class="flag">looks like send_email, which is another tool</span>',
        ),
        ("<b>", '<bdi>&lt;b&gt;</bdi> <span class="flag">not a tool of this agent</span>'),
    ],
)
def test_a_tool_name_that_deceives_is_flagged(name: str, html: str):
    assert console.tool_name(name, TOOLS) == html


@pytest.mark.parametrize("tools", [[], ""])
def test_a_tool_name_is_not_flagged_where_no_tools_are_known(tools: Any):
    assert console.tool_name("refund", tools) == "<bdi>refund</bdi>"


def test_a_field_tells_of_what_is_hidden_in_it():
    note = '<span class="flag">1 hidden character</span> '
    assert (console.hidden_note("a\u200b"), console.hidden_note("a")) == (note, "")
