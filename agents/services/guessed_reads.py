"""Reading checkpoints whole and many at once, by guessing what they are made of.

A checkpoint's document names values, and these name parts: who asks step by step asks three times,
of each checkpoint, inside a transaction. Here one statement asks for the documents of many together
with the values and parts that these are expected to name, as `remembered_heads` says. All it brings
is of one moment, and only what makes up a whole checkpoint is answered. Where a document names
something else, the guess was wrong and all is asked for once more with what it has taught, so a
checkpoint of which nothing was known is read in three round trips.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from django.db import transaction

from agents.exceptions import RequestRefused
from agents.models import Form
from agents.services import checkpoint_reads
from agents.services.checkpoint_reads import assembled, size, stored_versions
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
_TIMES = 4  # for documents, values and parts, and once more for what is larger than expected


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
    is_remembered: bool
    is_alone: bool = False  # it brings more than what is asked for together may bring
    is_left: bool = False  # it is read step by step


def answered(
    gets: Sequence[Get],
    heads: RememberedHeads,
    answer: Callable[[Sequence[int], Moment], Sequence[Result]],
) -> list[Result]:
    """Answer requests outside of a transaction, those of some places at a time; and in order.

    Round trips on PostgreSQL: one for each 2 MB where the guesses are right.
    """
    results: dict[int, Result] = {}
    for found, moment in _guessed(gets, heads):
        places = list(found)
        results |= zip(places, answer(places, moment), strict=True)
    if left := [place for place in range(len(gets)) if place not in results]:
        asked = [gets[place] for place in left]
        with transaction.atomic():
            threads, runs = engine().look({each.thread for each in asked}, _runs(asked))
            moment = Moment(threads, runs, checkpoint_reads.found)
            results |= zip(left, answer(left, moment), strict=True)
    return [results[place] for place in range(len(gets))]


def _guessed(
    gets: Sequence[Get], heads: RememberedHeads
) -> Iterator[tuple[Collection[int], Moment]]:
    """What can be read by guesses, by places; the rest is to be read step by step."""
    ask = guesser()
    if ask is None:
        return
    due = [_begun(place, request, heads) for place, request in enumerate(gets)]
    for _ in range(_TIMES):
        for group in _groups(due):
            found, moment = _ask(group, heads, ask)
            yield found, moment
            due = [each for each in due if each.place not in found]
        due = [each for each in due if not each.is_left]


def _begun(place: int, request: Get, heads: RememberedHeads) -> _Reading:
    at = (request.thread, request.ns, request.checkpoint_id)
    remembered = heads.guess(at)
    guess, expected = remembered or (Guess(at), _UNKNOWN_BYTES)
    return _Reading(place, request, guess, expected, is_remembered=remembered is not None)


def _groups(due: Sequence[_Reading]) -> Iterator[list[_Reading]]:
    """What is asked for together: as much as is expected to have room, or one alone."""
    group: list[_Reading] = []
    expected = parts = 0
    for each in due:
        count = sum(count for _, count in each.guess.runs)
        if len(each.guess.runs) > _RUNS_AT_MOST or count > _PARTS_AT_MOST:
            each.is_left = True
        elif each.is_alone:
            yield [each]
        else:
            if group and (expected + each.size > TOGETHER_BYTES or parts + count > _PARTS_AT_MOST):
                yield group
                group, expected, parts = [], 0, 0
            group.append(each)
            expected, parts = expected + each.size, parts + count
    if group:
        yield group


def _ask(
    group: Sequence[_Reading], heads: RememberedHeads, ask: Guesser
) -> tuple[Collection[int], Moment]:
    """Ask once. What could not be answered has learned what to ask for next. One round trip."""
    threads, runs, seen = ask(
        {each.request.thread for each in group},
        _runs(each.request for each in group),
        [each.guess for each in group],
        None if len(group) == 1 else TOGETHER_BYTES,  # alone it is measured when it is there
    )
    keys = {thread.thread_id: thread.pk for thread in threads}
    found: dict[int, StoredCheckpoint | None] = {}
    for reading, rows in zip(group, seen, strict=True):
        if not rows.is_whole:
            reading.is_alone = True
        elif rows.head is None:
            found[reading.place] = None
        elif made := _made(reading, keys[reading.request.thread], rows.head, rows, heads):
            found[reading.place] = made
    by_request = {each.request: found[each.place] for each in group if each.place in found}
    return found, Moment(threads, runs, lambda _, request: by_request[request])


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
        reading.guess, reading.is_remembered = learned, False
        reading.size = _UNKNOWN_BYTES + _PART_BYTES * sum(count for _, count in runs)
        return None
    whole = _whole(items, rows.runs)
    if whole is None:
        reading.is_left = True
        return None
    thread_id, ns, _ = guess.at
    made = assembled(thread_id, ns, head, versions, values, rows.writes, whole)
    if not reading.is_remembered:
        heads.read(learned, made.checkpoint_id, values, rows.writes, size(made))
    return made


def _whole(items: Sequence[StoredValue], runs: Mapping[Run, bytes]) -> list[Whole] | None:
    """The values with their parts put together, in order; None if they do not fit into a frame."""
    pieces = [
        [runs[run] for run in runs_of(each.data)] if each.form == Form.RUNS else [each.data]
        for each in items
    ]
    try:
        check_size(sum(len(piece) for each in pieces for piece in each))
    except RequestRefused:  # as it is step by step
        return None
    return [
        Whole(item.kind, b"".join((_header(item), *each)) if item.form == Form.RUNS else each[0])
        for item, each in zip(items, pieces, strict=True)
    ]


def _header(item: StoredValue) -> bytes:
    return array_header(sum(count for _, count in runs_of(item.data)))
