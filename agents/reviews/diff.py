"""What changed between two plain values: structural, and by words within text.

Lists are aligned first, so one item inserted among fifty is one change; items that have ids, as
messages do, by their ids. Types count: `1`, `1.0` and `true` are three values. Same input, same
output; the work is bounded, and what lies beyond the bounds is reported more coarsely, never left
out silently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import islice
from typing import TypeAlias

from agents.reviews.paths import Path
from reviewconsole.protocol.plain import Plain, Typed
from reviewconsole.protocol.tagged import canonical

MAX_CHANGES = 500
_MAX_DEPTH = 60  # below, a value is compared as a whole
_MAX_ALIGNED = 2000  # items or words on one side; longer ones are compared by position, or whole
_MAX_PAIRS = 30_000  # equal items across both sides: repetition makes aligning slow
_MAX_SLID = 400  # comparisons to find the best partners of a few items
_MAX_READ = 200_000  # characters compared by word in all; texts after them are compared whole

_WORDS = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")  # blanks go with a word: alone they repeat too much


class ChangeKind(StrEnum):
    """What happened to a place."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class SpanKind(StrEnum):
    """What happened to a stretch of text."""

    EQUAL = "equal"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text: equal and removed ones spell the old text, equal and added the new."""

    kind: SpanKind
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs.

    `before_path` leads to it in the old value (None when added), `after_path` in the new one (None
    when removed); within lists they may differ. `spans` are the words, where both sides are text.
    """

    kind: ChangeKind
    before_path: Path | None
    after_path: Path | None
    before: Plain = None
    after: Plain = None
    spans: tuple[Span, ...] = ()

    @property
    def path(self) -> Path:
        """Where to show it: in the new value, or in the old one if it is gone."""
        return self.after_path if self.after_path is not None else self.before_path or ()


@dataclass(frozen=True, slots=True)
class Diff:
    """The changes in the order of the new value; `truncated` when there are more of them."""

    changes: tuple[Change, ...]
    truncated: bool = False

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)


Changes: TypeAlias = Iterator[Change]


def diff(before: Plain, after: Plain, *, limit: int = MAX_CHANGES) -> Diff:
    """Compare two values; near-linear in their size for small changes."""
    found = list(islice(_compare(before, after, (), ()), limit + 1))
    return Diff(tuple(_spelled(found[:limit])), truncated=len(found) > limit)


def _spelled(changes: Iterable[Change]) -> Changes:
    """The changes with the words of changed texts, as far as the time for them goes."""
    unread = _MAX_READ
    for change in changes:
        match change.before, change.after:
            case str(before), str(after) if change.kind == ChangeKind.CHANGED:
                unread -= len(before) + len(after)
                by_word = text_spans if unread >= 0 else _whole
                yield replace(change, spans=by_word(before, after))
            case _:
                yield change


def _whole(before: str, after: str) -> tuple[Span, ...]:
    removed, added = Span(SpanKind.REMOVED, before), Span(SpanKind.ADDED, after)
    return tuple(span for span in (removed, added) if span.text)


def same(before: Plain, after: Plain) -> bool:
    """Whether two values are equal and of the same types, all the way down."""
    return canonical(before) == canonical(after)


