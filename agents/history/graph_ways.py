"""Which nodes may run after a node, as an agent's description of its graph tells it.

Nodes are named as the picture names them: `tools`, and `sub:tools` inside a graph; the name of a
graph inside stands for all of it. A node that goes on by `Command(goto=…)` without saying so in its
annotations has no edge here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ENDS = {"__start__", "__end__"}


@dataclass(frozen=True, slots=True)
class Way:
    """An edge to a node."""

    node: str
    conditional: bool


def successors(graph: Mapping[str, Any] | None, node: str) -> tuple[Way, ...]:
    """The nodes that may directly follow this one, the end left out. Never raises."""
    found: dict[str, Way] = {}
    for source, way in _edges(graph):
        inside_of_it = _is_in(source, node) and _is_in(way.node, node)
        if _is_in(source, node) and way.node not in _ENDS and (source == node or not inside_of_it):
            found.setdefault(way.node, way)
    return tuple(found.values())


def reachable(graph: Mapping[str, Any] | None, nodes: Iterable[str]) -> tuple[str, ...]:
    """The nodes that may run once these have run, nearest first. Never raises.

    One of `nodes` is among them only if it may run again.
    """
    ways: dict[str, list[str]] = {}
    for source, way in _edges(graph):
        ways.setdefault(source, []).append(way.node)
    todo = [next_one.node for node in dict.fromkeys(nodes) for next_one in successors(graph, node)]
    found: dict[str, None] = {}
    for node in todo:  # grows while it is walked
        if node not in found and node not in _ENDS:
            found[node] = None
            todo += ways.get(node, ())
    return tuple(found)


def _is_in(node: str, graph: str) -> bool:
    return node == graph or node.startswith(f"{graph}:")


def _edges(graph: Mapping[str, Any] | None) -> Iterator[tuple[str, Way]]:
    edges = graph.get("edges") if isinstance(graph, Mapping) else None
    for edge in edges if isinstance(edges, list) else ():
        match edge:
            case {"source": str(source), "target": str(target), **rest}:
                yield source, Way(target, bool(rest.get("conditional")))
