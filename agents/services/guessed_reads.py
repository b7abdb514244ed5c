"""Reading checkpoints whole and many at once, by guessing what they are made of.

A checkpoint's document names values, and these name parts: who asks step by step asks three times,
of each checkpoint, inside a transaction. Here one statement asks for the documents of many together
with the values and parts that these are expected to name, as `remembered_heads` says. All it brings
is of one moment, and only what makes up a whole checkpoint is answered. Where a document names
something else, the guess was wrong and all is asked for once more with what it has taught, so a
checkpoint of which nothing was known is read in three round trips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from django.db import transaction

from agents.exceptions import RequestRefused
from agents.models import Form
from agents.services import checkpoint_reads
from agents.services.checkpoint_reads import assembled, stored_versions
from agents.services.checkpoint_rows import channel_versions, check_size
from agents.services.engines import (
    Guess,
    Guesser,
    LeasedRun,
    LockedThread,
    Run,
    Seen,
    StoredHead,
    StoredValue,
    engine,
    guesser,
)
from agents.services.part_runs import runs_of
from agents.services.remembered_heads import RememberedHeads
from reviewconsole.protocol.messages import Get, Lease, Result, StoredCheckpoint, Whole
from reviewconsole.protocol.parts import array_header

TOGETHER_BYTES = 2_000_000  # of a round trip; more at once is slower, and has to have room
_UNKNOWN_BYTES = 30_000  # what is expected of a document, and of a part, before they were read
_PART_BYTES = 1_000
_RUNS_AT_MOST = 1_000  # of a checkpoint; one with more of them, or of parts, is read step by step
_PARTS_AT_MOST = 100_000
_TIMES = 3  # for documents, for values, for parts


Find: TypeAlias = Callable[[LockedThread, Get], StoredCheckpoint | None]


class Moment(NamedTuple):
    """What was read in one moment: threads, runs, and what finds checkpoints of that moment."""

    threads: list[LockedThread]
    runs: list[LeasedRun]
    find: Find


@dataclass(slots=True)
class _Reading:
    """A request on its way: what is guessed, and about how many bytes it may bring."""

    place: int
    request: Get
    guess: Guess
    size: int
    is_left: bool = False  # it is read step by step


def answered(
    gets: Sequence[Get],
    heads: RememberedHeads,
    answer: Callable[[Sequence[int], Moment], Sequence[Result]],
) -> list[Result]:
    """Answer requests outside of a transaction, those of some places at a time; and in order.

    What is too large to be asked for together, or cannot be read, is read step by step, when its
    turn comes: so whoever answers can refuse it before. Round trips on PostgreSQL: one for each
    2 MB where the guesses are right; 3 step by step.
    """
    results: dict[int, Result] = {}
    for found, moment in _guessed(gets, heads):
        results |= zip(found, answer(found, moment), strict=True)
    if left := [place for place in range(len(gets)) if place not in results]:
        asked = [gets[place] for place in left]
        with transaction.atomic():
            threads, runs = engine().look({each.thread for each in asked}, _runs(asked))
            moment = Moment(threads, runs, checkpoint_reads.found)
            results |= zip(left, answer(left, moment), strict=True)
    return [results[place] for place in range(len(gets))]


def _guessed(gets: Sequence[Get], heads: RememberedHeads) -> Iterator[tuple[Sequence[int], Moment]]:
    """What can be read by guesses, by places; the rest is to be read step by step."""
    ask = guesser()
    if ask is None:
        return
    due = [_begun(place, request, heads) for place, request in enumerate(gets)]
    for _ in range(_TIMES):
        for group in _groups(due, is_alone=len(gets) == 1):
            # What comes alone is measured when it is there, unless it brings parts many times.
            is_open = len(gets) == 1 and _are_apart(group[0].guess.runs)
            found, moment = _ask(group, None if is_open else TOGETHER_BYTES, heads, ask)
            if found:
                yield found, moment
            due = [each for each in due if each.place not in found]
        due = [each for each in due if not each.is_left]


def _begun(place: int, request: Get, heads: RememberedHeads) -> _Reading:
    at = (request.thread, request.ns, request.checkpoint_id)
    return _Reading(place, request, *(heads.guess(at) or (Guess(at), _UNKNOWN_BYTES)))


def _groups(due: Sequence[_Reading], *, is_alone: bool) -> Iterator[list[_Reading]]:
    """What is asked for together: as much as is expected to have room."""
    group: list[_Reading] = []
    expected = parts = 0
    for each in due:
        count = sum(count for _, count in each.guess.runs)
        is_large = each.size > TOGETHER_BYTES and not is_alone
        if is_large or len(each.guess.runs) > _RUNS_AT_MOST or count > _PARTS_AT_MOST:
            each.is_left = True
            continue
        if group and (expected + each.size > TOGETHER_BYTES or parts + count > _PARTS_AT_MOST):
            yield group
            group, expected, parts = [], 0, 0
        group.append(each)
        expected, parts = expected + each.size, parts + count
    if group:
        yield group


def _are_apart(runs: Iterable[Run]) -> bool:
    """Whether no part is in two of these runs."""
    ordered = sorted(runs)
    return all(first + count <= following for (first, count), (following, _) in pairwise(ordered))


def _ask(
    group: Sequence[_Reading], size: int | None, heads: RememberedHeads, ask: Guesser
) -> tuple[Sequence[int], Moment]:
    """Ask once. What could not be answered has learned what to ask for next. One round trip."""
    threads, runs, seen = ask(
        {each.request.thread for each in group},
        _runs(each.request for each in group),
        [each.guess for each in group],
        size,
    )
    keys = {thread.thread_id: thread.pk for thread in threads}
    found: dict[int, StoredCheckpoint | None] = {}
    for reading, rows in zip(group, seen, strict=True):
        if not rows.is_whole:
            reading.is_left = True
        elif rows.head is None:
            found[reading.place] = None
        elif made := _made(reading, keys[reading.request.thread], rows.head, rows, heads):
            found[reading.place] = made
    by_request = {each.request: found[each.place] for each in group if each.place in found}
    return list(found), Moment(threads, runs, lambda _, request: by_request[request])


def _runs(gets: Iterable[Get]) -> set[int]:
    """The runs whose leases say by what right these are asked for."""
    return {each.scope.run for each in gets if isinstance(each.scope, Lease)}


def _made(
    reading: _Reading, thread: int, head: StoredHead, rows: Seen, heads: RememberedHeads
) -> StoredCheckpoint | None:
    """The checkpoint, if all of it was asked for; else the reading has a better guess, or none."""
    try:
        versions = channel_versions(head.document)
    except RequestRefused:  # as it is step by step
        reading.is_left = True
        return None
    guess = reading.guess
    if guess.thread != thread:  # that one was deleted, and this one has its name
        guess, rows = Guess(guess.at), Seen(head, rows.writes)
    named = stored_versions(versions)
    values = [each for each in rows.values if named.get(each.name[0]) == each.name[1]]
    items = [*values, *rows.writes]
    runs = frozenset(run for each in items if each.form == Form.RUNS for run in runs_of(each.data))
    learned = Guess(guess.at, thread, named, runs)
    if not (named.items() <= guess.versions.items() and runs <= rows.runs.keys()):
        reading.is_left = learned == guess  # parts are missing: as it is step by step
        reading.guess = learned
        reading.size = _UNKNOWN_BYTES + _PART_BYTES * sum(count for _, count in runs)
        return None
    whole = _whole(items, rows.runs)
    if whole is None:
        reading.is_left = True
        return None
    thread_id, ns, _ = guess.at
    made = assembled(thread_id, ns, head, versions, values, rows.writes, whole)
    size = checkpoint_reads.size(made)
    heads.read(learned, made.checkpoint_id, values, rows.writes, size)
    return made


def _whole(items: Sequence[StoredValue], runs: Mapping[Run, bytes]) -> list[Whole] | None:
    """The values with their parts put together, in order; None if they do not fit into a frame."""
    pieces = [
        [runs[run] for run in runs_of(each.data)] if each.form == Form.RUNS else [each.data]
        for each in items
    ]
    try:
        check_size(sum(sum(map(len, each)) for each in pieces))
    except RequestRefused:  # as it is step by step
        return None
    return [
        Whole(item.kind, b"".join((_header(item), *each)) if item.form == Form.RUNS else each[0])
        for item, each in zip(items, pieces, strict=True)
    ]


def _header(item: StoredValue) -> bytes:
    return array_header(sum(count for _, count in runs_of(item.data)))
