"""Questions that move: what differs when an agent asks anew, and what is left to answer.

A question that holds a time, a uuid or a list in no order is another value each time its node
runs. An answer is bound to the parts that stay: the moving parts are named by path, shown to the
reviewer, and made equal on both sides before the digests are compared.

A path is an array of keys and positions from the root; a `Typed` object with named fields is
entered like a dict. It travels as tagged JSON text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from reviewconsole.protocol import tagged
from reviewconsole.protocol.plain import Plain, Typed
from reviewconsole.protocol.tagged import canonical
from reviewconsole.protocol.values import Moving

Path: TypeAlias = tuple[Any, ...]

_ANYTHING = Typed(0, "reviewconsole", "anything", None)  # stands where any value may stand


def compare(before: Plain, after: Plain) -> tuple[Moving, ...] | None:
    """Which parts of a question moved between two times it was asked; () where none did.

    None where it is another question: the root is of another type or has other keys, or no part
    of it is the same. Lists with the same items move in order only; sets do not move at all.

    Raises:
        TypeError, ValueError: as `tagged.canonical`.
    """
    found = _Comparison()
    found.enter((), before, after)
    if not found.parts:
        return ()
    if not found.common or ((), "value") in found.parts:
        return None
    return _written(found.parts)


def settle(value: Plain, moving: Iterable[Moving]) -> Plain:
    """The value with its moving parts made equal, for `question_digest`.

    Where anything may stand there is one mark, and items in any order are sorted by their canonical
    bytes. A path that leads nowhere changes nothing: the digest then differs, and no answer fits.

    Raises:
        ValueError: a path is not tagged JSON of an array, or the whole question may be anything:
            an answer to that would fit every question.
    """
    for path, how in _read(moving):
        if not path and how == "value":
            raise ValueError("nothing of this question stays, so no answer can be bound to it")
        value = _settled(value, path, how)
    return value


def merge(a: Iterable[Moving], b: Iterable[Moving]) -> tuple[Moving, ...]:
    """The parts that moved in either: what is inside a part that may be anything goes with it.

    A list that moves in order and has items that move as well may be anything: its positions name
    nothing any more. Where that is the root, `settle` refuses: nothing can be answered.

    Raises:
        ValueError: a path is not tagged JSON of an array.
    """
    parts: dict[bytes, tuple[Path, str]] = {}
    for path, how in sorted((*_read(a), *_read(b)), key=lambda part: len(part[0])):
        above = (canonical(list(path[:end])) for end in range(len(path)))
        outer = next((key for key in above if key in parts), None)
        key = canonical(list(path))
        if outer is not None:
            parts[outer] = parts[outer][0], "value"
        elif how == "value" or key not in parts:
            parts[key] = path, how
    return _written(list(parts.values()))


def path_of(part: Moving) -> Path:
    """The keys and positions that lead to a part.

    Raises:
        ValueError: the path is not tagged JSON of an array.
    """
    path = tagged.loads(part.path)
    if not isinstance(path, list):
        raise ValueError(f"{part.path!r} is no path: an array of keys and positions")
    return tuple(_as_key(each) for each in path)


class _Comparison:
    """One walk through two values, side by side."""

    def __init__(self) -> None:
        self.parts: list[tuple[Path, str]] = []
        self.common = False  # whether any part was the same

    def enter(self, path: Path, before: Any, after: Any) -> None:
        match before, after:
            case dict(), dict() if sorted(map(canonical, before)) == sorted(map(canonical, after)):
                others = {canonical(key): item for key, item in after.items()}
                for key, item in before.items():
                    self.enter((*path, key), item, others[canonical(key)])
            case Typed(payload=dict()), Typed(payload=dict()) if _same_type(before, after):
                self.enter(path, before.payload, after.payload)
            case list(), list() if len(before) == len(after):
                self._enter_list(path, before, after)
            case _:
                self._leave(path, before, after)

    def _enter_list(self, path: Path, before: list[Any], after: list[Any]) -> None:
        inner = _Comparison()
        for position, (one, other) in enumerate(zip(before, after, strict=True)):
            inner.enter((*path, position), one, other)
        if inner.parts and sorted(map(canonical, before)) == sorted(map(canonical, after)):
            self.parts.append((path, "order"))
            self.common = True
        elif inner.parts and not inner.common:
            self.parts.append((path, "value"))
        else:
            self.parts += inner.parts
            self.common |= inner.common

    def _leave(self, path: Path, before: Any, after: Any) -> None:
        if canonical(before) == canonical(after):
            self.common = True
        else:
            self.parts.append((path, "value"))


def _same_type(one: Typed, other: Typed) -> bool:
    return replace(one, payload=None) == replace(other, payload=None)


def _settled(value: Any, path: Path, how: str) -> Any:
    if not path and how == "value":
        return _ANYTHING
    if not path:
        return sorted(value, key=canonical) if isinstance(value, list) else value
    key, rest = path[0], path[1:]
    match value:
        case Typed(payload=dict()):
            return replace(value, payload=_settled(value.payload, path, how))
        case dict() if key in value:
            return {**value, key: _settled(value[key], rest, how)}
        case list() if type(key) is int and 0 <= key < len(value):
            return [*value[:key], _settled(value[key], rest, how), *value[key + 1 :]]
    return value


def _read(moving: Iterable[Moving]) -> list[tuple[Path, str]]:
    return [(path_of(part), part.how) for part in moving]


def _written(parts: Iterable[tuple[Path, str]]) -> tuple[Moving, ...]:
    return tuple(Moving(tagged.dumps(list(path)), how) for path, how in parts)


def _as_key(item: Any) -> Any:
    """A key that is a tuple is written as an array, like every tuple."""
    return tuple(map(_as_key, item)) if isinstance(item, list) else item
