"""What a form can make of one place of a schema: its references followed, its unions decided.

Schemas say one thing in many ways (`anyOf` with null, `type` as a list, `allOf` with one reference,
constants for an enumeration); forms need few. The rest is edited as JSON, with the reason.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agents.reviews import schemas
from agents.reviews.fields import MISSING, Kind, Nothing
from agents.reviews.request import Schema
from agents.reviews.schema_messages import TYPE_NAMES
from agents.reviews.schema_references import resolve
from agents.reviews.show import is_hidden
from reviewconsole.protocol.plain import Plain, Typed

_ONE_LINE = 72  # characters; longer text gets several lines
_PROSE = {  # last words of keys whose text tends to have several lines
    *("body", "code", "comment", "content", "description", "html", "message"),
    *("note", "notes", "prompt", "query", "summary", "text"),
}
_HARMLESS = frozenset("\u200d\ufe0e\ufe0f\u00a0\u202f")  # parts of emoji, and typographic spaces
_FORMLESS = "It is {}, for which there is no form."


@dataclass(frozen=True, slots=True)
class Shape:
    """How one place is edited. `trail` names the references that lead to it."""

    kind: Kind
    schema: Schema = field(default_factory=dict)
    nullable: bool = False
    options: tuple[Plain, ...] = ()  # of a choice
    reason: str = ""  # of JSON: why there is no form
    trail: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Reading:
    """A schema on its way to having one type: references and unions are resolved step by step."""

    schema: Schema
    root: Schema
    value: Plain | Nothing
    trail: frozenset[str]
    nullable: bool = False
    reason: str = ""

    def shape(self, key: str) -> Shape:
        while not self.reason and self._step():
            pass
        if self.reason:
            return self._json(self.reason)
        if "const" in self.schema:
            return self._choice(self.schema["const"])
        if isinstance(options := self.schema.get("enum"), list):
            return self._choice(*options)
        return self._typed(key)

    def _step(self) -> bool:
        """Resolve one reference or union; False when there is none left."""
        schema = self.schema
        if isinstance(reference := schema.get("$ref"), str):
            self._follow(reference)
            return True
        for keyword in ("allOf", "anyOf", "oneOf"):
            branches = schema.get(keyword)
            if isinstance(branches, list) and "properties" not in schema:
                rest = {name: setting for name, setting in schema.items() if name != keyword}
                self._unite(branches, rest, everything=keyword == "allOf")
                return True
        if isinstance(types := schema.get("type"), list):
            rest = {name: setting for name, setting in schema.items() if name != "type"}
            self._unite([{"type": name} for name in types], rest, everything=False)
            return True
        return False

    def _follow(self, reference: str) -> None:
        target = resolve(reference, self.root)
        if reference in self.trail:
            self.reason = "Its schema refers to itself."
        elif target is None:
            self.reason = f"Its schema refers to {reference}, which is not there."
        else:
            rest = {name: setting for name, setting in self.schema.items() if name != "$ref"}
            self.schema = {**(target if isinstance(target, dict) else {}), **rest}
            self.trail |= {reference}

    def _unite(self, branches: list[Any], rest: Schema, *, everything: bool) -> None:
        """Put one branch in the place of a union: the only one, or the one the value fits."""
        wanted = [branch for branch in branches if isinstance(branch, dict)]
        if not everything:
            some = [branch for branch in wanted if branch.get("type") != "null"]
            self.nullable |= len(some) < len(wanted)
            wanted = some or [{"type": "null"}]
            if len(wanted) > 1 and all("const" in branch for branch in wanted):
                wanted = [{"enum": [branch["const"] for branch in wanted]}]
            if len(wanted) > 1:
                wanted = [branch for branch in wanted if self._fits(branch)][:1]
        if len(wanted) == 1:
            self.schema = {**wanted[0], **rest}
        elif everything:
            self.reason = "Its schema combines several schemas."
        else:
            self.reason = "It may be of several types."

    def _fits(self, branch: Schema) -> bool:
        if isinstance(self.value, Nothing):
            return False
        definitions = {key: self.root[key] for key in ("$defs", "definitions") if key in self.root}
        return not schemas.errors(self.value, {**definitions, "allOf": [branch]})

    def _typed(self, key: str) -> Shape:
        kind = _kind(_type_of(self.schema, self.value))
        if kind is Kind.CHOICE:
            is_null = _type_of(self.schema, self.value) == "null"
            return self._choice(*([None] if is_null else [True, False]))
        if kind is Kind.JSON:
            return self._json(_FORMLESS.format(_described(self.value)))
        is_empty = self.value is MISSING or (self.value is None and self.nullable)
        if not is_empty and (mismatch := _mismatch(kind, self.value)):
            return self._json(mismatch)
        if kind is Kind.OBJECT and not _typable_keys(self.schema.get("properties")):
            return self._json("Its schema has keys that a form cannot show.")
        kind = _text_kind(kind, self.schema, "" if is_empty else self.value, key)
        return Shape(kind, self.schema, self.nullable, trail=self.trail)

    def _choice(self, *options: Plain) -> Shape:
        return Shape(Kind.CHOICE, self.schema, self.nullable, options)

    def _json(self, reason: str) -> Shape:
        return Shape(Kind.JSON, self.schema, self.nullable, reason=reason)


def shape_of(
    schema: Schema | bool,
    root: Schema,
    value: Plain | Nothing,
    *,
    key: str = "",
    trail: frozenset[str] = frozenset(),
) -> Shape:
    """Decide how a place is edited: by its schema, and by the value that stands there.

    An empty schema takes the type of the value. A value that does not fit is edited as JSON.
    """
    return _Reading(schema if isinstance(schema, dict) else {}, root, value, trail).shape(key)


def inferred(value: Plain) -> Schema:
    """The schema of more of the same, where only an example is known; empty if it tells no type."""
    match value:
        case dict():
            properties = {key: inferred(item) for key, item in value.items()}
            return {"type": "object", "properties": properties, "required": list(value)}
        case list():
            return {"type": "array", "items": inferred(value[-1]) if value else {}}
    return {"type": name} if (name := _type_name(value)) in TYPE_NAMES and name != "null" else {}


def _type_of(schema: Schema, value: Plain | Nothing) -> str:
    if isinstance(name := schema.get("type"), str):
        return name
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "" if isinstance(value, Nothing) or value is None else _type_name(value)


def _type_name(value: Plain) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return ""


def _kind(type_name: str) -> Kind:
    match type_name:
        case "object":
            return Kind.OBJECT
        case "array":
            return Kind.ARRAY
        case "string":
            return Kind.TEXT
        case "integer":
            return Kind.INTEGER
        case "number":
            return Kind.NUMBER
        case "boolean" | "null":
            return Kind.CHOICE
    return Kind.JSON


def _described(value: Plain | Nothing) -> str:
    match value:
        case bytes():
            return "a value of bytes"
        case Typed():
            return f"a {value.type_name}"
    return "a value of any type"


def _mismatch(kind: Kind, value: Plain | Nothing) -> str:
    """Why a value cannot stand in an input of this kind; empty when it can."""
    match kind, value:
        case Kind.OBJECT, dict():
            return "" if _typable_keys(value) else "It has keys that a form cannot show."
        case Kind.TEXT, str():
            return "" if is_typable(value) else "It holds characters that cannot be seen or typed."
        case (Kind.ARRAY, list()) | (Kind.INTEGER | Kind.NUMBER, int()):
            return "Its type is not the schema's." if isinstance(value, bool) else ""
        case Kind.INTEGER | Kind.NUMBER, float() if math.isfinite(value):
            whole = kind is Kind.NUMBER or value.is_integer()
            return "" if whole else "It is not a whole number, as its schema says."
    return "Its type is not the schema's."


def _typable_keys(value: object) -> bool:
    keys = value if isinstance(value, dict) else ()
    return all(isinstance(key, str) and is_typable(key, one_line=True) for key in keys)


def is_typable(text: str, *, one_line: bool = False) -> bool:
    """Whether a browser shows, keeps and posts this text as it is (line ends apart)."""
    characters = set(text.replace("\r\n", "\n"))
    if one_line and characters & {"\n", "\t"}:
        return False
    return not any(is_hidden(c) and c not in _HARMLESS for c in characters)


def _text_kind(kind: Kind, schema: Schema, value: Plain | Nothing, key: str) -> Kind:
    """Which input a text gets; other kinds stay what they are."""
    if kind is not Kind.TEXT or not isinstance(value, str):
        return kind
    if schema.get("format") == "date" and (not value or _is_date(value)):
        return Kind.DATE
    last_word = re.split(r"[\W_]+", key.lower())[-1]
    prose = last_word in _PROSE and not {"format", "pattern"} & schema.keys()
    return Kind.LONG_TEXT if prose or "\n" in value or len(value) > _ONE_LINE else Kind.TEXT


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
