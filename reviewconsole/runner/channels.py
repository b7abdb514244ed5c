"""The channels of a graph and of the graphs inside it: their kinds, and whom they call."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph.channels import (
    AnyValue,
    BinaryOperatorAggregate,
    DeltaChannel,
    EphemeralValue,
    LastValue,
    LastValueAfterFinish,
    NamedBarrierValue,
    NamedBarrierValueAfterFinish,
    Topic,
    UntrackedValue,
)
from langgraph.pregel import Pregel

from reviewconsole.runner.graphs import Graph

_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("delta", (DeltaChannel,)),
    ("value", (LastValue, LastValueAfterFinish, BinaryOperatorAggregate, AnyValue)),
    ("topic", (Topic,)),
    ("barrier", (NamedBarrierValue, NamedBarrierValueAfterFinish)),
    ("ephemeral", (EphemeralValue,)),
    ("untracked", (UntrackedValue,)),
)


def levels(graph: Graph) -> Iterator[tuple[str, Graph]]:
    """The graph and the graphs inside it, each with its path: `""`, `outer`, `outer:inner`."""
    yield "", graph
    for path, subgraph in graph.get_subgraphs(recurse=True):
        if isinstance(subgraph, Pregel):  # a remote graph shows nothing of its inside
            yield path.replace("|", ":"), subgraph


def kind(channel: object) -> str:
    """How a channel keeps what is written to it; `other` for an agent's own kind.

    - `value`: one value, replaced or united with each update
    - `delta`: the writes alone, from which the agent's own code rebuilds its value
    - `topic`: a list that may be emptied at each step; `barrier`: who has arrived
    - `ephemeral`: for one step only; `untracked`: never stored
    """
    return next((name for name, types in _KINDS if isinstance(channel, types)), "other")


def has_delta(graph: Graph) -> bool:
    """Whether checkpoints of this graph, or of one inside it, hold writes in place of values."""
    return any(
        kind(channel) == "delta"
        for _, level in levels(graph)
        for channel in level.channels.values()
    )
