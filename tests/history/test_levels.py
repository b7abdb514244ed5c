"""What an agent's description says of its graph and the graphs inside it."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from agents.history.levels import Levels, level


@pytest.mark.parametrize(
    ("ns", "path"),
    [
        ("", ""),
        ("sub:8a3f", "sub"),
        ("sub", "sub"),
        ("sub:8a3f|inner:77", "sub:inner"),
        ("sub:8a3f|1", "sub"),
        ("sub:8a3f|1|inner:77", "sub:inner"),
    ],
)
def test_a_namespace_belongs_to_a_level(ns: str, path: str) -> None:
    assert level(ns) == path


SPEC: dict[str, Any] = {
    "triggers": {"": {"a": ["branch:to:a"], "b": [1, "x"], "c": None}, "sub": {}},
    "channels": {"": {"messages": "delta", "files": {"kind": "delta"}, "log": "value"}},
}


def test_triggers_of_a_level() -> None:
    assert Levels(SPEC).triggers("") == {"a": ["branch:to:a"], "b": ["x"]}
    assert Levels(SPEC).triggers("sub:8a3f") == {}
    assert Levels(SPEC).triggers("other:8a3f") is None
    assert Levels({}).triggers("") is None


def test_channels_that_are_rebuilt_are_told_or_counted() -> None:
    counted = {"counters_since_delta_snapshot": {"messages": [1, 2], "plans": [0, 1]}}
    assert Levels(SPEC).rebuilt("", counted) == ("messages", "files", "plans")
    assert Levels({}).rebuilt("", counted) == ("messages", "plans")
    assert Levels({}).rebuilt("", {}) == ()


JSON = st.recursive(
    st.none() | st.text(max_size=2) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["", "a", "triggers", "channels"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["triggers", "channels"]), JSON), JSON)
def test_any_description_can_be_read(spec: dict[str, Any], counted: Any) -> None:
    levels = Levels(spec)
    levels.triggers("")
    assert isinstance(levels.rebuilt("", {"counters_since_delta_snapshot": counted}), tuple)
