"""Channel versions grow, whoever began them."""

import random
import re

import pytest
from hypothesis import given, strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from reviewconsole.runner.versions import Version, next_version


def test_the_form() -> None:
    """Fifteen characters: the step and a random part."""
    first = next_version(None)

    assert re.fullmatch(r"000001\.[0-9a-f]{8}", str(first))
    assert str(next_version(first)).partition(".")[0] == "000002"


@given(st.integers(1, 2**24 - 2))
def test_versions_grow_as_text(step: int) -> None:
    """LangGraph compares them as strings."""
    current = f"{step:06x}.ffffffff"

    assert str(next_version(current)) > current


@given(st.integers(1, 2**60))
def test_the_versions_of_langgraph_s_savers_are_continued(steps: int) -> None:
    """Their format is kept, since the two kinds cannot be compared."""
    theirs = f"{steps:032}.{random.random():016}"  # as InMemorySaver writes it
    ours = str(next_version(theirs))

    assert ours.partition(".")[0] == f"{steps + 1:032}"
    assert InMemorySaver().get_next_version(ours, None) > ours > theirs


@pytest.mark.parametrize("current", [1, 1.0])
def test_numbers_stay_numbers(current: Version) -> None:
    """The default of LangGraph's base class; two branches from one place get different ones."""
    one, other = next_version(current), next_version(current)

    assert (type(one), type(other)) == (type(current), type(current))
    assert current < one != other > current  # type: ignore[operator]  # both are numbers


def test_an_unknown_format_is_named() -> None:
    """Better no checkpoint than one that cannot be compared with its parent."""
    with pytest.raises(ValueError, match="v1"):
        next_version("v1.0")


def test_the_agent_s_random_numbers_are_left_alone() -> None:
    """An agent that sets a seed gets the numbers that belong to it."""
    random.seed(7)
    expected = random.random()
    random.seed(7)
    next_version(None)

    assert random.random() == expected
