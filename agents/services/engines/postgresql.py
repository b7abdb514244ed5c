"""The store on PostgreSQL: prepared statements with binary parameters, several a round trip.

Django's own cursor writes parameters into the text of each statement: bytes as hexadecimal digits,
and nothing to prepare. These statements take whole columns as arrays, so that their text stays the
same whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache, partial
from typing import Any

from psycopg.types.numeric import Int2, Int4, Int8

from agents import pipelines
from agents.services.engines import LeasedRun, LockedThread, StoredHead, StoredValue, is_dense
from agents.services.stored_tables import Row, Table

_LOCK_THREADS = """
SELECT t.id, t.thread_id, a.name, t.part_next, t.part_epoch
FROM agents_thread t JOIN agents_agent a ON a.id = t.agent_id
WHERE t.thread_id = ANY(%b::text[]) ORDER BY t.id FOR UPDATE OF t
"""
# A statement of its own: it sees what was committed while the one before waited for its locks.
_READ_RUNS = """
SELECT r.id, r.thread_id, r.status, r.attempt, r.runner_id, k.revoked_at IS NOT NULL
FROM agents_run r LEFT JOIN agents_runner w ON w.id = r.runner_id
LEFT JOIN agents_runnertoken k ON k.id = w.token_id WHERE r.id = ANY(%b::bigint[])
"""
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
# One look into the index for each, also in a plan that was made while the table was small.
_VALUES = """
SELECT v.channel, v.version, b.kind, b.form, b.data
FROM unnest(%b::text[], %b::text[]) AS v(channel, version), LATERAL (
    SELECT kind, form, data FROM agents_blob WHERE thread_id = %b AND ns = %b
    AND channel = v.channel AND version = v.version LIMIT 1
) AS b
"""
_PARTS = "SELECT seq, data FROM agents_part WHERE thread_id = %b AND seq BETWEEN %b AND %b"
_SCATTERED_PARTS = """
SELECT v.seq, p.data FROM unnest(%b::bigint[]) AS v(seq), LATERAL (
    SELECT data FROM agents_part WHERE thread_id = %b AND seq = v.seq LIMIT 1
) AS p
"""

_execute = partial(pipelines.rows, binary=True)
_INTEGERS = {"smallint": Int2, "integer": Int4, "bigint": Int8}  # an array has one type


class PostgresEngine:
    """See `Engine`."""

    def lock(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """See `Engine`."""
        asked = [(_LOCK_THREADS, [list(threads)])]
        if runs:
            asked.append((_READ_RUNS, [pipelines.integers(runs)]))
        found, *leased = _execute(*asked)
        return (
            list(map(LockedThread._make, found)),
            [LeasedRun._make(row) for rows in leased for row in rows],
        )

    def write(
        self, rows: Sequence[tuple[Table, Sequence[Row]]], part_next: Mapping[int, int]
    ) -> None:
        """See `Engine`."""
        statements = [(_insert(table), _columns(table, added)) for table, added in rows if added]
        if part_next:
            numbers = [list(map(Int8, part_next)), list(map(Int8, part_next.values()))]
            statements.append((_NUMBER_PARTS, numbers))
        if statements:
            _execute(*statements)

    def checkpoint(
        self, thread: int, ns: str, checkpoint_id: str | None
    ) -> tuple[StoredHead | None, list[StoredValue]]:
        """See `Engine`. One round trip."""
        at = [Int8(thread), ns, checkpoint_id]
        heads, writes = _execute((_HEAD, [*at, *at[:2]]), (_WRITES, [*at, *at[:2]]))
        return StoredHead(*heads[0]) if heads else None, list(map(_value, writes))

    def values(self, thread: int, ns: str, versions: Mapping[str, str]) -> list[StoredValue]:
        """See `Engine`. One round trip."""
        named = [list(versions), list(versions.values()), Int8(thread), ns]
        return list(map(_value, _execute((_VALUES, named))[0]))

    def parts(self, thread: int, numbers: Collection[int]) -> list[tuple[int, bytes]]:
        """See `Engine`. One round trip."""
        if is_dense(numbers):
            return _execute((_PARTS, [Int8(thread), Int8(min(numbers)), Int8(max(numbers))]))[0]
        return _execute((_SCATTERED_PARTS, [list(map(Int8, numbers)), Int8(thread)]))[0]


@cache
def _insert(table: Table) -> str:
    arrays = ", ".join(f"%b::{kind}[]" for kind in table.columns.values())
    return f"INSERT INTO {table.name} ({table.names}) SELECT * FROM unnest({arrays}) {table.on_conflict}"  # noqa: S608, E501


def _columns(table: Table, rows: Sequence[Row]) -> list[list[Any]]:
    columns: list[list[Any]] = []
    for kind, values in zip(table.columns.values(), zip(*rows, strict=True), strict=True):
        integer = _INTEGERS.get(kind)
        columns.append(
            [value if value is None else integer(value) for value in values]
            if integer
            else list(values)
        )
    return columns


def _value(row: tuple[str, str, str, int, bytes]) -> StoredValue:
    return StoredValue((row[0], row[1]), *row[2:])
