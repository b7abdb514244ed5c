"""What is wrong with a value, in people's words: the errors of JSON Schema, translated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from jsonschema import ValidationError

from agents.reviews import raw_json
from agents.reviews.paths import Path

TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_FORMATS = {
    "date": "a date such as 2026-11-21",
    "date-time": "a date and time such as 2026-11-21T09:30:00Z",
    "time": "a time such as 09:30:00",
    "uuid": "a UUID",
    "email": "an e-mail address",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
}
_LISTED = 20  # choices named in a message


def explain(error: ValidationError) -> Iterator[tuple[Path, str]]:
    """Say what an error means, at the places it is about."""
    path: Path = tuple(error.absolute_path)
    setting: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            missing = [key for key in setting if key not in instance]
            yield from (((*path, key), "Is required.") for key in missing)
        case "anyOf" | "oneOf" if branch := _meant(error):
            for inner in branch:
                yield from explain(inner)
        case "anyOf" | "oneOf" if types := _types_wanted(error):
            yield path, _sentence("type", types, instance)
        case keyword:
            yield path, _sentence(str(keyword), setting, instance)


def _meant(error: ValidationError) -> list[ValidationError]:
    """The errors of the one branch whose type and constants fit, if there is exactly one."""
    branches: dict[Any, list[ValidationError]] = defaultdict(list)
    for inner in error.context or ():
        branches[inner.relative_schema_path[0]].append(inner)
    fitting = [branch for branch in branches.values() if not any(map(_excludes, branch))]
    return fitting[0] if len(fitting) == 1 else []


def _types_wanted(error: ValidationError) -> list[str]:
    """The types of the branches, if every branch failed for its type alone."""
    kinds = {(inner.validator, len(inner.relative_path)) for inner in error.context or ()}
    return [str(i.validator_value) for i in error.context or ()] if kinds == {("type", 0)} else []


def _excludes(error: ValidationError) -> bool:
    """Whether an error says that another branch was meant."""
    if error.validator == "const":
        return len(error.relative_path) <= 1
    return error.validator in ("type", "enum") and not error.relative_path


def _sentence(keyword: str, setting: Any, instance: Any) -> str:
    match keyword:
        case "type":
            names = [setting] if isinstance(setting, str) else setting
            return f"Must be {' or '.join(TYPE_NAMES.get(name, name) for name in names)}."
        case "enum":
            listed = ", ".join(raw_json.dump(item, indent=None) for item in setting[:_LISTED])
            return f"Must be one of {listed}{', …' if len(setting) > _LISTED else ''}."
        case "const":
            return f"Must be {raw_json.dump(setting, indent=None)}."
        case "minimum":
            return f"Must be {setting} or more."
        case "maximum":
            return f"Must be {setting} or less."
        case "exclusiveMinimum":
            return f"Must be more than {setting}."
        case "exclusiveMaximum":
            return f"Must be less than {setting}."
        case "multipleOf":
            return f"Must be a multiple of {setting}."
        case "minLength":
            return f"Must have at least {_count(setting, 'character')}."
        case "maxLength":
            return f"Must have at most {_count(setting, 'character')}; has {len(instance)}."
        case "minItems":
            return f"Must have at least {_count(setting, 'item')}."
        case "maxItems":
            return f"Must have at most {_count(setting, 'item')}; has {len(instance)}."
        case "uniqueItems":
            return "Must not have the same item twice."
        case "pattern":
            return f"Must match the pattern {setting}."
        case "format":
            return f"Must be {_FORMATS.get(setting, f'a valid {setting}')}."
        case "additionalProperties" | "unevaluatedProperties":
            return "Is not known here."
        case "anyOf" | "oneOf":
            return "Fits none of the forms that are allowed here."
    return f"Does not fit the schema ({keyword})."


def _count(number: Any, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
