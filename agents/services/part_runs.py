"""Part numbers in few bytes: runs of consecutive ones, each its first and how many it has."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

_RUN = struct.Struct(">II")


def pack_runs(numbers: Iterable[int]) -> bytes:
    """Write part numbers as runs: eight bytes each, first and count."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])
    return b"".join(_RUN.pack(first, count) for first, count in runs)


def runs_of(data: bytes) -> Iterator[tuple[int, int]]:
    """The runs, each with its first number and how many it has."""
    return _RUN.iter_unpack(data)


def unpack_runs(data: bytes) -> list[int]:
    """Read part numbers back; the inverse of `pack_runs`."""
    return [n for first, count in runs_of(data) for n in range(first, first + count)]
