"""Paths into a value, written as text: the names of form inputs and the keys of errors.

`actions.0.args.items.1.sku` is the key `sku` of item 1 of `items` of the arguments of action 0.
Keys that hold `.`, `:` or `~` are escaped, so two places never share a path, and a `:` always
begins the name of a control that belongs to a place (`….items:item`).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

Path: TypeAlias = tuple[Hashable, ...]
"""Keys and positions from the outside in."""

_ESCAPES = str.maketrans({"~": "~0", ".": "~1", ":": "~2"})


def join(prefix: str, *parts: Hashable) -> str:
    """Append keys and positions to a path. An empty prefix is the value itself."""
    return ".".join([*([prefix] if prefix else []), *(_segment(part) for part in parts)])


def _segment(part: Hashable) -> str:
    return str(part).translate(_ESCAPES)
