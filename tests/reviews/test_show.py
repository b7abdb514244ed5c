"""Nothing an agent writes renders invisibly."""
# ruff: noqa: RUF001  # ambiguous characters are the matter of this module

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from agents.reviews.show import Kind, Segment, escape_hidden, hidden_count, is_hidden, visible
from tests.reviews.plain_values import TEXT

# All of Unicode, surrogates too; and runs of what hides, pads, piles up and deceives.
RUNS = st.builds(
    lambda piece, times: piece * times,
    st.sampled_from(
        [" ", "\n", "\t", " \n", "\u0301", "\u200b", "\U000e0041", "\ufe0f", "а", "xn--"]
    ),
    st.integers(1, 60),
)
HOSTS = st.sampled_from(["https://раураl.com/", "a@exämple.com", "//user@", "xn--80ak6aa92e.com"])
ANY_TEXT = st.one_of(
    TEXT,
    st.text(st.characters(), max_size=50),
    st.lists(st.one_of(RUNS, HOSTS, TEXT), max_size=6).map("".join),
)


@given(ANY_TEXT)
def test_no_text_renders_invisibly(text):
    for segment in visible(text):
        if segment.kind is not Kind.TEXT:
            assert segment.label.isprintable()
            assert segment.label
        if not segment.escaped:
            assert all(
                character in "\n\t " or unicodedata.category(character)[0] not in "CZ"
                for character in segment.text
            )


@given(ANY_TEXT.filter(bool))
def test_no_text_is_nothing_to_the_eye(text):
    shown = "".join(segment.label if segment.escaped else segment.text for segment in visible(text))
    assert shown.strip()


@given(ANY_TEXT)
def test_what_is_shown_gives_back_what_was_sent(text):
    assert "".join(segment.text for segment in visible(text)) == text


@given(ANY_TEXT)
def test_neighbouring_segments_differ(text):
    segments = visible(text)
    assert all(segment.text for segment in segments)
    for one, other in pairwise(segments):
        assert (one.kind, one.text[0]) != (other.kind, other.text[0]) or one.kind is Kind.HOST
        assert not one.kind is other.kind is Kind.TEXT


@given(ANY_TEXT)
def test_no_blanks_push_a_tail_out_of_sight(text):
    for segment in visible(text):
        if not segment.escaped:
            assert " " * 32 not in segment.text
            assert "\n" * 6 not in segment.text


@given(ANY_TEXT)
def test_no_marks_pile_up(text):
    shown = "".join("|" if segment.escaped else segment.text for segment in visible(text))
    marks = "".join("m" if unicodedata.category(c)[0] == "M" else "." for c in shown)
    assert "mmmmm" not in marks


@given(TEXT)
def test_escaped_json_text_holds_nothing_hidden(text):
    assert hidden_count(escape_hidden(text)) == 0


def hidden(text, label, name):
    return Segment(text, label, name, Kind.HIDDEN)


def padding(text, label):
    return Segment(text, label, "", Kind.PADDING)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", ()),
        ("alice@example.com", (Segment("alice@example.com"),)),
        ("Grüße, 世界 👍\n\tok", (Segment("Grüße, 世界 👍\n\tok"),)),
        (
            "pay\u202e001",
            (Segment("pay"), hidden("\u202e", "U+202E", "RIGHT-TO-LEFT OVERRIDE"), Segment("001")),
        ),
        ("\0", (hidden("\0", "NUL", "no name"),)),
        ("\u200b\u200b\u200b", (hidden("\u200b" * 3, "U+200B ×3", "ZERO WIDTH SPACE"),)),
        ("\U000e0041", (hidden("\U000e0041", "U+E0041", "TAG LATIN CAPITAL LETTER A"),)),
        ("\ue000", (hidden("\ue000", "U+E000", "no name"),)),
        ("\ud800", (hidden("\ud800", "U+D800", "no name"),)),
        (
            "ok" + " " * 312 + "and pay",
            (Segment("ok"), padding(" " * 312, "312 spaces"), Segment("and pay")),
        ),
        ("\n \n\t\n\n\n\n", (padding("\n \n\t\n\n\n\n", "6 line breaks, 1 tab, 1 space"),)),
        (" ", (padding(" ", "1 space"),)),
        ("\n\t", (padding("\n\t", "1 line break, 1 tab"),)),
        ("{\n" + " " * 31 + "}", (Segment("{\n" + " " * 31 + "}"),)),
        (
            "e" + "\u0301" * 60,
            (
                Segment("e" + "\u0301" * 4),
                hidden("\u0301" * 56, "mark ×56", "combining marks that pile up"),
            ),
        ),
        (
            "see https://раураl.com/login",
            (
                Segment("see https://"),
                Segment(
                    "раураl.com", "mixes Cyrillic and Latin, reads like paypal.com", "", Kind.HOST
                ),
                Segment("/login"),
            ),
        ),
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


@pytest.mark.parametrize("piece", ["ж", " \n", "\u0301", "\u200ba", "а.b ", "//a@", " " * 31 + "x"])
def test_a_hostile_megabyte_takes_seconds(piece):
    start = time.perf_counter()
    visible(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - start < 30
