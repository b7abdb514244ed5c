"""The inbox line says the verb and the object, from the real arguments."""

import pytest
from hypothesis import given

from agents.reviews.headline import LIMIT, headline_of_calls, headline_of_value, shorten
from agents.reviews.request import Action
from tests.reviews.plain_values import ARGUMENTS, TEXT


@pytest.mark.parametrize(
    ("name", "args", "headline"),
    [
        (
            "send_email",
            {"subject": "Hi", "to": "alice@example.com"},
            "send_email → alice@example.com",
        ),
        ("send_email", {"to": ["a@example.com", "b@example.com"]}, "send_email → a@example.com +1"),
        ("refund", {"amount": {"value": 120.0, "currency": "EUR"}}, "refund 120.00 EUR"),
        ("refund", {"order_id": 8812, "amount": 99, "currency": "EUR"}, "refund 99 EUR #8812"),
        ("pay", {"amount": 0.125, "currency": "BTC", "to": "bob"}, "pay 0.125 BTC → bob"),
        ("wire_money", {"amount": 5, "to": "alice"}, "wire_money 5 → alice"),
        ("estimate", {"total": 5, "to": "alice"}, "estimate → alice"),
        ("pay", {"amount": True, "currency": "EUR", "to": "bob"}, "pay → bob"),
        ("delete_file", {"recursive": True, "path": "/srv/x"}, "delete_file → /srv/x"),
        ("get_weather", {"city": "Lisbon"}, "get_weather Lisbon"),
        ("set_limit", {"limit": 2**60}, f"set_limit {2**60}"),
        ("ping", {}, "ping"),
        ("ping", {"deep": {"to": "x"}, "flag": True, "none": None}, "ping"),
        ("post", {"text": "two\n\nlines"}, "post two lines"),
    ],
)
def test_one_call(name, args, headline):
    assert headline_of_calls([Action(name, args)]) == headline


def test_more_calls_are_counted_whatever_the_length():
    calls = [Action("send_email", {"to": "x" * 200})] * 3
    headline = headline_of_calls(calls)
    assert headline == "send_email → " + "x" * (LIMIT - 13 - 11 - 1) + "… and 2 more"
    assert len(headline) == LIMIT


@given(TEXT, ARGUMENTS)
def test_it_is_one_line_within_the_limit(name, args):
    headline = headline_of_calls([Action(name, args)])
    assert len(headline) <= LIMIT
    assert not {"\n", "\r", "\t"} & set(headline)


def test_hidden_characters_are_kept_for_the_page_to_show():
    assert headline_of_calls([Action("pay", {"to": "a\u202eb\u00a0c"})]) == "pay → a\u202eb\u00a0c"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("short", "short"),
        (" two\r\nlines ", "two lines"),
        ("x" * LIMIT, "x" * LIMIT),
        ("x" * (LIMIT + 1), "x" * (LIMIT - 1) + "…"),
        (" " * 5000 + "tail", "…"),
    ],
    ids=["short", "lines", "full", "cut", "padding"],
)
def test_a_cut_is_marked(text, line):
    assert shorten(text) == line


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"pay": "250 EUR", "asked_at": "2026-11-22"}, "pay: 250 EUR"),
        ({"order_id": "8812", "total": 12.5, "currency": "EUR"}, "12.50 EUR #8812"),
        ({"rows": [{"a": None}]}, '{ "rows": [ { "a": null } ] }'),
        ([1, 2], "[ 1, 2 ]"),
        (None, "null"),
    ],
)
def test_a_value_that_no_dialect_knows_is_named_by_its_first_short_entry(value, line):
    assert headline_of_value(value) == line
