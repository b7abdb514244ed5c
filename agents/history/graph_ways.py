"""Which nodes may run after a node, as an agent's description of its graph tells it.

Nodes are named as the picture names them: `tools`, and `sub:tools` inside a graph. A node that goes
on by `Command(goto=…)` without saying so in its annotations has no edge here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Way:
    """An edge to a node."""

    node: str
    conditional: bool


def successors(graph: Mapping[str, Any] | None, node: str) -> tuple[Way, ...]:
    """The nodes that directly follow this one, the end left out; never raises."""
    raise NotImplementedError


def reachable(graph: Mapping[str, Any] | None, nodes: Iterable[str]) -> tuple[str, ...]:
    """The nodes that may run once these have run, nearest first; never raises.

    One of `nodes` is among them only if it may run again.
    """
    raise NotImplementedError
