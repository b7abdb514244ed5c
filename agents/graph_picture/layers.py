"""Which node stands in which row, and where in it: the order of a level, without any sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_SWEEPS = 4
_BEND = "\0"  # what the names of bends begin with: no node's id holds it
Pair = tuple[str, str]


@dataclass(slots=True)
class Layers:
    """The rows of a level from above, and the steps of its edges from row to row.

    An edge that passes a row stands in it as a bend of its own, so that nothing is drawn across it.
    """

    rows: list[list[str]]
    steps: list[Pair] = field(default_factory=list)
    bends: dict[Pair, list[str]] = field(default_factory=dict)


def layered(nodes: Sequence[str], pairs: Sequence[Pair]) -> Layers:
    """Put each node as far down as the longest way to it; `pairs` have no circles."""
    depth = _depths(nodes, pairs)
    layers = Layers([[] for _ in range(max(depth.values()) + 1)])
    for node in nodes:
        layers.rows[depth[node]].append(node)
    for number, (source, target) in enumerate(pairs):
        bends = []
        for row in range(depth[source] + 1, depth[target]):
            bends.append(f"{_BEND}{number}.{row}")
            layers.rows[row].append(bends[-1])
        layers.bends[source, target] = bends
        layers.steps += pairwise([source, *bends, target])
    _sort(layers)
    return layers


def is_bend(name: str) -> bool:
    """Whether this stands in its row for an edge that passes."""
    return name.startswith(_BEND)


def leading_back(nodes: Iterable[str], pairs: Iterable[Pair]) -> set[Pair]:
    """The edges that close a circle, as a walk from the first node meets them."""
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in pairs:
        targets[source].append(target)
    back: set[Pair] = set()
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


def neighbours(steps: Iterable[Pair], *, above: bool) -> dict[str, list[str]]:
    """What stands at the other ends of each node's edges, in the row above or below it."""
    found: dict[str, list[str]] = {}
    for upper, lower in steps:
        node, other = (lower, upper) if above else (upper, lower)
        found.setdefault(node, []).append(other)
    return found


def _depths(nodes: Sequence[str], pairs: Sequence[Pair]) -> dict[str, int]:
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        moved = False
        for source, target in pairs:
            if depth[target] <= depth[source]:
                depth[target] = depth[source] + 1
                moved = True
        if not moved:
            break
    return depth


def _sort(layers: Layers) -> None:
    """Put the nodes of each row near the middle of their neighbours above and below."""
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        near = neighbours(layers.steps, above=downwards)
        for fixed, loose in pairwise(layers.rows if downwards else layers.rows[::-1]):
            place = {node: index for index, node in enumerate(fixed)}
            middle = {}
            for index, node in enumerate(loose):
                places = [place[other] for other in near.get(node, ())]
                middle[node] = sum(places) / len(places) if places else float(index)
            loose.sort(key=middle.__getitem__)
