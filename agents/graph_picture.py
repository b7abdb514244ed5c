"""The picture of an agent's graph: nodes in layers, edges between them. Pure.

Made for graphs of up to a few dozen nodes, as agents are: layers by the longest way from the start
without going round in circles, then a few sweeps that put nodes near their neighbours. Edges that
lead back run along the sides. The result is numbers; a template draws them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

NODE_HEIGHT = 40
_CHARACTER = 7.2  # width of one character of a label
_PADDING = 28  # of a label inside its node
_GAP_X = 28
_GAP_Y = 36
_LANE = 14  # between edges that lead back
_MARGIN = 4
_SWEEPS = 4
_ONE_LINE = 18  # characters
MOST_NODES = 80


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its centre, its size, and what is special about it."""

    id: str
    name: str
    kind: str  # "", start, end or tools
    x: float
    y: float
    width: float
    stops_before: bool = False
    stops_after: bool = False
    waits: bool = False

    @property
    def label(self) -> str:
        """The name as people read it."""
        return _label(self.name)

    @property
    def lines(self) -> tuple[str, ...]:
        """The label on one line, or a long one on two."""
        return _lines(self.label)

    @property
    def left(self) -> float:
        """The left edge."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.y - NODE_HEIGHT / 2

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + NODE_HEIGHT / 2

    @property
    def stops(self) -> tuple[float, ...]:
        """Where bars that mark breakpoints lie: on the edge that the run stops at."""
        return (self.top,) * self.stops_before + (self.bottom,) * self.stops_after


@dataclass(frozen=True, slots=True)
class Edge:
    """One line: the ids of its ends, and the `d` of its SVG path."""

    source: str
    target: str
    target_label: str
    conditional: bool
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph that can be drawn."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left: float  # where it begins: lanes may run left of the first node
    width: float
    height: float

    @property
    def has_stops(self) -> bool:
        """Whether some node has a static breakpoint."""
        return any(node.stops_before or node.stops_after for node in self.nodes)


_Pair = tuple[str, str]


def draw(
    graph: Mapping[str, Any] | None,
    *,
    before: Collection[str] = (),
    after: Collection[str] = (),
    waiting: Collection[str] = (),
) -> Picture | None:
    """Lay out a graph as the runner described it; None if there is none, or nothing to see in it.

    `before` and `after` are the nodes with static breakpoints, `waiting` those that wait now. Never
    raises for a description from a runner, whatever it holds.
    """
    described = _nodes(graph)
    if not described or len(described) > MOST_NODES:
        return None
    links = _links(graph, described)
    back = _leading_back(described, [(source, target) for source, target, _ in links])
    forward = [(s, t) for s, t, _ in links if (s, t) not in back]
    layers = _ordered(_layers(list(described), forward), forward)
    nodes = _placed(layers, described)
    nodes = {
        name: Node(
            node.id, node.name, node.kind, node.x, node.y, node.width,
            stops_before=name in before, stops_after=name in after, waits=name in waiting,
        )
        for name, node in nodes.items()
    }  # fmt: skip
    lanes = _Lanes(nodes.values())
    edges = tuple(
        Edge(
            source,
            target,
            nodes[target].label,
            conditional,
            lanes.path(nodes[source], nodes[target])
            if (source, target) in back
            else _path(nodes[source], nodes[target]),
        )
        for source, target, conditional in links
    )
    return Picture(
        nodes=tuple(nodes.values()),
        edges=edges,
        left=lanes.left - _MARGIN,
        width=lanes.right - lanes.left + 2 * _MARGIN,
        height=max(node.bottom for node in nodes.values()) + _MARGIN,
    )


class _Lanes:
    """The ways beside the nodes on which edges lead back, each on its own."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = tuple(nodes)
        self.left = min(node.left for node in self.nodes)
        self.right = max(node.right for node in self.nodes)

    def path(self, source: Node, target: Node) -> str:
        """Out of a side that no other node of the row stands at, along a new lane, and in again."""
        start, end = source.y + 6, target.y - 6
        if self._is_free(source, -1) and not self._is_free(source, 1):
            self.left -= _LANE
            return _way_back(source.left, start, self.left, target.left, end)
        self.right += _LANE
        return _way_back(source.right, start, self.right, target.right, end)

    def _is_free(self, node: Node, side: int) -> bool:
        row = (other for other in self.nodes if other.y == node.y)
        return not any((other.x - node.x) * side > 0 for other in row)


