"""Rounds: which of the requests that wait together are done together.

A group is one transaction, so few groups are fast. What a runner asks for one run keeps its order;
what it asks for different runs need not, unless a request about the runner itself stands between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from reviewconsole.protocol.messages import (
    CallEnded,
    CallTool,
    CheckpointRequest,
    Get,
    Lease,
    Owner,
    Result,
)

Lifecycle: TypeAlias = Callable[[], Result]
"""A request about a runner and its runs, bound to its service: run in the writer's thread."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to be executed in the writer's thread."""

    runner: int  # primary key; 0 before the hello
    work: CheckpointRequest | CallTool | CallEnded | Lifecycle


class Kind(Enum):
    """What does a group."""

    LIFECYCLE = auto()  # a call of its own, in a transaction of its own
    TOOLS = auto()  # `services.tool_calls`
    CHECKPOINTS = auto()  # `services.checkpoints`
    READS = auto()  # the same, of single checkpoints: among themselves these wait for no disk


def grouped(calls: Sequence[Call]) -> Iterator[tuple[Kind, list[int]]]:
    """The groups in the order in which they are to be done, each by the places of its calls."""
    waiting: dict[int, list[int]] = {}
    for place, call in enumerate(calls):
        waiting.setdefault(call.runner, []).append(place)
    while waiting:
        heads = [places[0] for places in waiting.values()]
        for place in sorted(heads):
            if _kind(calls[place]) is Kind.LIFECYCLE:
                waiting[calls[place].runner].pop(0)
                yield Kind.LIFECYCLE, [place]
        for kind in (Kind.TOOLS, Kind.CHECKPOINTS, Kind.READS):
            group: list[int] = []
            for runner, places in waiting.items():
                taken = set(_next(calls, places, kind))
                group += taken
                waiting[runner] = [place for place in places if place not in taken]
            if group:
                yield kind, sorted(group)
        waiting = {runner: places for runner, places in waiting.items() if places}


def _next(calls: Sequence[Call], places: Sequence[int], kind: Kind) -> Iterator[int]:
    """Those of a runner's calls of one kind that nothing asked before has to precede."""
    passed_over: set[Lease | Owner] = set()
    for place in places:
        call = calls[place]
        if (found := _kind(call)) is Kind.LIFECYCLE:
            return
        scope = _scope(call)
        if found is kind and scope not in passed_over:
            yield place
        else:
            passed_over.add(scope)


def _kind(call: Call) -> Kind:
    if isinstance(call.work, CallTool | CallEnded):
        return Kind.TOOLS
    if isinstance(call.work, Get):
        return Kind.READS
    return Kind.LIFECYCLE if callable(call.work) else Kind.CHECKPOINTS


def _scope(call: Call) -> Lease | Owner:
    match call.work:
        case CallTool(lease=lease) | CallEnded(lease=lease):
            return lease
        case work:
            return work.scope  # type: ignore[union-attr]  # no lifecycle call is asked
