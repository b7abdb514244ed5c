"""What LangGraph cannot store is found before it is sent."""

import pytest
from hypothesis import given

from agents.reviews.storable import MAX_DEPTH, is_too_deep, unstorable
from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Plain, Typed
from tests.reviews.plain_values import PLAIN


def nested(levels: int) -> Plain:
    value: Plain = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (2**64 - 1, []),
        (2**64, [((), "Needs more than 64 bits and cannot be stored.")]),
        ([-(2**63) - 1], [((0,), "Needs more than 64 bits and cannot be stored.")]),
        (
            {"a": {"\ud800": 1}},
            [(("a", "\ud800"), "Holds half of a character pair and would be stored as '?'.")],
        ),
        (
            Typed(0, "builtins", "set", ["\udfff"]),
            [(("set", 0), "Holds half of a character pair and would be stored as '?'.")],
        ),
        (
            [Typed(5, "shop", "Order", {"id": 1})],
            [((0,), "Would reach the agent as plain data and not as shop.Order.")],
        ),
        (nested(MAX_DEPTH), []),
        (nested(5000), [((), f"Is nested more than {MAX_DEPTH} levels deep.")]),
    ],
    ids=["most", "more", "less", "key", "typed", "object", "deep", "deeper"],
)
def test_unstorable(value, found):
    assert list(unstorable(value)) == found


@given(PLAIN)
def test_what_is_storable_is_stored_as_it_is(value):
    if not list(unstorable(value)):
        stored = plain.decode(*plain.encode(value))
        assert repr(stored) == repr(value)


def test_depth():
    assert not is_too_deep(nested(MAX_DEPTH))
    assert is_too_deep(nested(MAX_DEPTH + 1))
