"""Any plain value as JSON that a person can read and edit, and back.

Numbers stand as people write them (`120.0` stays a float, a 64-bit id stands in full); only what
JSON has no word for uses the tags of `reviewconsole.protocol.tagged`. Hidden characters are
escaped.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from agents.reviews.show import escape_hidden
from agents.reviews.storable import MAX_DEPTH, is_too_deep
from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.tagged import Json, tag, untag

_TOO_DEEP = f"The value is nested more than {MAX_DEPTH} levels deep."


class NotJson(ValueError):
    """The text a person wrote is not JSON; the message says where and why."""


def dump(value: Plain, *, indent: int | None = 2) -> str:
    """Write a plain value for people; `load` gives exactly this value back."""
    return escape_hidden(json.dumps(_legible(value), ensure_ascii=False, indent=indent))


def load(text: str) -> Plain:
    """Read what a person wrote.

    Raises:
        NotJson: it is not JSON, names a key twice, or misuses a reserved `$` key.
    """
    try:
        value = untag(json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant))
    except json.JSONDecodeError as error:
        raise NotJson(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except RecursionError as error:
        raise NotJson(_TOO_DEEP) from error
    except (ValueError, TypeError) as error:
        raise NotJson(f"{error}.") from error
    if is_too_deep(value):
        raise NotJson(_TOO_DEEP)
    return value


def _legible(value: Plain) -> Json:
    """Tagged JSON, except for finite numbers: Python's own JSON keeps those exactly."""
    match value:
        case bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case list():
            return [_legible(item) for item in value]
        case dict() if all(isinstance(key, str) and key.isprintable() for key in value):
            return {
                f"${key}" if str(key).startswith("$") else str(key): _legible(item)
                for key, item in value.items()
            }
    return tag(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotJson(f"The key {twice!r} is written twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise NotJson(f'{name} is not JSON; write {{"$float": "{name.lower()}"}}')
