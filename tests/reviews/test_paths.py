"""Two places of a value never share a path."""

import pytest
from hypothesis import given, strategies as st

from agents.reviews.paths import join

KEYS = st.lists(st.text("a.:~01", max_size=4), max_size=4)


@pytest.mark.parametrize(
    ("steps", "path"),
    [
        ((), "args"),
        (("to", 0), "args.to.0"),
        (("a.b",), "args.a~1b"),
        (("a", "b"), "args.a.b"),
        (("a:item",), "args.a~2item"),
        (("~1",), "args.~01"),
        (("",), "args."),
    ],
)
def test_join(steps, path):
    assert join("args", *steps) == path


def test_an_empty_prefix_is_the_value_itself():
    assert join("", "to", 0) == "to.0"


@given(KEYS, KEYS)
def test_paths_are_injective(one, other):
    assert (join("p", *one) == join("p", *other)) == (one == other)
