"""Static breakpoints, foreseen as a runner finds them: where it asks before it goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agents.history.graph_ways import Way

ALL = ("*",)
"""The stops of a run or graph that stops at every node."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A breakpoint that people are asked about first; approved, the `waiting` nodes run."""

    when: Literal["before", "after"]
    nodes: tuple[str, ...]  # it is set before or after
    waiting: tuple[str, ...]
    is_sure: bool  # else the graph's conditions may lead past it


def stop(
    ways: Sequence[Way],
    ran: Iterable[str],
    before: Collection[str],
    after: Collection[str],
) -> Stop | None:
    """The breakpoint between the nodes that `ran` and those that `ways` lead to. Pure.

    After the last node there is none.
    """
    waiting = tuple(dict.fromkeys(way.node for way in ways))
    if not waiting:
        return None
    held = {way.node: way.conditional for way in ways if _stops(way.node, before)}
    if held and (len(held) == len(waiting) or not all(held.values())):
        return Stop("before", tuple(held), waiting, is_sure=True)
    if passed := tuple(dict.fromkeys(node for node in ran if _stops(node, after))):
        return Stop("after", passed, waiting, is_sure=True)
    return Stop("before", tuple(held), waiting, is_sure=False) if held else None


def _stops(node: str, stops: Collection[str]) -> bool:
    root = node.partition(":")[0]  # a run stops at nodes of its own graph
    return root != "__start__" and (tuple(stops) == ALL or root in stops)
