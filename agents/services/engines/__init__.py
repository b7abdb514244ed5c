"""The checkpoint store's own way to each database: many rows in few round trips.

Django's ORM builds each statement anew and sends one at a time, which costs more than what these
statements do. Beside it, in the same transaction and on the same connection, an engine sends fixed
ones. Whatever is not asked at every step of every agent stays with the ORM.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, Protocol, TypeAlias

from django.db import connection

from agents.models import Form
from agents.pipelines import Ending
from agents.services.part_runs import runs_of
from agents.services.stored_tables import Row, Table


class LockedThread(NamedTuple):
    """What the store compares of a thread whose row is locked."""

    pk: int
    thread_id: str
    agent: str
    part_next: int
    part_epoch: int


class LeasedRun(NamedTuple):
    """What says whether a lease holds, read when the run's thread was locked."""

    pk: int
    thread_id: int
    status: str
    attempt: int
    runner_id: int | None
    is_revoked: bool  # the token of its runner


class StoredValue(NamedTuple):
    """A value as it lies in the store; `name` is what it is a value of, and its version or task."""

    name: tuple[str, str]
    kind: str
    form: int
    data: bytes


class StoredHead(NamedTuple):
    """A checkpoint's own row."""

    checkpoint_id: str
    parent_id: str | None
    document: bytes
    metadata: str


Place: TypeAlias = tuple[str, str, str | None]
"""A thread's id, a namespace, and a checkpoint's id unless it is the newest."""

StoredCheckpointRow: TypeAlias = tuple[StoredHead | None, list[StoredValue]]
"""A checkpoint without the values of its channels, and its pending writes in their order."""


Stamp: TypeAlias = tuple[object, int, int] | None
"""What a database tells of the moment of a transaction: see `Engine.stamp`."""

Run: TypeAlias = tuple[int, int]
"""Consecutive parts: the number of the first, and how many."""


class Guess(NamedTuple):
    """A place to read, and what its checkpoint may be made of: values of channels, and parts."""

    at: Place
    thread: int = 0  # primary key; 0: nothing is expected
    versions: Mapping[str, str] = {}
    runs: Collection[Run] = ()


@dataclass(slots=True)
class Seen:
    """What was found of a guess, all of it in one moment: rows, and the bytes of runs, joined."""

    head: StoredHead | None = None
    writes: list[StoredValue] = field(default_factory=list)
    values: list[StoredValue] = field(default_factory=list)
    runs: dict[Run, bytes] = field(default_factory=dict)  # those with all their parts
    is_whole: bool = True  # nothing was too large to be brought

    def brought(self, data: bytes | None) -> bool:
        """Whether the bytes of a row were brought; notes it if not."""
        self.is_whole = self.is_whole and data is not None
        return data is not None


class Guesser(Protocol):
    """Reads many checkpoints with all that is guessed of them."""

    def __call__(
        self,
        threads: Collection[str],
        runs: Collection[int],
        guesses: Sequence[Guess],
        size: int | None,
    ) -> tuple[list[LockedThread], list[LeasedRun], list[Seen]]:
        """Read threads, runs, and what there is of each guess, in order, all of it in one moment.

        Without a transaction or locks. Of documents, of writes, of values and of parts at most
        `size` bytes each are brought, if that is given. One round trip.
        """


class Engine(Protocol):
    """Everything happens inside the caller's transaction; errors are Django's."""

    def stamp(self) -> Stamp:
        """The same as before only if nothing but this store has written since, where that is known.

        None where the database does not tell: then what is known needs `guard`. Called in a
        transaction, and again at its end.
        """

    def guard(
        self, threads: Collection[LockedThread], runs: Collection[LeasedRun], ending: Ending
    ) -> None:
        """Have the ending fail, and do nothing, unless these threads and runs are still so.

        It locks the threads as `lock` does. No round trip.
        """

    def is_of_guard(self, error: Exception) -> bool:
        """Whether this is the failure that `guard` has promised."""

    def lock(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """Lock threads by their ids, in the order of their keys, and then read runs.

        Whoever moves a run holds its thread's lock, so no run moves until the transaction ends. One
        round trip.
        """

    def look(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """Read threads and runs as the first thing of a transaction that only reads.

        Without locks: all it reads is of one moment. One round trip.
        """

    def write(
        self,
        rows: Sequence[tuple[Table, Sequence[Row]]],
        part_next: Mapping[int, int],
        ending: Ending | None = None,
    ) -> None:
        """Write rows, in this order, and the next part number of threads.

        One round trip; none where it can be done in the transaction's `ending`.
        """

    def checkpoint(self, thread: int, ns: str, checkpoint_id: str | None) -> StoredCheckpointRow:
        """The named checkpoint, else the newest, and its pending writes in their order."""

    def values(
        self, thread: int, ns: str, versions: Mapping[str, str], writes: Sequence[StoredValue]
    ) -> tuple[list[StoredValue], dict[int, bytes]]:
        """The values of channels at their versions, and all parts that these and `writes` name.

        What was never stored is left out.
        """


def part_numbers(values: Iterable[StoredValue]) -> set[int]:
    """The numbers of all parts that these values are made of."""
    runs = (run for each in values if each.form == Form.RUNS for run in runs_of(each.data))
    return {number for first, count in runs for number in range(first, first + count)}


def is_dense(numbers: Collection[int]) -> bool:
    """Whether to read all from the first to the last, rather than each by itself.

    Not where a chat keeps its first message beside its newest ones: that brought the whole chat.
    """
    return max(numbers) - min(numbers) < 2 * len(numbers)


def engine() -> Engine:
    """The engine of the database in use."""
    return _engine(connection.vendor)


@cache
def _engine(vendor: str) -> Engine:
    if vendor == "postgresql":
        # The driver is not needed, and slow to import, where SQLite is used.
        from agents.services.engines.postgresql import PostgresEngine  # noqa: PLC0415

        return PostgresEngine()
    from agents.services.engines.sqlite import SqliteEngine  # noqa: PLC0415

    return SqliteEngine()


def guesser() -> Guesser | None:
    """What reads guesses from the database in use; None where there is no network to save."""
    return _guesser() if connection.vendor == "postgresql" else None


@cache
def _guesser() -> Guesser:
    from agents.services.engines import postgresql_guesses  # noqa: PLC0415 -- as above

    return postgresql_guesses.read
