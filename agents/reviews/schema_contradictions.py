"""Schemas that admit no value, in the ways people write them by mistake.

A form for such a schema could never be sent. Whether any value fits is hard to say in general; this
finds the plain cases and claims nothing about the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.reviews import raw_json
from agents.reviews.paths import Path, join
from agents.reviews.request import Schema
from agents.reviews.schema_references import resolve
from reviewconsole.protocol.plain import Plain

_MAX_PARTS = 1000  # looked at; references may fan out
_LIMITS = (  # least, most, of which types, and whether both may be the same
    ("minimum", "maximum", {"integer", "number"}, True),
    ("exclusiveMinimum", "maximum", {"integer", "number"}, False),
    ("minimum", "exclusiveMaximum", {"integer", "number"}, False),
    ("exclusiveMinimum", "exclusiveMaximum", {"integer", "number"}, False),
    ("minLength", "maxLength", {"string"}, True),
    ("minItems", "maxItems", {"array"}, True),
    ("minProperties", "maxProperties", {"object"}, True),
)
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def contradiction(schema: Schema) -> str:
    """Say in a sentence why no value fits a schema; empty when nothing plain is against it."""
    for path, part in _needed(schema):
        if reason := next(_reasons(part, schema), ""):
            place = f" at {join('', *path)}" if path else ""
            return f"No value fits it{place}: {reason}."
    return ""


def _needed(root: Schema) -> Iterator[tuple[Path, Schema | bool]]:
    """The parts that a value must fit whatever else it does, with the paths of their values."""
    pending: list[tuple[Path, Plain]] = [((), root)]
    seen: set[tuple[Path, str]] = set()
    for _ in range(_MAX_PARTS):
        if not pending:
            return
        path, part = pending.pop()
        if isinstance(part, bool):
            yield path, part
        if not isinstance(part, dict):
            continue
        yield path, part
        if isinstance(reference := part.get("$ref"), str) and (path, reference) not in seen:
            seen.add((path, reference))
            pending.append((path, resolve(reference, root)))
        if isinstance(branches := part.get("allOf"), list):
            pending.extend((path, branch) for branch in branches)
        members = part.get("properties")
        if part.get("type") == "object" and isinstance(members, dict):
            pending.extend(((*path, k), members[k]) for k in _required(part) if k in members)


def _reasons(part: Schema | bool, root: Schema) -> Iterator[str]:
    if isinstance(part, bool):
        if not part:
            yield "it allows nothing"
        return
    kind = part["type"] if isinstance(part.get("type"), str) else ""
    for least, most, kinds, inclusive in _LIMITS:
        match kind in kinds, part.get(least), part.get(most):
            case True, (int() | float()) as low, (int() | float()) as high:
                if low > high or (low == high and not inclusive):
                    yield f"{least} is {_shown(low)} and {most} is {_shown(high)}"
    options = [part["const"]] if "const" in part else part.get("enum")
    if isinstance(options, list) and not any(_is_a(kind, option) for option in options):
        yield "none of its choices is of its type" if options else "it has no choices"
    if kind == "object" and part.get("additionalProperties") is False:
        known = {**_dict(part.get("properties")), **_dict(part.get("patternProperties"))}
        unknown = [k for k in _required(part) if k not in known]
        if unknown and "patternProperties" not in part:
            yield f"it requires {unknown[0]!r} and does not allow it"
    if len(kinds_of := set(_kinds(part, root))) > 1 and kinds_of != {"integer", "number"}:
        yield f"it must be {' and '.join(sorted(kinds_of))} at once"


def _kinds(part: Schema, root: Schema) -> Iterator[str]:
    """The types that a part, and what it is united with at once, insist on."""
    branches = part.get("allOf")
    for branch in [part, *(branches if isinstance(branches, list) else [])]:
        if isinstance(branch, dict) and isinstance(reference := branch.get("$ref"), str):
            branch = {**_dict(resolve(reference, root)), **branch}
        if isinstance(branch, dict) and isinstance(kind := branch.get("type"), str):
            yield kind


def _is_a(kind: str, value: Plain) -> bool:
    """Whether a value is of a type; where none is named, any value is."""
    if kind not in _TYPES:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])


def _required(part: Schema) -> list[Any]:
    required = part.get("required")
    return required if isinstance(required, list) else []


def _dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _shown(number: float) -> str:
    return raw_json.dump(number, indent=None)
