"""The store on PostgreSQL: prepared statements with binary parameters, several a round trip.

Django's own cursor writes parameters into the text of each statement: bytes as hexadecimal digits,
and nothing to prepare. These statements take whole columns as arrays, so that their text stays the
same whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any

from psycopg.types.numeric import Int8

from agents import pipelines
from agents.models import Run
from agents.pipelines import Ending
from agents.services.engines import (
    LeasedRun,
    LockedThread,
    Stamp,
    StoredCheckpointRow,
    StoredHead,
    StoredValue,
    is_dense,
    part_numbers,
)
from agents.services.stored_tables import Row, Table

_OF_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_THREADS = """
SELECT t.id, t.thread_id, a.name, t.part_next, t.part_epoch
FROM agents_thread t JOIN agents_agent a ON a.id = t.agent_id
WHERE t.thread_id = ANY(%b::text[]) ORDER BY t.id
"""
_LOCK_THREADS = f"{_THREADS} FOR UPDATE OF t"
# A statement of its own: it sees what was committed while the one before waited for its locks.
_READ_RUNS = """
SELECT r.id, r.thread_id, r.status, r.attempt, r.runner_id, k.revoked_at IS NOT NULL
FROM agents_run r LEFT JOIN agents_runner w ON w.id = r.runner_id
LEFT JOIN agents_runnertoken k ON k.id = w.token_id WHERE r.id = ANY(%b::bigint[])
"""
# One row too few divides by zero, and after an error nothing is done: neither writes nor commit.
_GUARD_THREADS = """
WITH locked AS (
    SELECT id, part_next, part_epoch FROM agents_thread
    WHERE id = ANY(%b::bigint[]) ORDER BY id FOR UPDATE
)
SELECT 1 / (count(*) = %b)::int FROM locked
JOIN unnest(%b::bigint[], %b::bigint[], %b::bigint[]) AS known(id, part_next, part_epoch)
USING (id, part_next, part_epoch)
"""
_GUARD_RUNS = """
SELECT 1 / (count(*) = %b)::int
FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[])
    AS known(id, thread_id, attempt, runner_id)
