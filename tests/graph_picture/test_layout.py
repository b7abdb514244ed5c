"""Graphs laid out: nothing overlaps, edges lead down but for those that lead back."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, strategies as st

from agents.graph_picture import MOST_NODES, Edge, Node, Picture, draw

LOOP: dict[str, Any] = {
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


INSIDE: dict[str, Any] = {
    "nodes": [
        {"id": "__start__", "name": "__start__", "kind": "start"},
        {"id": "plan", "name": "plan"},
        {"id": "team:__start__", "name": "__start__", "kind": "start"},
        {"id": "team:write", "name": "write"},
        {"id": "team:inner:check", "name": "check"},
        {"id": "publish", "name": "publish"},
    ],
    "edges": [
        {"source": "__start__", "target": "plan"},
        {"source": "plan", "target": "team:__start__"},
        {"source": "team:__start__", "target": "team:write"},
        {"source": "team:write", "target": "team:inner:check"},
        {"source": "team:inner:check", "target": "publish"},
        {"source": "plan", "target": "publish", "conditional": True, "label": "in a hurry"},
    ],
}


def drawn(graph: Any, spec: dict[str, Any] | None = None, **marks: Any) -> Picture:
    """The picture of a graph that has one; `spec` is what else the runner said of the agent."""
    picture = draw({"graph": graph, **(spec or {})}, **marks)
    assert picture is not None
    return picture


def node(picture: Picture, identity: str) -> Node:
    """The node with this id."""
    return next(node for node in picture.nodes if node.id == identity)


def edge(picture: Picture, source: str, target: str) -> Edge:
    """The edge between these nodes."""
    return next(e for e in picture.edges if (e.source, e.target) == (source, target))


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
    tools, back = node(picture, "tools"), edge(picture, "tools", "model")
    assert back.path.startswith(f"M{tools.left:.1f} ")


def test_an_edge_that_leads_back_from_between_others_leaves_at_the_bottom():
    more = [{"id": name, "name": name} for name in ("first", "last")]
    ways = [{"source": "model", "target": name} for name in ("first", "tools", "last")]
    back = {"source": "tools", "target": "model"}
    picture = drawn(
        {
            "nodes": [LOOP["nodes"][0], LOOP["nodes"][1], more[0], LOOP["nodes"][2], more[1]],
            "edges": [*ways, back],
        }
    )
    tools = node(picture, "tools")
    assert edge(picture, "tools", "model").path.startswith(f"M{tools.x:.1f} {tools.bottom:.1f}V")


def test_breakpoints_and_what_waits():
    spec = {"interrupt_before": ["tools"], "interrupt_after": ["model", 5]}
    picture = drawn(LOOP, spec, waiting=["tools", "gone"])
    marks = {n.label: (n.stops_before, n.stops_after, n.waits) for n in picture.nodes}
    assert marks["tools"] == (True, False, True)
    assert marks["model"] == (False, True, False)
    assert (picture.has_stops, picture.has_waiting, picture.has_taken) == (True, True, False)
    assert not drawn(LOOP).has_stops


def test_breakpoints_of_a_run_at_every_node():
    stopping = [n.label for n in drawn(LOOP, before=["*"]).nodes if n.stops_before]
    assert stopping == ["model", "tools"]


def test_tools_stand_in_their_node():
    tools = [{"name": name, "node": "tools"} for name in ("read", "write", "write")]
    found = node(drawn(LOOP, {"tools": tools}), "tools")
    assert found.tools == ("read", "write")
    assert [line.text for line in found.lines] == ["tools", "read", "write"]
    assert all(found.top < line.y < found.bottom for line in found.lines)


def test_of_many_tools_the_rest_is_counted():
    tools = [{"name": f"tool {n}", "node": "tools"} for n in range(12)]
    found = node(drawn(LOOP, {"tools": tools}), "tools")
    lines = [line.text for line in found.lines]
    assert lines == ["tools", "tool 0", "tool 1", "and 10 more"]


def test_a_frame_holds_the_nodes_of_a_graph_inside_and_no_other():
    picture = drawn(INSIDE)
    assert [frame.id for frame in picture.frames] == ["team", "team:inner"]
    for frame in picture.frames:
        for found in picture.nodes:
            inside = (
                frame.left < found.left
                and found.right < frame.left + frame.width
                and frame.top < found.top
                and found.bottom < frame.top + frame.height
            )
            assert inside == found.id.startswith(frame.id + ":")


def test_an_edge_goes_past_what_lies_between():
    picture = drawn(INSIDE)
    (team, _inner) = picture.frames
    past = edge(picture, "plan", "publish")
    bend = float(past.path.split("V")[0].split()[-2])  # where it passes the row of the frame
    assert not team.left <= bend <= team.left + team.width
    assert (past.label, past.conditional) == ("in a hurry", True)


def test_a_node_inside_says_where_it_is():
    assert node(drawn(INSIDE), "team:inner:check").path == "team / inner / check"


def test_a_long_name_takes_two_lines():
    graph = {"nodes": [{"id": "a", "name": "HumanInTheLoopMiddleware.after_model"}], "edges": []}
    (found,) = drawn(graph).nodes
    assert [line.text for line in found.lines] == ["HumanInTheLoopMiddleware.", "after_model"]


def test_what_is_too_long_is_cut():
    (found,) = drawn({"nodes": [{"id": "a", "name": "n" * 500}], "edges": []}).nodes
    assert [line.text for line in found.lines] == ["n" * 31 + "…"]


@pytest.mark.parametrize(
    "graph",
    [
        None,
        {},
        {"nodes": []},
        {"nodes": 5, "edges": "x"},
        {"nodes": [{"name": "no id"}]},
        {"nodes": [{"id": str(n)} for n in range(MOST_NODES + 1)]},
        {"nodes": [{"id": ":" * 5000}]},
        {"nodes": [{"id": "no\0text"}]},
    ],
)
def test_what_cannot_be_drawn(graph: Any):
    assert draw({"graph": graph}) is None
    assert draw(graph) is None


names = st.sampled_from(["a", "b", "c", "d", "in:e", "in:f", "in:deep:g", "out:h"])
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
    for box in picture.nodes:
        assert 0 <= box.left < box.right <= picture.width
        assert 0 <= box.top < box.bottom <= picture.height
    for one, other in combinations(picture.nodes, 2):
        apart = one.bottom <= other.top or other.bottom <= one.top
        assert apart or one.right < other.left or other.right < one.left


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["graph", "nodes", "edges", "id", "name", "source", "tools"]), inner
            )
        ),
    )
)
def test_no_description_is_too_strange(graph: Any):
    draw(graph)
    draw({"graph": graph, "tools": graph, "interrupt_before": graph})
