"""One value as the text of an input, and back.

Browsers change text on its way: line ends become CRLF. Text that says what stood there before means
that nothing was edited, and the value stays what it was.
"""

from __future__ import annotations

import math
import re

from agents.reviews import raw_json
from agents.reviews.fields import Kind, Nothing
from reviewconsole.protocol.plain import Plain

_INTEGER = re.compile(r"[+-]?[0-9]{1,1000}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class NotAValue(ValueError):
    """What was typed is not a value of the field; the message says what is."""


def shown_text(kind: Kind, value: Plain | Nothing) -> str:
    """The text an input of this kind holds for a value; empty for none."""
    if isinstance(value, Nothing):
        return ""
    if kind is Kind.JSON:
        return raw_json.dump(value)
    return _with_plain_lines(value) if isinstance(value, str) else str(value)


def read_text(kind: Kind, text: str, before: Plain | Nothing) -> Plain:
    """Read what was typed; what reads as the value before is that value.

    Raises:
        NotAValue: the text is not of this kind.
    """
    if not isinstance(before, Nothing) and _with_plain_lines(text) == shown_text(kind, before):
        return before
    match kind:
        case Kind.INTEGER:
            return _read_integer(text.strip())
        case Kind.NUMBER:
            return _read_number(text.strip(), before)
        case Kind.JSON:
            return _read_json(text)
    lines = _with_plain_lines(text)
    return lines.replace("\n", "\r\n") if isinstance(before, str) and "\r\n" in before else lines


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise NotAValue("Must be a whole number, such as 42.")
    return int(text)


def _read_number(text: str, before: Plain | Nothing) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise NotAValue("Must be a number, such as 12.5.")
    if _INTEGER.fullmatch(text):
        whole = int(text)
        # What was a float stays one, unless it would lose digits.
        return float(whole) if isinstance(before, float) and abs(whole) <= 2**53 else whole
    number = float(text)
    if not math.isfinite(number):
        raise NotAValue("This number is too large.")
    return number


def _read_json(text: str) -> Plain:
    if not text.strip():
        raise NotAValue("Write a value as JSON; text goes in double quotes.")
    try:
        return raw_json.load(text)
    except raw_json.NotJson as error:
        raise NotAValue(str(error)) from error


def _with_plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n")
