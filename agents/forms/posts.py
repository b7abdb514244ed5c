"""What browsers post: lists of texts by the names of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from agents.exceptions import InvalidAnswer

Post: TypeAlias = Mapping[str, Sequence[str]]


def last(post: Post | None, name: str) -> str:
    """The text of an input, the last one counts; its line ends are those that were typed."""
    given = post.get(name) if post is not None else None
    return given[-1].replace("\r\n", "\n") if given else ""


def holds(post: Post | None, prefix: str) -> bool:
    """Whether any input of this place was posted."""
    below = (f"{prefix}.", f"{prefix}:")
    return any(name == prefix or name.startswith(below) for name in post or ())


def wrong(path: str, message: str) -> InvalidAnswer:
    """The refusal of what stands at one place."""
    return InvalidAnswer(message, {path: message})
