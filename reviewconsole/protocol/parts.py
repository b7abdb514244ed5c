"""Arrays as parts: what is new in a stored array travels and is kept once.

LangGraph stores the whole message list again at every step. Both ends cut a msgpack array into its
elements and name each by its hash; only elements the other end lacks are sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 16
MIN_SPLIT_BYTES = 128  # below this the hashes would outweigh what they save

_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
_FIXED |= {0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}
_SIZED = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}  # bin and str: length bytes
_EXTENDED = {0xC7: 1, 0xC8: 2, 0xC9: 4}  # ext: length bytes, then one byte of type
_NESTED = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}  # array and map: items a count


def part_hash(part: bytes) -> bytes:
    """The name of a part: SHA-256 cut to 16 bytes.

    A cryptographic hash, because tool output is hostile and a collision would change history.
    """
    return hashlib.sha256(part).digest()[:HASH_BYTES]


def split(data: bytes) -> list[bytes] | None:
    """Cut a msgpack array into the bytes of its elements.

    Returns None where there is nothing to gain or nothing to cut: a short value, another type, a
    header that `join` would write differently, damaged bytes.
    """
    if len(data) < MIN_SPLIT_BYTES:
        return None
    header = _array_header(data)
    if header is None:
        return None
    position, count = header
    parts = []
    try:
        for _ in range(count):
            end = _skip(data, position)
            parts.append(data[position:end])
            position = end
    except IndexError:
        return None
    return parts if position == len(data) and array_header(count) == data[: header[0]] else None


def join(parts: Sequence[bytes]) -> bytes:
    """Make the msgpack array of these elements; the exact inverse of `split`."""
    return b"".join((array_header(len(parts)), *parts))


def array_header(count: int) -> bytes:
    """The shortest msgpack header of an array of `count` elements."""
    if count < 16:
        return bytes([0x90 | count])
    if count < 1 << 16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")


def _array_header(data: bytes) -> tuple[int, int] | None:
    first = data[0]
    if 0x90 <= first <= 0x9F:
        return 1, first & 0x0F
    if first == 0xDC:
        return 3, int.from_bytes(data[1:3], "big")
    if first == 0xDD:
        return 5, int.from_bytes(data[1:5], "big")
    return None


def _skip(data: bytes, position: int) -> int:
    """The position after the element at `position`; extension objects are passed in one step."""
    pending = 1
    while pending:
        pending -= 1
        first = data[position]
        position += 1
        if first <= 0x7F or first >= 0xE0:
            continue
        if first <= 0x8F:
            pending += 2 * (first & 0x0F)
        elif first <= 0x9F:
            pending += first & 0x0F
        elif first <= 0xBF:
            position += first & 0x1F
        elif first in _FIXED:
            position += _FIXED[first]
        elif first in _SIZED or first in _EXTENDED:
            width = _SIZED.get(first) or _EXTENDED[first]
            size = int.from_bytes(data[position : position + width], "big")
            position += width + size + (first in _EXTENDED)
        elif first in _NESTED:
            width, per_item = _NESTED[first]
            pending += per_item * int.from_bytes(data[position : position + width], "big")
            position += width
        else:
            raise IndexError("0xC1 is no msgpack type")
    if position > len(data):
        raise IndexError("the element ends beyond the data")
    return position
