"""Nothing an agent writes renders invisibly."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from agents.reviews.show import Segment, escape_hidden, hidden_count, is_hidden, visible
from tests.reviews.plain_values import TEXT

ANY_TEXT = st.one_of(TEXT, st.text(st.characters(), max_size=50))


@given(ANY_TEXT)
def test_no_text_renders_invisibly(text):
    for segment in visible(text):
        if segment.escaped:
            assert segment.label.isprintable()
        else:
            assert all(
                character in "\n\t " or unicodedata.category(character)[0] not in "CZ"
                for character in segment.text
            )


@given(ANY_TEXT)
def test_what_is_shown_gives_back_what_was_sent(text):
    assert "".join(segment.text for segment in visible(text)) == text


@given(ANY_TEXT)
def test_neighbouring_segments_differ(text):
    starts = [segment.text[0] if segment.escaped else "" for segment in visible(text)]
    assert all(one != other for one, other in pairwise(starts))


@given(TEXT)
def test_escaped_json_text_holds_nothing_hidden(text):
    assert hidden_count(escape_hidden(text)) == 0


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", ()),
        ("alice@example.com", (Segment("alice@example.com"),)),
        ("Grüße, 世界 👍\n\tok", (Segment("Grüße, 世界 👍\n\tok"),)),
        (
            "pay\u202e001",
            (Segment("pay"), Segment("\u202e", "U+202E", "RIGHT-TO-LEFT OVERRIDE"), Segment("001")),
        ),
        ("\0", (Segment("\0", "NUL", "no name"),)),
        ("\u200b\u200b\u200b", (Segment("\u200b" * 3, "U+200B ×3", "ZERO WIDTH SPACE"),)),  # noqa: RUF001  # the sign of the label
        ("\U000e0041", (Segment("\U000e0041", "U+E0041", "TAG LATIN CAPITAL LETTER A"),)),
        ("\ue000", (Segment("\ue000", "U+E000", "no name"),)),
        ("\ud800", (Segment("\ud800", "U+D800", "no name"),)),
    ],
    ids=ascii,
)
def test_segments(text, segments):
    assert visible(text) == segments


@pytest.mark.parametrize(
    "character", "\u00a0\u2003\u2028\u00ad\u2060\u3164\u2800\ufe0f\u034f\x7f\x85\r"
)
def test_characters_without_ink_are_hidden(character):
    assert is_hidden(character)


def test_hidden_characters_are_counted():
    assert hidden_count("a\u200b\u200bb\u202ec") == 3


def test_json_escapes_are_json():
    assert escape_hidden("a\u202eb\U000e0041") == "a\\u202eb\\udb40\\udc41"
