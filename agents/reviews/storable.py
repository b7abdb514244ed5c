"""What an answer may hold so that LangGraph can store it.

LangGraph saves an answer after the node has used it. One it cannot save lets the effect happen and
then asks the same question again (measured), so such answers are refused before they are sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.reviews.paths import Path
from agents.reviews.restored_types import is_restored
from reviewconsole.protocol.plain import Plain, Typed

MAX_DEPTH = 200  # LangGraph's store fails at about 250 levels; the answer's own wrapping adds a few
_LEAST, _MOST = -(2**63), 2**64 - 1


def is_too_deep(value: Plain) -> bool:
    """Whether a value is nested deeper than anything LangGraph can store."""
    return any(len(path) > MAX_DEPTH for path, _ in walk(value))


def unstorable(value: Plain) -> Iterator[tuple[Path, str]]:
    """Find what cannot be stored, or would be stored as something else: (path, message)."""
    for path, item in walk(value):
        if len(path) > MAX_DEPTH:
            yield (), f"Is nested more than {MAX_DEPTH} levels deep."
            return
        match item:
            case bool():
                pass
            case int() if not _LEAST <= item <= _MOST:
                yield path, "Needs more than 64 bits and cannot be stored."
            case str() if not _well_formed(item):
                yield path, "Holds half of a character pair and would be stored as '?'."
            case Typed() if not is_restored(item):
                yield path, f"Would reach the agent as plain data and not as {item.type_name}."


def walk(value: Plain) -> Iterator[tuple[Path, Plain]]:
    """Every part of a value with its path, keys too, without recursion."""
    pending: list[tuple[Path, Plain]] = [((), value)]
    while pending:
        path, item = pending.pop()
        yield path, item
        match item:
            case list():
                pending.extend(((*path, at), child) for at, child in enumerate(item))
            case dict():
                pending.extend(((*path, key), child) for key, child in item.items())
                pending.extend(((*path, key), key) for key in item if isinstance(key, str))
            case Typed():
                pending.append(((*path, item.name), item.payload))


def _well_formed(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