JOIN agents_run r USING (id, thread_id, attempt, runner_id)
JOIN agents_runner w ON w.id = runner_id JOIN agents_runnertoken k ON k.id = w.token_id
WHERE r.status = %b AND k.revoked_at IS NULL
"""
_DIVISION_BY_ZERO = "22012"
_NUMBER_PARTS = """
UPDATE agents_thread AS t SET part_next = v.part_next
FROM unnest(%b::bigint[], %b::bigint[]) AS v(id, part_next) WHERE t.id = v.id
"""
_HEAD = """
SELECT checkpoint_id, parent_id, document, metadata FROM agents_checkpoint
WHERE thread_id = %b AND ns = %b AND checkpoint_id = coalesce(%b::text, (
    SELECT max(checkpoint_id) FROM agents_checkpoint WHERE thread_id = %b AND ns = %b
))
"""
_WRITES = """
SELECT task_id, channel, kind, form, data FROM agents_pendingwrite
WHERE thread_id = %b AND ns = %b AND checkpoint_id = coalesce(%b::text, (
    SELECT max(checkpoint_id) FROM agents_checkpoint WHERE thread_id = %b AND ns = %b
)) ORDER BY task_path, task_id, index
"""
# One look into the index for each, also in a plan that was made while the table was small. An array
# in a SELECT of its own keeps its length from the planner, which else finds that so few values
# deserve a plan of their own, and plans each time.
_VALUES = """
SELECT v.channel, v.version, b.kind, b.form, b.data
FROM unnest((SELECT %b::text[]), (SELECT %b::text[])) AS v(channel, version), LATERAL (
    SELECT kind, form, data FROM agents_blob WHERE thread_id = %b AND ns = %b
    AND channel = v.channel AND version = v.version LIMIT 1
) AS b
"""
_PARTS = "SELECT seq, data FROM agents_part WHERE thread_id = %b AND seq BETWEEN %b AND %b"
_SCATTERED_PARTS = """
SELECT v.seq, p.data FROM unnest((SELECT %b::bigint[])) AS v(seq), LATERAL (
    SELECT data FROM agents_part WHERE thread_id = %b AND seq = v.seq LIMIT 1
) AS p
"""
_execute = partial(pipelines.rows, binary=True)


class PostgresEngine:
    """See `Engine`."""

    def stamp(self) -> Stamp:
        """See `Engine`. It does not tell."""
        return None

    def guard(
        self, threads: Collection[LockedThread], runs: Collection[LeasedRun], ending: Ending
    ) -> None:
        """See `Engine`."""
        integers = partial(pipelines.array, "bigint")
        pks = integers(thread.pk for thread in threads)
        nexts = integers(thread.part_next for thread in threads)
        epochs = integers(thread.part_epoch for thread in threads)
        ending.add((_GUARD_THREADS, [pks, Int8(len(threads)), pks, nexts, epochs]))
        leased = [
            integers(values)
            for values in zip(
                *((run.pk, run.thread_id, run.attempt, run.runner_id or 0) for run in runs),
                strict=True,
            )
        ]
        ending.add((_GUARD_RUNS, [Int8(len(runs)), *leased, Run.Status.RUNNING.value]))

    def is_of_guard(self, error: Exception) -> bool:
        """See `Engine`."""
        return getattr(error.__cause__, "sqlstate", None) == _DIVISION_BY_ZERO

    def lock(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """See `Engine`."""
        asked = [(_LOCK_THREADS, [pipelines.array("text", threads)])]
        if runs:
            asked.append((_READ_RUNS, [pipelines.array("bigint", runs)]))
        found, *leased = _execute(*asked)
        return (
            list(map(LockedThread._make, found)),
            [LeasedRun._make(row) for rows in leased for row in rows],
        )

    def look(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """See `Engine`. The commit that follows writes nothing, so it waits for no disk."""
        _, found, leased = _execute(
            (_OF_ONE_MOMENT, []),
            (_THREADS, [pipelines.array("text", threads)]),
            (_READ_RUNS, [pipelines.array("bigint", runs)]),
        )
        return list(map(LockedThread._make, found)), list(map(LeasedRun._make, leased))

    def write(
        self,
        rows: Sequence[tuple[Table, Sequence[Row]]],
        part_next: Mapping[int, int],
        ending: Ending | None = None,
    ) -> None:
        """See `Engine`."""
        statements = [(_insert(table), _columns(table, added)) for table, added in rows if added]
        if part_next:
            numbers = (part_next.keys(), part_next.values())
            statements.append((_NUMBER_PARTS, [pipelines.array("bigint", n) for n in numbers]))
        if ending is not None:
            ending.add(*statements)
        elif statements:
            _execute(*statements)

    def checkpoint(self, thread: int, ns: str, checkpoint_id: str | None) -> StoredCheckpointRow:
        """See `Engine`. One round trip."""
        at = [Int8(thread), ns, checkpoint_id, Int8(thread), ns]
        head, writes = _execute((_HEAD, at), (_WRITES, at))
        return StoredHead(*head[0]) if head else None, list(map(_value, writes))

    def values(
        self, thread: int, ns: str, versions: Mapping[str, str], writes: Sequence[StoredValue]
    ) -> tuple[list[StoredValue], dict[int, bytes]]:
        """See `Engine`. At most two round trips."""
        names, found_at = (pipelines.array("text", each) for each in (versions, versions.values()))
        named = [names, found_at, Int8(thread), ns]
        found = list(map(_value, _execute((_VALUES, named))[0])) if versions else []
        numbers = part_numbers([*found, *writes])
        if not numbers:
            return found, {}
        asked: tuple[str, list[Any]]
        if is_dense(numbers):
            asked = (_PARTS, [Int8(thread), Int8(min(numbers)), Int8(max(numbers))])
        else:
            asked = (_SCATTERED_PARTS, [pipelines.array("bigint", numbers), Int8(thread)])
        return found, dict(_execute(asked)[0])


@cache
def _insert(table: Table) -> str:
    arrays = ", ".join(f"%b::{kind}[]" for kind in table.columns.values())
    return f"INSERT INTO {table.name} ({table.names}) SELECT * FROM unnest({arrays}) {table.on_conflict}"  # noqa: S608, E501


def _columns(table: Table, rows: Sequence[Row]) -> list[list[Any]]:
    columns = zip(table.columns.values(), zip(*rows, strict=True), strict=True)
    return [pipelines.array(kind, values) for kind, values in columns]


def _value(row: tuple[str, str, str, int, bytes]) -> StoredValue:
    return StoredValue((row[0], row[1]), *row[2:])
