"""The line of a pause in the inbox: the verb and its object, made from the real arguments.

Rules, the first that finds something wins each part: an amount of money (`refund 120.00 EUR`), then
who or what it goes to (`→ alice@example.com`) or whose it is (`#8812`), else the first short
argument.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.reviews import raw_json
from agents.reviews.request import Action, Arguments
from reviewconsole.protocol.plain import Plain

LIMIT = 80  # characters

_BLANKS = re.compile(r"[ \t\r\n]+")  # other white space is not collapsed: it must stay visible
_TARGETS = ("to", "recipient", "recipients", "email", "channel", "path", "file_path", "file", "url")
_AMOUNTS = ("amount", "total", "price", "sum", "value")
_EXACT_CENTS = 1e12
_PREVIEW = 300  # characters of one argument that are looked at


def headline_of_calls(actions: Sequence[Action]) -> str:
    """One line for the calls of a pause: the first, and how many more."""
    first, *others = actions
    rest = f" and {len(others)} more" if others else ""
    parts = [first.name, *_objects(first.args)]
    return shorten(" ".join(parts), LIMIT - len(rest)) + rest


def headline_of_value(value: Plain) -> str:
    """One line for a value that no dialect knows: its object or first short entry, else JSON."""
    return shorten(_entry(value) if isinstance(value, dict) else "") or shorten(
        raw_json.dump(value)
    )


def _entry(entries: Arguments) -> str:
    parts = [_money(entries), _target(entries) or _identity(entries)]
    if found := " ".join(part for part in parts if part):
        return found
    briefs = ((key, _brief(item)) for key, item in entries.items())
    return next((f"{key}: {text}" for key, text in briefs if text), "")


def shorten(text: str, limit: int = LIMIT) -> str:
    """Put text on one line of at most `limit` characters; a cut is marked by `…`."""
    line = _BLANKS.sub(" ", text[: limit * 8]).strip(" ")
    return line if len(line) <= limit and len(text) <= limit * 8 else line[: limit - 1] + "…"


def _objects(args: Arguments) -> list[str]:
    parts = [_money(args), _target(args) or _identity(args)]
    return [part for part in parts if part] or [_first(args)]


def _money(args: Arguments) -> str:
    for key in _AMOUNTS:
        match args.get(key):
            case {"currency": str(currency), **amount}:
                numbers = (_number(amount.get(name)) for name in _AMOUNTS)
                if number := next(filter(None, numbers), ""):
                    return f"{number} {_brief(currency)}"
            case int() | float() as plain if number := _number(plain):
                unit = args.get("currency")
                if isinstance(unit, str):
                    return f"{number} {_brief(unit)}".strip()
                if key == "amount":  # the other words may count anything
                    return number
    return ""


def _target(args: Arguments) -> str:
    return next((f"→ {text}" for key in _TARGETS if (text := _brief(args.get(key)))), "")


def _identity(args: Arguments) -> str:
    keys = [key for key in args if isinstance(key, str) and (key == "id" or key.endswith("_id"))]
    return next((f"#{text}" for key in keys if (text := _brief(args[key]))), "")


def _first(args: Arguments) -> str:
    return next((text for value in args.values() if (text := _brief(value))), "")


def _brief(value: Plain) -> str:
    """A short argument as text; empty for what has no short form."""
    match value:
        case bool() | None:
            return ""
        case str():
            return _BLANKS.sub(" ", value[:_PREVIEW]).strip(" ")
        case int() | float():
            return _number(value)
        case [first, *others] if text := _brief(first):
            return f"{text} +{len(others)}" if others else text
    return ""


def _number(value: object) -> str:
    """A number in full; a float of at most two decimals as an amount (`120.00`)."""
    match value:
        case bool():
            return ""
        case int():
            return str(value)
        case float():
            cents = f"{value:.2f}" if abs(value) < _EXACT_CENTS else ""
            return cents if cents and float(cents) == value else repr(value)
    return ""
