"""References within a JSON schema. One that leads out of it is never followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from agents.reviews.request import Schema
from reviewconsole.protocol.plain import Plain

MAX_NODES = 3000  # parts of one schema
MAX_DEPTH = 60  # levels of one schema

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_DEFINITIONS = ("$defs", "definitions")
_DATA = ("const", "enum", "default", "examples")  # hold values, not schemas


class TooLarge(Exception):
    """A schema has more parts or levels than anyone can work with."""


class LeadsElsewhere(Exception):
    """A reference leads to another document, or to what a part cannot take along."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"It refers to {reference!r}, which is not a part of it.")


def resolve(reference: str, root: Schema) -> Schema | bool | None:
    """Follow a reference into the schema itself (`#/$defs/Item`); None when it leads elsewhere."""
    start, *segments = reference.split("/")
    target: Any = root
    if start != "#":
        return None
    for segment in segments:
        key = _unescaped(segment)
        match target:
            case dict() if key in target:
                target = target[key]
            case list() if key.isdecimal() and int(key) < len(target):
                target = target[int(key)]
            case _:
                return None
    return target if isinstance(target, dict | bool) else None


def references(schema: Plain) -> Iterator[str]:
    """List the references in a schema.

    Raises:
        TooLarge: it is too large or too deep to work with.
    """
    pending: list[tuple[Plain, int]] = [(schema, 0)]
    seen = 0
    while pending:
        part, depth = pending.pop()
        seen += 1
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise TooLarge(f"It has more than {MAX_NODES} parts or {MAX_DEPTH} levels.")
        match part:
            case dict():
                found = (part.get(key) for key in _REFERENCES)
                yield from (reference for reference in found if isinstance(reference, str))
                pending.extend((part[key], depth + 1) for key in part if key not in _DATA)
            case list():
                pending.extend((item, depth + 1) for item in part)


def definitions_for(inner: Schema, root: Schema) -> Schema:
    """The definitions of a schema that a part of it needs to stand alone, by keyword and name.

    Raises:
        LeadsElsewhere: the part refers to something else than a definition.
        TooLarge: as `references`.
    """
    found: Schema = {}
    pending: list[Plain] = [inner]
    while pending:
        for reference in references(pending.pop()):
            match reference.split("/"):
                case ["#", keyword, segment, *_] if keyword in _DEFINITIONS:
                    named = resolve(f"#/{keyword}/{segment}", root)
                case _:
                    named = None
            if named is None:
                raise LeadsElsewhere(reference)
            definitions = found.setdefault(keyword, {})
            if (name := _unescaped(segment)) not in definitions:
                definitions[name] = named
                pending.append(named)
    return found


def _unescaped(segment: str) -> str:
    return unquote(segment).replace("~1", "/").replace("~0", "~")