def text_spans(before: str, after: str) -> tuple[Span, ...]:
    """Compare two texts word by word; one span each when they are very long."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if not _is_alignable(old, new):
        old, new = [before] if before else [], [after] if after else []
    spans: list[Span] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            spans.append(Span(SpanKind.EQUAL, "".join(old[i:j])))
            continue
        if i < j:
            spans.append(Span(SpanKind.REMOVED, "".join(old[i:j])))
        if k < m:
            spans.append(Span(SpanKind.ADDED, "".join(new[k:m])))
    return tuple(spans)


def _compare(before: Plain, after: Plain, old: Path, new: Path) -> Changes:
    if len(new) >= _MAX_DEPTH:
        if not same(before, after):
            yield Change(ChangeKind.CHANGED, old, new, before, after)
        return
    match before, after:
        case dict(), dict():
            yield from _compare_dicts(before, after, old, new)
        case list(), list():
            yield from _compare_lists(before, after, old, new)
        case Typed(), Typed() if _header(before) == _header(after):
            yield from _compare(before.payload, after.payload, old, new)
        case str(), str():
            if before != after:
                yield Change(ChangeKind.CHANGED, old, new, before, after)
        case _ if not same(before, after):
            yield Change(ChangeKind.CHANGED, old, new, before, after)


def _header(value: Typed) -> tuple[Hashable, ...]:
    return value.code, value.module, value.name, value.method


def _compare_dicts(
    before: Mapping[Hashable, Plain], after: Mapping[Hashable, Plain], old: Path, new: Path
) -> Changes:
    # Python takes the keys 1, 1.0 and True for one; they are compared by type here.
    keys_before = {_key(key): key for key in before}
    keys_after = {_key(key): key for key in after}
    for identity, key in keys_before.items():
        if identity not in keys_after:
            yield Change(ChangeKind.REMOVED, (*old, key), None, before[key])
    for identity, key in keys_after.items():
        if identity not in keys_before:
            yield Change(ChangeKind.ADDED, None, (*new, key), None, after[key])
        else:
            yield from _compare(before[key], after[key], (*old, key), (*new, key))


def _key(key: Hashable) -> Hashable:
    return key if isinstance(key, str) else canonical([key])  # type: ignore[list-item]  # keys are plain


def _compare_lists(before: list[Plain], after: list[Plain], old: Path, new: Path) -> Changes:
    for i, j in _aligned(before, after):
        if j is None:
            yield Change(ChangeKind.REMOVED, (*old, i), None, before[i or 0])
        elif i is None:
            yield Change(ChangeKind.ADDED, None, (*new, j), None, after[j])
        else:
            yield from _compare(before[i], after[j], (*old, i), (*new, j))


Pair: TypeAlias = tuple[int | None, int | None]


def _aligned(before: Sequence[Plain], after: Sequence[Plain]) -> Iterator[Pair]:
    """Pair the positions of two lists; None stands where an item has no partner."""
    old, new = [canonical(item) for item in before], [canonical(item) for item in after]
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    last, last_new = len(old) - end, len(new) - end
    ids, new_ids = _ids(before[start:last]), _ids(after[start:last_new])
    if ids and new_ids and _is_alignable(ids, new_ids):
        yield from _paired_by_id(ids, new_ids, start)
        return
    if not _is_alignable(old[start:last], new[start:last_new]):
        yield from _paired(range(start, last), range(start, last_new))
        return
    matcher = SequenceMatcher(None, old[start:last], new[start:last_new], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            removed, added = range(start + i, start + j), range(start + k, start + m)
            offset = _best_offset([before[n] for n in removed], [after[n] for n in added])
            yield from _paired(removed, added, offset)


def _ids(items: Sequence[Plain]) -> list[str]:
    """The ids of items that all have one of their own; else none."""
    found = [_id(item) for item in items]
    ids = [each for each in found if each]
    return ids if len(set(ids)) == len(items) else []


def _id(item: Plain) -> str:
    fields = item.payload if isinstance(item, Typed) else item
    name = fields.get("id") if isinstance(fields, dict) else None
    return name if isinstance(name, str) else ""


def _paired_by_id(old: Sequence[str], new: Sequence[str], start: int) -> Iterator[Pair]:
    """Pair what has the same id in the same order; all else has gone, or is new."""
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(range(start + i, start + j), range(start + k, start + m), strict=True)
            continue
        yield from ((start + n, None) for n in range(i, j))
        yield from ((None, start + n) for n in range(k, m))


def _is_alignable(old: Sequence[Hashable], new: Sequence[Hashable]) -> bool:
    """Whether aligning is quick: its cost grows with how often equal items repeat."""
    counts = Counter(new)
    pairs = sum(counts[item] for item in old)
    return max(len(old), len(new)) <= _MAX_ALIGNED and pairs <= _MAX_PAIRS


def _common_prefix(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)))


def _paired(old: range, new: range, offset: int = 0) -> Iterator[Pair]:
    """Pair two stretches in order; `offset` items of the longer one stand alone before."""
    shorter, longer = sorted((len(old), len(new)))
    alone = (*range(offset), *range(offset + shorter, longer))
    partner = iter(old if len(old) < len(new) else new)
    for n in range(longer):
        if len(old) < len(new):
            yield (None if n in alone else next(partner)), new[n]
        else:
            yield old[n], (None if n in alone else next(partner))


def _best_offset(old: Sequence[Plain], new: Sequence[Plain]) -> int:
    """Where to lay the shorter stretch beside the longer for partners most alike."""
    short, long = sorted((old, new), key=len)
    offsets = range(len(long) - len(short) + 1)
    if not short or len(offsets) * len(short) > _MAX_SLID:
        return 0
    scores = [sum(map(_alike, short, long[n:])) for n in offsets]
    return scores.index(max(scores))


def _alike(one: Plain, other: Plain) -> float:
    """How much two items resemble each other: 0 to 1."""
    match one, other:
        case dict(), dict():
            shared = sum(key in other and same(one[key], other[key]) for key in one)
            return (1 + shared) / (1 + max(len(one), len(other)))
        case str(), str():
            return SequenceMatcher(None, one[:200], other[:200], autojunk=False).quick_ratio()
    return float(type(one) is type(other)) / 2
