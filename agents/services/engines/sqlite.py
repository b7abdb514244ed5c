"""The store on SQLite: fixed statements, rows by `executemany`. There is no network to save."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection

from agents import pipelines
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

# The transaction has the only lock there is: see `transaction_mode` in the settings.
_THREADS = """
SELECT t.id, t.thread_id, a.name, t.part_next, t.part_epoch
FROM agents_thread t JOIN agents_agent a ON a.id = t.agent_id
WHERE t.thread_id IN (SELECT value FROM json_each(%s)) ORDER BY t.id
"""
_RUNS = """
SELECT r.id, r.thread_id, r.status, r.attempt, r.runner_id, k.revoked_at IS NOT NULL
FROM agents_run r LEFT JOIN agents_runner w ON w.id = r.runner_id
LEFT JOIN agents_runnertoken k ON k.id = w.token_id
WHERE r.id IN (SELECT value FROM json_each(%s))
"""
_NUMBER_PARTS = "UPDATE agents_thread SET part_next = %s WHERE id = %s"
_HEAD = """
SELECT checkpoint_id, parent_id, document, metadata FROM agents_checkpoint
WHERE thread_id = %s AND ns = %s AND checkpoint_id = coalesce(%s, (
    SELECT max(checkpoint_id) FROM agents_checkpoint WHERE thread_id = %s AND ns = %s
))
"""
_WRITES = """
SELECT task_id, channel, kind, form, data FROM agents_pendingwrite
WHERE thread_id = %s AND ns = %s AND checkpoint_id = %s ORDER BY task_path, task_id, "index"
"""
_VALUES = """
SELECT b.channel, b.version, b.kind, b.form, b.data FROM json_each(%s) AS v JOIN agents_blob b
ON b.thread_id = %s AND b.ns = %s AND b.channel = v.key AND b.version = v.value
"""
_PARTS = "SELECT seq, data FROM agents_part WHERE thread_id = %s AND seq BETWEEN %s AND %s"
_SCATTERED_PARTS = """
SELECT seq, data FROM agents_part
WHERE thread_id = %s AND seq IN (SELECT value FROM json_each(%s))
"""


class SqliteEngine:
    """See `Engine`."""

    def stamp(self) -> Stamp:
        """See `Engine`. What other connections have written, and how much this one has."""
        raw = connection.connection
        (version,) = raw.execute("PRAGMA data_version").fetchone()
        return raw, version, raw.total_changes

    def guard(
        self, threads: Collection[LockedThread], runs: Collection[LeasedRun], ending: Ending
    ) -> None:
        """See `Engine`. Nothing was written since, and nobody else can write now."""

    def is_of_guard(self, error: Exception) -> bool:
        """See `Engine`."""
        return False

    def lock(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """See `Engine`."""
        found = _select(_THREADS, json.dumps(list(threads)))
        leased = _select(_RUNS, json.dumps(list(runs))) if runs else []
        return list(map(LockedThread._make, found)), list(map(LeasedRun._make, leased))

    def look(
        self, threads: Collection[str], runs: Collection[int]
    ) -> tuple[list[LockedThread], list[LeasedRun]]:
        """See `Engine`. The transaction has the only lock there is: nothing is to be saved."""
        return self.lock(threads, runs)

    def write(
        self,
        rows: Sequence[tuple[Table, Sequence[Row]]],
        part_next: Mapping[int, int],
        ending: Ending | None = None,
    ) -> None:
        """See `Engine`. At once: there is nothing to save."""
        for table, added in rows:
            if added:
                pipelines.for_each(_insert(table), added)
        if part_next:
            pipelines.for_each(_NUMBER_PARTS, [(after, pk) for pk, after in part_next.items()])

    def checkpoint(self, thread: int, ns: str, checkpoint_id: str | None) -> StoredCheckpointRow:
        """See `Engine`."""
        heads = _select(_HEAD, thread, ns, checkpoint_id, thread, ns)
        if not heads:
            return None, []
        head = StoredHead(*heads[0])
        return head, list(map(_value, _select(_WRITES, thread, ns, head.checkpoint_id)))

    def values(
        self, thread: int, ns: str, versions: Mapping[str, str], writes: Sequence[StoredValue]
    ) -> tuple[list[StoredValue], dict[int, bytes]]:
        """See `Engine`."""
        asked = (json.dumps(versions), thread, ns)
        found = list(map(_value, _select(_VALUES, *asked))) if versions else []
        numbers = part_numbers([*found, *writes])
        if not numbers:
            return found, {}
        if is_dense(numbers):
            return found, dict(_select(_PARTS, thread, min(numbers), max(numbers)))
        return found, dict(_select(_SCATTERED_PARTS, thread, json.dumps(list(numbers))))


@cache
def _insert(table: Table) -> str:
    marks = ", ".join(["%s"] * len(table.columns))
    return f"INSERT INTO {table.name} ({table.names}) VALUES ({marks}) {table.on_conflict}"  # noqa: S608


def _select(statement: str, *parameters: Any) -> list[Any]:
    return pipelines.rows((statement, parameters))[0]


def _value(row: tuple[str, str, str, int, bytes]) -> StoredValue:
    return StoredValue((row[0], row[1]), *row[2:])
