"""A plain value as lines to read: key, value and type, nested as the value is.

Nothing is left out or cut: what is too deep for lines stands as JSON, and long text says how long
it is, so that a tail cannot hide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agents.reviews import raw_json
from reviewconsole.protocol.plain import Plain, Typed

MAX_LEVELS = 6  # of lines within lines; what lies deeper is one JSON text
MAX_COLUMNS = 6  # of a table; wider ones are lines
_ONE_LINE = 100  # characters; longer text stands in a block of its own


@dataclass(frozen=True, slots=True)
class Line:
    """One place of a value. Either `text` says all of it, or `lines` do.

    `key` is empty for the value itself. `kind` names the type in people's words, `size` says how
    much there is where that is not seen at once. `block` asks for a block of its own.
    """

    key: str
    kind: str
    text: str = ""
    size: str = ""
    block: bool = False
    lines: tuple[Line, ...] = ()
    is_list: bool = False

    @property
    def is_short(self) -> bool:
        """Whether it is one short text, a number or the like."""
        return bool(self.text) and not self.block

    @property
    def items(self) -> tuple[Line, ...]:
        """The items of a list of short values of one type; empty for anything else."""
        if not self.is_list or not all(item.is_short for item in self.lines):
            return ()
        return self.lines if len({item.kind for item in self.lines}) == 1 else ()

    @property
    def columns(self) -> tuple[Line, ...]:
        """The heads of a list that reads as a table: rows of the same short values, or null."""
        rows = [row.lines for row in self.lines]
        if not self.is_list or len(rows) < 2 or not 0 < len(rows[0]) <= MAX_COLUMNS:
            return ()
        keys = {tuple(cell.key for cell in row) for row in rows}
        if len(keys) > 1 or not all(cell.is_short for row in rows for cell in row):
            return ()
        columns = [
            [cell for cell in column if cell.kind != "null"] for column in zip(*rows, strict=True)
        ]
        even = all(len({cell.kind for cell in column}) == 1 for column in columns)
        return tuple(column[0] for column in columns) if even else ()


def outline(value: Plain) -> tuple[Line, ...]:
    """Write a value as lines: one for each key of an object, one alone for anything else."""
    whole = _line("", value, 0)
    return whole.lines if whole.lines else (whole,)


def _line(key: str, value: Plain, level: int) -> Line:
    match value:
        case None:
            return Line(key, "null", "null")
        case bool():
            return Line(key, "boolean", "true" if value else "false")
        case int():
            return Line(key, "integer", str(value))
        case float():
            return Line(key, "number", repr(value))
        case str():
            return _of_text(key, value)
        case list() | dict() if not value:
            return Line(key, "list" if isinstance(value, list) else "object", size="empty")
        case list() if level < MAX_LEVELS:
            return _of_items(key, "list", value, level)
        case dict() if level < MAX_LEVELS:
            named = ((str(name), item) for name, item in value.items())
            return _of_parts(key, "object", named, level, "")
        case Typed(payload=dict(payload)) if payload and level < MAX_LEVELS:
            named = ((str(name), item) for name, item in payload.items())
            return _of_parts(key, value.type_name, named, level, "")
        case Typed(payload=[_, *_] as items) if level < MAX_LEVELS:
            return _of_items(key, value.type_name, items, level)
        case Typed(payload=int() | float()) | Typed(payload=str()) if value.payload != "":
            return replace(_line(key, value.payload, level), kind=value.type_name)
    kind = value.type_name if isinstance(value, Typed) else "JSON"
    return Line(key, kind, raw_json.dump(value), block=True)


def _of_items(key: str, kind: str, items: list[Plain], level: int) -> Line:
    numbered = ((str(position), item) for position, item in enumerate(items, 1))
    parts = _of_parts(key, kind, numbered, level, _count(len(items), "item"))
    return replace(parts, is_list=True)


def _of_parts(
    key: str, kind: str, parts: Iterator[tuple[str, Plain]], level: int, size: str
) -> Line:
    lines = tuple(_line(name, item, level + 1) for name, item in parts)
    return Line(key, kind, size=size, lines=lines)


def _of_text(key: str, text: str) -> Line:
    if not text:
        return Line(key, "text", size="empty")
    rows = text.count("\n") + 1
    if rows == 1 and len(text) <= _ONE_LINE:
        return Line(key, "text", text)
    size = _count(len(text), "character") + (f", {_count(rows, 'line')}" if rows > 1 else "")
    return Line(key, "text", text, size, block=True)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
