"""Channel versions: strings that grow.

`000002.5f3a9c01` follows `000001.…`: the step in hex, then a random part that tells two attempts at
one step apart. The random part comes from the system, not from `random` and not from `uuid4`: the
first's seed belongs to the agent, and LangGraph's own tests count draws of the second.
"""

from __future__ import annotations

import secrets
from typing import TypeAlias

Version: TypeAlias = str | int | float

_STEPS = 2**30  # room for 2**23 versions below 2**53, where a float begins to skip numbers


def next_version(current: Version | None) -> Version:
    """Make the version that follows `current`.

    A thread that another saver began keeps its format, because formats cannot be compared: numbers,
    and steps of 32 decimal digits with a random fraction. Numbers grow by a random step: two
    branches that begin at one checkpoint must not give one version to two values.

    Raises:
        ValueError: `current` is a string in no known format.
    """
    match current:
        case None:
            return _version(1)
        case str():
            step, _, _ = current.partition(".")
            if len(step) == 32:
                return f"{int(step) + 1:032}.{secrets.randbits(53) / 2**53:016}"
            return _version(int(step, 16) + 1)
    return current + 1 + secrets.randbelow(_STEPS)


def _version(step: int) -> str:
    return f"{step:06x}.{secrets.randbits(32):08x}"
