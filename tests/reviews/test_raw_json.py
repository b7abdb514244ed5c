"""JSON for people: legible, exact, and strict about what it reads."""

import pytest
from hypothesis import given

from agents.reviews.diff import same
from agents.reviews.raw_json import NotJson, dump, load
from agents.reviews.show import hidden_count
from reviewconsole.protocol.plain import Typed
from tests.reviews.plain_values import PLAIN


@given(PLAIN)
def test_every_value_comes_back_as_it_was(value):
    assert same(load(dump(value)), value)


@given(PLAIN)
def test_nothing_is_hidden(value):
    assert hidden_count(dump(value)) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (120.0, "120.0"),
        (9007199254740993, "9007199254740993"),
        ({"id": 2**63, "$ref": None}, '{"id": 9223372036854775808, "$$ref": null}'),
        (float("nan"), '{"$float": "nan"}'),
        (b"x", '{"$bytes": "eA=="}'),
        ({1: "a"}, '{"$map": [[1, "a"]]}'),
        ("Grüße\u202e", '"Grüße\\u202e"'),
        (Typed(2, "shop", "Order", 1), '{"$type": "shop:Order", "$code": 2, "$value": 1}'),
    ],
    ids=ascii,
)
def test_numbers_stand_as_people_write_them(value, text):
    assert dump(value, indent=None) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Line 1, column 1: Expecting value."),
        ('{"a": 1,\n "b" 2}', "Line 2, column 6: Expecting ':' delimiter."),
        ('{"a": 1, "a": 2}', "The key 'a' is written twice."),
        ("[NaN]", 'NaN is not JSON; write {"$float": "nan"}.'),
        ('{"$int": "x"}', "invalid literal for int() with base 10: 'x'."),
        ("[" * 100_000, "The value is nested more than 200 levels deep."),
        ("[" * 300 + "]" * 300, "The value is nested more than 200 levels deep."),
    ],
)
def test_what_is_not_json_is_refused(text, message):
    with pytest.raises(NotJson) as refusal:
        load(text)
    assert str(refusal.value) == message
