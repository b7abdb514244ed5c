"""Tool names that pass for another: `send_emaiI` and `Send-Email` for `send_email`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.reviews.confusables import reads_as

_SEPARATORS = re.compile(r"[\W_]+")
_DIGITS = str.maketrans("015i|", "olsll")  # what stands for a letter; i and l are one stroke
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))  # two letters that run into one


def look_alike(name: str, known: Iterable[str]) -> str | None:
    """Find the first other name that a reader may take this one for; None if there is none.

    Case, separators, hidden characters, letters of other scripts and digits for letters make no
    difference to the eye; the name itself, exactly as it is, is no look-alike of itself.
    """
    key = _key(name)
    return next((other for other in known if other != name and _key(other) == key), None)


def _key(name: str) -> str:
    # A name of nothing but separators would look like every other such name: it stands for itself.
    letters = _SEPARATORS.sub("", reads_as(name)).translate(_DIGITS)
    for pair, one in _PAIRS:
        letters = letters.replace(pair, one)
    return letters or name
