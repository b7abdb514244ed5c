"""What moved in a question that is not the same each time it is asked."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models import Interrupt
from agents.reviews.paths import Path
from reviewconsole.protocol import tagged
from reviewconsole.protocol.plain import Plain, Typed


@dataclass(frozen=True, slots=True)
class MovedPart:
    """A part of a question that stood differently before.

    `before` and `now` hold the one value that stood there, nothing where the part is not found.
    """

    path: Path
    is_order: bool  # the same items in another order
    before: tuple[Plain, ...]
    now: tuple[Plain, ...]

    @property
    def is_argument(self) -> bool:
        """Whether it is in the arguments of a call: then what runs is not what was read."""
        return "args" in self.path


def moved_parts(interrupt: Interrupt) -> tuple[MovedPart, ...]:
    """The parts that moved, in order. No query when `moved_from` is loaded."""
    if not interrupt.moving:
        return ()
    before = interrupt.moved_from
    return tuple(
        MovedPart(
            path := _path(moved["path"]),
            moved["how"] == "order",
            _at(before.value, path) if before is not None else (),
            _at(interrupt.value, path),
        )
        for moved in interrupt.moving
    )


def _path(text: str) -> Path:
    path = tagged.loads(text)
    return tuple(path) if isinstance(path, list) else ()  # type: ignore[arg-type]  # keys


def _at(value: Plain, path: Path) -> tuple[Plain, ...]:
    for step in path:
        inside = value.payload if isinstance(value, Typed) else value
        match inside:
            case dict() if step in inside:
                value = inside[step]
            case list() if isinstance(step, int) and 0 <= step < len(inside):
                value = inside[step]
            case _:
                return ()
    return (value,)
