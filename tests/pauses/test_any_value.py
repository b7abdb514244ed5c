"""Row 1: a node asks with any value and receives any value, also those that JSON cannot say."""

from __future__ import annotations

import math

import pytest

from reviewconsole.protocol.plain import Plain, Typed
from tests.pauses.desk import Desk, receipts, text, value

pytestmark = pytest.mark.django_db(transaction=True)


def nested(levels: int) -> Plain:
    """A list in a list in a list."""
    made: Plain = "bottom"
    for _ in range(levels):
        made = [made]
    return made


GIVEN: dict[str, Plain] = {
    "text": "May I?",
    "dict": {"amount": 12.5, "to": ["alice", None]},
    "list": [1, "two", False],
    "number": 42,
    "integral float": 120.0,
    "null": None,
    "false": False,
    "200 levels": nested(200),
    "1 MB": "word " * 200_000,
    "infinity": math.inf,
    "63 bits and a sign": -(2**63),
    "64 bits": 2**64 - 1,
    "bytes": b"\x00\xff",
    "keys": {1: "one", False: "no", None: "nothing"},
    "NUL": "a\x00b",
}
# What the agent makes, and how it is stored: what nobody but Python knows keeps its type.
MADE: dict[str, Plain] = {
    "set": Typed(0, "builtins", "set", ["a", "b", "c"]),
    "date": Typed(1, "datetime", "date", [2026, 11, 22]),
    "time": Typed(3, "datetime", "datetime", "2026-11-22T09:30:00+00:00", "fromisoformat"),
    "decimal": Typed(0, "decimal", "Decimal", "10.50"),
    "uuid": Typed(0, "uuid", "UUID", "00000000000000000000000000000007"),
}
# What LangGraph itself stores as something simpler: the agent gets no more back than it stored.
SIMPLER: dict[str, Plain] = {
    "tuple": [1, "two"],
    "pydantic": {"amount": 5, "currency": "EUR"},
    "dataclass": {"street": "High Street 1"},
    "enum": "red",
    "surrogate": "half ? of a pair",
}
UNSTORABLE = {
    "65 bits": "LangGraph cannot store this int: Integer exceeds 64-bit range",
    "too deep": "LangGraph cannot store this list: Recursion limit reached",
    "function": "LangGraph cannot store this function: Type is not msgpack serializable: function",
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_value_is_asked_and_sent_back(desk: Desk, name: str):
    thread = desk.start("any_value", {"value": GIVEN[name]})
    asked = desk.question(thread)
    assert (asked.value, asked.node, asked.ns) == (GIVEN[name], "ask", "")
    desk.decide(asked, value(asked.value))
    assert desk.finished(thread)["answer"] == GIVEN[name]
    assert [deed["same"] for deed in desk.deeds(thread)] == [True]
    assert receipts([asked]) == ["applied"]


def test_not_a_number_is_asked_and_sent_back(desk: Desk):
    thread = desk.start("any_value", {"value": math.nan})
    asked = desk.question(thread)
    assert math.isnan(asked.value)
    desk.decide(asked, value(asked.value))
    assert math.isnan(desk.finished(thread)["answer"])


@pytest.mark.parametrize("name", MADE)
def test_an_object_keeps_its_type_both_ways(desk: Desk, name: str):
    thread = desk.start("any_value", {"made": name})
    asked = desk.question(thread)
    assert asked.value == MADE[name]
    desk.decide(asked, value(asked.value))
    assert desk.finished(thread)["answer"] == MADE[name]
    assert [deed["same"] for deed in desk.deeds(thread)] == [True]


@pytest.mark.parametrize("name", SIMPLER)
def test_what_the_store_simplifies_is_shown_as_stored(desk: Desk, name: str):
    thread = desk.start("any_value", {"made": name})
    asked = desk.question(thread)
    assert asked.value == SIMPLER[name]
    desk.decide(asked, text("fine"))
    assert desk.finished(thread)["answer"] == "fine"


@pytest.mark.parametrize("name", UNSTORABLE)
def test_a_question_that_cannot_be_stored_fails_the_run_and_says_why(desk: Desk, name: str):
    thread = desk.start("any_value", {"made": name})
    run = desk.failed(thread)
    assert (run.error, run.message) == ("Unstorable", UNSTORABLE[name])
    assert thread.interrupts.count() == 0