def _nodes(graph: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    """Name and kind of each node, by id."""
    found: dict[str, dict[str, str]] = {}
    for node in _listed(graph, "nodes"):
        match node:
            case {"id": str() as identity, **rest}:
                found[identity] = {
                    "name": _text(rest.get("name")) or identity,
                    "kind": _text(rest.get("kind")),
                }
    return found


def _links(graph: Mapping[str, Any] | None, nodes: Collection[str]) -> list[tuple[str, str, bool]]:
    found: dict[_Pair, bool] = {}
    for edge in _listed(graph, "edges"):
        match edge:
            case {"source": str(source), "target": str(target), **rest}:
                if source in nodes and target in nodes:
                    found.setdefault((source, target), bool(rest.get("conditional")))
    return [(*pair, conditional) for pair, conditional in found.items()]


def _listed(graph: Mapping[str, Any] | None, key: str) -> Sequence[Any]:
    value = graph.get(key) if isinstance(graph, Mapping) else None
    return value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _label(name: str) -> str:
    return name.strip("_") or name


def _lines(label: str) -> tuple[str, ...]:
    """Break a long label after its last colon or point: the class above, the method below."""
    cut = max(label.rfind("."), label.rfind(":")) + 1
    if len(label) <= _ONE_LINE or not 0 < cut < len(label):
        return (label,)
    return label[:cut], label[cut:]


def _leading_back(nodes: Iterable[str], pairs: Sequence[_Pair]) -> set[_Pair]:
    """The edges that close a circle, as a walk from the first node meets them."""
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in pairs:
        targets[source].append(target)
    back: set[_Pair] = set()
    done: set[str] = set()
    for first in targets:
        if first in done:
            continue
        on_the_way: dict[str, None] = {first: None}
        stack = [(first, iter(targets[first]))]
        while stack:
            node, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                stack.pop()
                done.add(node)
                del on_the_way[node]
            elif step in on_the_way:
                back.add((node, step))
            elif step not in done:
                on_the_way[step] = None
                stack.append((step, iter(targets[step])))
    return back


def _layers(nodes: Sequence[str], forward: Sequence[_Pair]) -> list[list[str]]:
    """Each node as far down as the longest way to it; `forward` has no circles."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        moved = False
        for source, target in forward:
            if depth[target] <= depth[source]:
                depth[target] = depth[source] + 1
                moved = True
        if not moved:
            break
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in nodes:
        layers[depth[node]].append(node)
    return layers


def _ordered(layers: list[list[str]], forward: Sequence[_Pair]) -> list[list[str]]:
    """The nodes of each layer, near the middle of their neighbours above and below."""
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        steps = pairwise(layers if downwards else layers[::-1])
        for fixed, loose in steps:
            place = {node: index for index, node in enumerate(fixed)}
            middle = {}
            for index, node in enumerate(loose):
                near = [
                    place[other]
                    for pair in forward
                    for other in _opposite(pair, node, downwards=downwards)
                    if other in place
                ]
                middle[node] = sum(near) / len(near) if near else float(index)
            loose.sort(key=middle.__getitem__)
    return layers


def _opposite(pair: _Pair, node: str, *, downwards: bool) -> tuple[str, ...]:
    source, target = pair
    if downwards:
        return (source,) if target == node else ()
    return (target,) if source == node else ()


def _placed(
    layers: Sequence[Sequence[str]], described: Mapping[str, Mapping[str, str]]
) -> dict[str, Node]:
    widths = {
        node: max(_PADDING + _CHARACTER * max(map(len, _lines(_label(facts["name"])))), 56.0)
        for node, facts in described.items()
    }
    rows = [sum(widths[node] for node in row) + _GAP_X * (len(row) - 1) for row in layers]
    middle = max(rows) / 2 + _MARGIN
    placed = {}
    for depth, (row, width) in enumerate(zip(layers, rows, strict=True)):
        left = middle - width / 2
        for node in row:
            facts = described[node]
            placed[node] = Node(
                id=node,
                name=facts["name"],
                kind=facts["kind"],
                x=left + widths[node] / 2,
                y=_MARGIN + NODE_HEIGHT / 2 + depth * (NODE_HEIGHT + _GAP_Y),
                width=widths[node],
            )
            left += widths[node] + _GAP_X
    return placed


def _path(source: Node, target: Node) -> str:
    bend = (target.top - source.bottom) / 2
    return (
        f"M{source.x:.1f} {source.bottom:.1f}"
        f"C{source.x:.1f} {source.bottom + bend:.1f} {target.x:.1f} {target.top - bend:.1f} "
        f"{target.x:.1f} {target.top:.1f}"
    )


def _way_back(x: float, start: float, lane: float, into: float, end: float) -> str:
    return (
        f"M{x:.1f} {start:.1f}"
        f"C{lane:.1f} {start:.1f} {lane:.1f} {start:.1f} {lane:.1f} {(start + end) / 2:.1f}"
        f"S{lane:.1f} {end:.1f} {into:.1f} {end:.1f}"
    )
