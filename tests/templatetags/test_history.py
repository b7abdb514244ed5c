"""How long things took, and how large they are, in words."""

from datetime import timedelta

import pytest

from agents.templatetags.history import beginning, bytesize, each_once, lasted, left_out, summed


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0214, "21 ms"),
        (1.25, "1.2 s"),
        (61, "1 min 1 s"),
        (3 * 3600 + 120, "3 h 2 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, words: str):
    assert lasted(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_500, "1.5 kB"),
        (25_000, "25 kB"),
        (3_100_000, "3.1 MB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes(number: int, words: str):
    assert bytesize(number) == words


def test_what_is_not_known_is_not_told():
    assert (lasted(None), bytesize(None)) == ("", "")


def test_a_text_is_cut_at_a_length_and_says_by_how_much():
    assert (beginning("a" * 20_001), left_out("a" * 20_001)) == ("a" * 20_000, 1)
    assert (beginning("short"), left_out("short")) == ("short", 0)


def test_names_stand_once():
    assert each_once(("work", "log", "work")) == [("work", 2), ("log", 1)]
    assert summed(("work", "log", "work")) == "work (2 times), log"
