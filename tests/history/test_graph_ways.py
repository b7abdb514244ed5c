"""Which nodes may run after a node."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from agents.history.graph_ways import Way, reachable, successors


def graph(*edges: tuple[str, str] | tuple[str, str, bool]) -> dict[str, Any]:
    """A description with these edges; the third of one says that it is conditional."""
    told = [
        {"source": edge[0], "target": edge[1], "conditional": edge[2:] == (True,)} for edge in edges
    ]
    return {"nodes": [], "edges": told}


AGENT = graph(
    ("__start__", "model"),
    ("model", "tools", True),
    ("model", "__end__", True),
    ("tools", "model"),
)
NESTED = graph(
    ("__start__", "plan"),
    ("plan", "sub:begin"),
    ("sub:begin", "sub:ask"),
    ("sub:ask", "last", True),
    ("last", "__end__"),
)


def test_the_end_is_no_successor() -> None:
    assert successors(AGENT, "model") == (Way("tools", True),)
    assert successors(AGENT, "__start__") == (Way("model", False),)
    assert successors(AGENT, "unknown") == ()


def test_what_follows_a_graph_inside_follows_its_last_nodes() -> None:
    assert successors(NESTED, "sub") == (Way("last", True),)
    assert successors(NESTED, "sub:begin") == (Way("sub:ask", False),)


@pytest.mark.parametrize(
    ("described", "nodes", "expected"),
    [
        (AGENT, ["model"], ("tools", "model")),
        (AGENT, ["__start__"], ("model", "tools")),
        (NESTED, ["plan"], ("sub:begin", "sub:ask", "last")),
        (NESTED, ["sub"], ("last",)),
        (NESTED, ["last"], ()),
        (NESTED, ["plan", "plan", "sub:ask"], ("sub:begin", "last", "sub:ask")),
        (None, ["plan"], ()),
    ],
)
def test_the_nearest_come_first(
    described: dict[str, Any] | None, nodes: list[str], expected: tuple[str, ...]
) -> None:
    assert reachable(described, nodes) == expected


JSON = st.recursive(
    st.none() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["edges", "source", "target", "a"]), inner)
    ),
    max_leaves=10,
)


@given(st.none() | st.dictionaries(st.sampled_from(["edges", "nodes"]), JSON))
def test_any_description_can_be_walked(described: dict[str, Any] | None) -> None:
    assert isinstance(reachable(described, ["a"]), tuple)
