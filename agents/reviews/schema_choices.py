"""A choice among a few values: what can be picked (null and unset too), and what was."""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews import raw_json
from agents.reviews.diff import same
from agents.reviews.fields import INVALID, MISSING, Choice, Nothing
from reviewconsole.protocol.plain import Plain

KEEP, NULL, UNSET, NONE_YET = "keep", "null", "missing", ""


def choices_of(
    options: Sequence[Plain], before: Plain | Nothing, *, nullable: bool, required: bool
) -> tuple[Choice, ...]:
    """List what can be picked, the value before selected.

    A value that is not among the options can be kept; where there is none and one is needed,
    nothing is picked for the reviewer.
    """
    values: dict[str, tuple[Plain | Nothing, str]] = {}
    for position, (option, label) in enumerate(zip(options, _labels(options), strict=True)):
        values[str(position)] = option, label
    if nullable and None not in options:
        values[NULL] = None, "null"
    if not required:
        values[UNSET] = MISSING, "not set"
    current = [key for key, (value, _) in values.items() if _equal(value, before)]
    if not current and not isinstance(before, Nothing):
        values = {KEEP: (before, f"{raw_json.dump(before, indent=None)} (not allowed)"), **values}
    elif not current:
        values = {NONE_YET: (INVALID, "Choose…"), **values}
    selected = current[0] if current else next(iter(values))
    return tuple(
        Choice(key, value, label, selected=key == selected)
        for key, (value, label) in values.items()
    )


def _labels(options: Sequence[Plain]) -> list[str]:
    """Texts without their quotes, unless that would make two options look alike."""
    quoted = [raw_json.dump(option, indent=None) for option in options]
    bare = [o if isinstance(o, str) else q for o, q in zip(options, quoted, strict=True)]
    return bare if len(set(bare)) == len(bare) and all(map(str.strip, bare)) else quoted


def _equal(one: Plain | Nothing, other: Plain | Nothing) -> bool:
    if isinstance(one, Nothing) or isinstance(other, Nothing):
        return one is other
    return same(one, other)
