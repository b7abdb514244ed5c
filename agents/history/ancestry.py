"""Where two branches part, and the way between two checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

Parents = Mapping[str, str | None]
"""The parent of each checkpoint, None for the first."""


def common_ancestor(parents: Parents, one: str, other: str) -> str | None:
    """The newest checkpoint both come from, perhaps one of them; None if there is none."""
    raise NotImplementedError


def path(parents: Parents, start: str, end: str | None = None) -> tuple[str, ...]:
    """The way from a checkpoint back to an ancestor, both included; by default to the first.

    Empty if `end` is no ancestor of `start`.
    """
    raise NotImplementedError
