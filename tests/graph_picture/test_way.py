"""The way through a graph: what ran how often, and along which edges."""

from collections.abc import Sequence
from typing import Any

from agents.graph_picture import Picture, draw

LOOP: dict[str, Any] = {
    "graph": {
        "nodes": [
            {"id": "__start__", "name": "__start__", "kind": "start"},
            {"id": "model", "name": "model"},
            {"id": "check", "name": "check"},
            {"id": "tools", "name": "tools"},
            {"id": "__end__", "name": "__end__", "kind": "end"},
        ],
        "edges": [
            {"source": "__start__", "target": "model", "conditional": False},
            {"source": "model", "target": "check", "conditional": True},
            {"source": "model", "target": "tools", "conditional": True},
            {"source": "check", "target": "tools", "conditional": True},
            {"source": "check", "target": "__end__", "conditional": True},
            {"source": "tools", "target": "model", "conditional": False},
        ],
    }
}
INSIDE: dict[str, Any] = {
    "graph": {
        "nodes": [
            {"id": "__start__", "name": "__start__", "kind": "start"},
            {"id": "plan", "name": "plan"},
            {"id": "sub:__start__", "name": "__start__", "kind": "start"},
            {"id": "sub:work", "name": "work"},
            {"id": "sub:__end__", "name": "__end__", "kind": "end"},
            {"id": "other:__start__", "name": "__start__", "kind": "start"},
            {"id": "done", "name": "done"},
        ],
        "edges": [
            {"source": "__start__", "target": "plan", "conditional": False},
            {"source": "plan", "target": "sub:__start__", "conditional": True},
            {"source": "plan", "target": "other:__start__", "conditional": True},
            {"source": "sub:__start__", "target": "sub:work", "conditional": False},
            {"source": "sub:work", "target": "sub:__end__", "conditional": True},
            {"source": "sub:__end__", "target": "done", "conditional": False},
        ],
    }
}


def drawn(spec: dict[str, Any], taken: Sequence[str]) -> Picture:
    """The picture with the way taken."""
    picture = draw(spec, taken=taken)
    assert picture is not None
    return picture


def runs(picture: Picture) -> dict[str, int]:
    """How often each node ran that ran."""
    return {node.id: node.runs for node in picture.nodes if node.runs}


def taken(picture: Picture) -> set[tuple[str, str]]:
    """The edges that were taken."""
    return {(edge.source, edge.target) for edge in picture.edges if edge.is_taken}


def test_nothing_has_run():
    picture = drawn(LOOP, [])
    assert (runs(picture), taken(picture), picture.has_taken) == ({}, set(), False)


def test_a_loop_counts_its_rounds():
    picture = drawn(LOOP, ["model", "tools", "model", "check"])
    assert runs(picture) == {"__start__": 1, "model": 2, "tools": 1, "check": 1}
    assert taken(picture) == {
        ("__start__", "model"),
        ("model", "tools"),
        ("tools", "model"),
        ("model", "check"),
    }


def test_of_two_ways_to_a_node_the_one_was_taken_whose_source_ran_last():
    assert ("model", "tools") not in taken(drawn(LOOP, ["model", "check", "tools"]))


def test_the_end_is_reached():
    picture = drawn(LOOP, ["model", "check", "__end__"])
    assert ("check", "__end__") in taken(picture)


def test_the_way_leads_to_what_waits():
    picture = draw(LOOP, taken=["model"], waiting=["tools", "gone"])
    assert picture is not None
    assert taken(picture) == {("__start__", "model"), ("model", "tools")}
    assert "tools" not in runs(picture)


def test_the_way_leads_through_a_graph_inside():
    picture = drawn(INSIDE, ["plan", "sub:work", "done"])
    assert taken(picture) == {
        ("__start__", "plan"),
        ("plan", "sub:__start__"),
        ("sub:__start__", "sub:work"),
        ("sub:work", "sub:__end__"),
        ("sub:__end__", "done"),
    }
    assert runs(picture)["sub:__end__"] == 1
    assert "other:__start__" not in runs(picture)


def test_nodes_that_are_gone_are_left_out():
    assert runs(drawn(LOOP, ["removed", "model"])) == {"__start__": 1, "model": 1}


def test_ends_that_lead_to_each_other_are_no_way():
    graph = {
        "nodes": [
            {"id": "a:__start__", "name": "__start__", "kind": "start"},
            {"id": "a:__end__", "name": "__end__", "kind": "end"},
            {"id": "b", "name": "b"},
        ],
        "edges": [
            {"source": "a:__start__", "target": "a:__end__"},
            {"source": "a:__end__", "target": "a:__start__"},
            {"source": "a:__end__", "target": "b"},
        ],
    }
    assert taken(drawn({"graph": graph}, ["b"])) == set()
