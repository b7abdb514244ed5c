"""Text of agents in columns of both databases."""

import pytest
from hypothesis import given, strategies as st

from agents.services.column_text import column_text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("naïve 😀 \u202e", "naïve 😀 \u202e"),
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
    ],
)
def test_what_a_column_cannot_hold_is_replaced(text, kept):
    assert column_text(text) == kept


def test_a_limit_cuts():
    assert (column_text("abc", 2), column_text("abc", 3)) == ("ab", "abc")


@given(st.text(st.characters()))
def test_the_result_is_always_fit(text):
    result = column_text(text, 50)
    assert ("\0" in result, len(result) <= 50) == (False, True)
    assert result.encode().decode() == result
