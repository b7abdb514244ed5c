"""Graphs laid out: nothing overlaps, edges lead down but for those that lead back."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, strategies as st

from agents.graph_picture import MOST_NODES, NODE_HEIGHT, Picture, draw

LOOP = {
    "nodes": [
        {"id": "__start__", "name": "__start__", "kind": "start"},
        {"id": "model", "name": "model"},
        {"id": "tools", "name": "tools", "kind": "tools"},
        {"id": "__end__", "name": "__end__", "kind": "end"},
    ],
    "edges": [
        {"source": "__start__", "target": "model", "conditional": False},
        {"source": "model", "target": "tools", "conditional": True},
        {"source": "model", "target": "__end__", "conditional": True},
        {"source": "tools", "target": "model", "conditional": False},
    ],
}


def drawn(graph: Any, **marks: Any) -> Picture:
    """The picture of a graph that has one."""
    picture = draw(graph, **marks)
    assert picture is not None
    return picture


def test_layers():
    rows = {node.label: node.y for node in drawn(LOOP).nodes}
    assert rows["start"] < rows["model"] < rows["tools"] == rows["end"]


def test_edges():
    edges = {(e.source, e.target): e.conditional for e in drawn(LOOP).edges}
    assert edges == {
        ("__start__", "model"): False,
        ("model", "tools"): True,
        ("model", "__end__"): True,
        ("tools", "model"): False,
    }


def test_an_edge_that_leads_back_keeps_off_the_nodes_beside_its_ends():
    picture = drawn(LOOP)
    tools = next(node for node in picture.nodes if node.id == "tools")
    (back,) = [edge for edge in picture.edges if edge.source == "tools"]
    assert back.path.startswith(f"M{tools.left:.1f} ")
    assert picture.left < min(node.left for node in picture.nodes)


def test_marks():
    picture = drawn(LOOP, before=["tools"], after=["model"], waiting=["tools"])
    marks = {n.label: (n.stops_before, n.stops_after, n.waits) for n in picture.nodes}
    assert marks["tools"] == (True, False, True)
    assert marks["model"] == (False, True, False)
    assert picture.has_stops
    assert not drawn(LOOP).has_stops


def test_a_long_name_takes_two_lines():
    graph = {"nodes": [{"id": "a", "name": "HumanInTheLoopMiddleware.after_model"}], "edges": []}
    (node,) = drawn(graph).nodes
    assert node.lines == ("HumanInTheLoopMiddleware.", "after_model")


@pytest.mark.parametrize(
    "graph",
    [
        None,
        {},
        {"nodes": []},
        {"nodes": 5, "edges": "x"},
        {"nodes": [{"name": "no id"}]},
        {"nodes": [{"id": str(n)} for n in range(MOST_NODES + 1)]},
    ],
)
def test_what_cannot_be_drawn(graph: Any):
    assert draw(graph) is None


names = st.sampled_from("abcdefgh")
graphs = st.builds(
    lambda nodes, edges: {
        "nodes": [{"id": name, "name": name * 9} for name in nodes],
        "edges": [{"source": s, "target": t, "conditional": False} for s, t in edges],
    },
    st.sets(names, min_size=1),
    st.lists(st.tuples(names, names), max_size=20),
)


@given(graphs)
def test_nodes_never_overlap_and_stay_inside(graph: dict[str, Any]):
    picture = drawn(graph)
    assert len(picture.nodes) == len(graph["nodes"])
    for node in picture.nodes:
        assert picture.left <= node.left < node.right <= picture.left + picture.width
        assert 0 <= node.top < node.bottom <= picture.height
    for one, other in combinations(picture.nodes, 2):
        apart = abs(one.y - other.y) >= NODE_HEIGHT
        assert apart or one.right < other.left or other.right < one.left


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["nodes", "edges", "id", "name", "source", "target"]), inner
            )
        ),
    )
)
def test_no_description_is_too_strange(graph: Any):
    draw(graph)
