"""Where two branches part, and the way between two checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

Parents: TypeAlias = Mapping[str, str | None]
"""The parent of each checkpoint, None for the first. One that is no key is not kept any more."""


def common_ancestor(parents: Parents, one: str, other: str) -> str | None:
    """The nearest checkpoint that both come from, perhaps one of them; None if there is none."""
    ways = set(_up(parents, one))
    return next((each for each in _up(parents, other) if each in ways), None)


def path(parents: Parents, start: str, end: str | None = None) -> tuple[str, ...]:
    """The way from a checkpoint back to an ancestor, both included; by default to the first.

    Empty if `end` is no ancestor of `start`.
    """
    found = []
    for each in _up(parents, start):
        found.append(each)
        if each == end:
            return tuple(found)
    return () if end is not None else tuple(found)


def _up(parents: Parents, checkpoint: str) -> Iterator[str]:
    """A checkpoint and its ancestors; ends where they would go round in a circle."""
    met: set[str] = set()
    up: str | None = checkpoint
    while up is not None and up in parents and up not in met:
        met.add(up)
        yield up
        up = parents[up]
