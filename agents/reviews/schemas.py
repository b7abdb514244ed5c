"""JSON Schema (2020-12) over plain values, written by agents and therefore not trusted.

References to other documents are never fetched. A schema can be small and take for ever (references
that double, patterns that backtrack), so each check has a budget; beyond it the value counts as
wrong, because it is not known to be right. Types are strict: `true` is no number, 64-bit integers
stay exact, and what JSON has no word for (bytes, NaN, objects) has no JSON type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from functools import lru_cache, wraps
from itertools import islice
from typing import Any
from uuid import UUID

import regex
from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from agents.reviews.paths import Path
from agents.reviews.request import Schema
from agents.reviews.schema_contradictions import contradiction
from agents.reviews.schema_messages import explain
from agents.reviews.schema_references import (
    LeadsElsewhere,
    TooLarge,
    definitions_for,
    references,
    resolve,
)
from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.tagged import canonical, dumps, loads

_MAX_STEPS = 50_000  # keywords checked for one value: about half a second
_MAX_LEVELS = 80  # keywords within keywords, for one value
_MAX_ERRORS = 20  # reported for one value
_PATTERN_SECONDS = 0.05  # one match of one pattern
_PATTERN_STEPS = 50  # what one match costs of the budget


class _NotChecked(Exception):
    """The value could not be checked; the text says why."""


def problem(schema: Plain) -> str:
    """Say in a sentence why a schema cannot be used; empty when it can."""
    if not isinstance(schema, dict):
        return "It is not a JSON schema object."
    try:
        for reference in references(schema):
            if resolve(reference, schema) is None:
                return f"It refers to {reference!r}, which is not a part of it."
        return _flaw(dumps(schema)) or contradiction(schema)
    except TooLarge as error:
        return str(error)


def part(root: Schema, inner: Plain) -> tuple[Schema | None, str]:
    """Cut a part out of a schema, with the definitions it refers to, so that it stands alone.

    Gives the part, or None and why it cannot be used.
    """
    if not isinstance(inner, dict):
        return None, "It is not a JSON schema object."
    try:
        alone: Schema = {**inner, **definitions_for(inner, root)}
    except (TooLarge, LeadsElsewhere) as error:
        return None, str(error)
    flaw = problem(alone)
    return (None, flaw) if flaw else (alone, "")


@lru_cache(maxsize=512)  # checking a schema takes milliseconds, and agents have few
def _flaw(schema: str) -> str:
    try:
        Draft202012Validator.check_schema(loads(schema))  # type: ignore[arg-type]  # a dict
    except SchemaError as error:
        return f"It is not a JSON schema: {error.message[:200]}"
    except Exception as error:  # a hostile schema can break a validator in any way
        return f"It cannot be read ({type(error).__name__})."
    return ""


def errors(value: Plain, schema: Schema) -> dict[Path, str]:
    """Check a value and say what is wrong, by path, in people's words; empty when it fits.

    Checks the first twenty problems. Never raises: a value that cannot be checked is an error.
    """
    steps = _steps.set(_Budget())
    try:
        validator = _Validator(schema, registry=Registry(), format_checker=_formats)
        found: dict[Path, str] = {}
        for error in islice(validator.iter_errors(value), _MAX_ERRORS):
            for path, message in explain(error):
                found.setdefault(path, message)
        return found
    except _NotChecked as error:
        return {(): str(error)}
    except Exception as error:  # as above: what cannot be checked is not right
        return {(): f"Cannot be checked against the schema ({type(error).__name__})."}
    finally:
        _steps.reset(steps)


class _Budget:
    """What is left for checking one value: steps, and levels of keywords within keywords."""

    def __init__(self) -> None:
        self._left = _MAX_STEPS
        self._level = 0

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _NotChecked("Is too large to be checked against this schema.")

    @contextmanager
    def level(self) -> Iterator[None]:
        """Go one level deeper.

        The validator must never meet Python's own limit: in its native parts that is a panic, which
        no `except Exception` catches.
        """
        self._level += 1
        if self._level > _MAX_LEVELS:
            raise _NotChecked("Is nested too deeply, or its schema refers to itself without end.")
        try:
            yield
        finally:  # the validator leaves many checks half-way
            self._level -= 1


_steps: ContextVar[_Budget] = ContextVar("steps")
_Keyword = Callable[[Any, Any, Any, Any], "Iterator[ValidationError] | None"]


def _counted(keyword: _Keyword) -> _Keyword:
    @wraps(keyword)
    def check(
        validator: Any, setting: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        budget = _steps.get()
        budget.spend(1)
        with budget.level():
            yield from keyword(validator, setting, instance, schema) or ()

    return check


def _matches(pattern: str, text: str) -> bool:
    _steps.get().spend(_PATTERN_STEPS)
    try:
        return regex.search(pattern, text, timeout=_PATTERN_SECONDS) is not None
    except TimeoutError:
        raise _NotChecked(f"The pattern {pattern[:80]!r} takes too long.") from None


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any
) -> Iterator[ValidationError]:
    for pattern, schema in patterns.items() if validator.is_type(instance, "object") else ():
        for key, item in instance.items():
            if _matches(pattern, key):
                yield from validator.descend(item, schema, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    for key, item in instance.items():
        if key in schema.get("properties", {}) or any(_matches(p, key) for p in patterns):
            continue
        if validator.is_type(allowed, "object"):
            yield from validator.descend(item, allowed, path=key)
        elif not allowed:
            yield ValidationError("is not known", path=[key])


def _unique_items(validator: Any, wanted: bool, instance: Any, _: Any) -> Iterator[ValidationError]:
    if not wanted or not validator.is_type(instance, "array"):
        return
    if len({canonical(item) for item in instance}) < len(instance):
        yield ValidationError("has an item twice")


def _is_object(_: Any, value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_number(_: Any, value: object) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    )


_formats = FormatChecker(formats=("email", "ipv4", "ipv6"))
_formats.checks("date", raises=ValueError)(lambda text: _parses(date.fromisoformat, text))
_formats.checks("date-time", raises=ValueError)(lambda text: _parses(datetime.fromisoformat, text))
_formats.checks("time", raises=ValueError)(lambda text: _parses(time.fromisoformat, text))
_formats.checks("uuid", raises=ValueError)(lambda text: _parses(UUID, text))


def _parses(read: Callable[[str], object], text: object) -> bool:
    return not isinstance(text, str) or read(text) is not None


_own: dict[str, _Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_Validator = extend(  # type: ignore[no-untyped-call]  # its stub has no types
    Draft202012Validator,
    {name: _counted(check) for name, check in {**Draft202012Validator.VALIDATORS, **_own}.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"object": _is_object, "number": _is_number}
    ),
)
