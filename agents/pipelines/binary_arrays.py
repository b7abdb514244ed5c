"""Lists that travel to PostgreSQL as arrays of one type, in its own binary form.

The driver does that for any list: it looks at each element to find the type of all, in Python. Of
these lists the type is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, ClassVar

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper

_HEAD = Struct("!iiIii")  # dimensions, whether there are nulls, type of elements, length, first
_EMPTY = Struct("!iiI")
_LENGTH = Struct("!i")
_NULL = _LENGTH.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BinaryArray(list[Any]):
    """Values of one type, or None."""


class _ArrayDumper(Dumper):
    """Makes the bytes of a `BinaryArray`; `packed` those of an element, with its length before."""

    format = pq.Format.BINARY
    element_oid: ClassVar[int]
    packed: ClassVar[Callable[[Any], bytes]]

    def dump(self, obj: BinaryArray) -> bytes:
        """See `Dumper`."""
        if not obj:
            return _EMPTY.pack(0, 0, self.element_oid)
        packed = type(self).packed
        elements = [_NULL if each is None else packed(each) for each in obj]
        head = _HEAD.pack(1, _NULL in elements, self.element_oid, len(obj), 1)
        return b"".join((head, *elements))


def _integer(code: str) -> Callable[[int], bytes]:
    form = Struct(f"!i{code}")
    size = form.size - _LENGTH.size
    return lambda value: form.pack(size, value)


def _text(value: str) -> bytes:
    return _bytes(value.encode())


def _bytes(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


_LONG = _integer("q")


def _moment(value: datetime) -> bytes:
    return _LONG((value - _EPOCH) // _MICROSECOND)


_PACKED: dict[str, Callable[[Any], bytes]] = {
    "smallint": _integer("h"),
    "integer": _integer("i"),
    "bigint": _LONG,
    "text": _text,
    "bytea": _bytes,
    "timestamptz": _moment,
}
_ARRAYS: dict[str, type[BinaryArray]] = {
    name: type(f"ArrayOf_{name}", (BinaryArray,), {}) for name in _PACKED
}


def array(type_name: str, values: Iterable[Any]) -> BinaryArray:
    """An array of a type of PostgreSQL, by the name that it has in casts.

    Raises:
        KeyError: no arrays of that type are made here.
    """
    return _ARRAYS[type_name](values)


def register(raw: psycopg.Connection[Any]) -> None:
    """Teach a connection these arrays."""
    for name, packed in _PACKED.items():
        known = psycopg.adapters.types[name]
        fields = {"oid": known.array_oid, "element_oid": known.oid, "packed": staticmethod(packed)}
        raw.adapters.register_dumper(_ARRAYS[name], type(f"Dumper_{name}", (_ArrayDumper,), fields))
