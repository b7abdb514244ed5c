"""Statements on the way to the database: several a round trip, prepared, as the driver sends them.

Django's own cursor writes parameters into the text of each statement, and sends one at a time.
Everything here happens on Django's connection, inside the caller's transaction; errors are
Django's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

from django.db import connection

_PREPARED_MAX = 1000  # statements a connection: with fewer, each would drive out another

Statement: TypeAlias = tuple[str, Sequence[Any]]
"""SQL with its parameters."""


def rows(*statements: Statement, binary: bool = False) -> list[list[Any]]:
    """Execute all statements; the rows of each, or none. One round trip on PostgreSQL.

    `binary` asks PostgreSQL for values as it keeps them: fit for numbers, text and bytes.
    """
    if connection.vendor != "postgresql":
        return [_select(*each) for each in statements]
    cursors = _sent(statements, binary)
    # Not by `description`, which describes every column.
    return [[] if cursor.rownumber is None else cursor.fetchall() for cursor in cursors]


def changed(sql: str, parameters: Sequence[Any]) -> int:
    """Execute a statement; how many rows it changed."""
    if connection.vendor == "postgresql":
        (cursor,) = _sent([(sql, parameters)], binary=False)
        return int(cursor.rowcount)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def integers(values: Iterable[int]) -> list[Any]:
    """Integers as parameters of PostgreSQL: an array has one type, and a statement always one."""
    from psycopg.types.numeric import Int8  # noqa: PLC0415 -- slow, and not needed on SQLite

    return list(map(Int8, values))


def literal(value: Any) -> str:
    """A value as a literal of PostgreSQL."""
    from psycopg.sql import Literal  # noqa: PLC0415 -- as above

    connection.ensure_connection()
    return Literal(value).as_string(connection.connection)


def _select(sql: str, parameters: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found: list[Any] = cursor.fetchall()
        return found


def _sent(statements: Sequence[Statement], binary: bool) -> list[Any]:
    import psycopg  # noqa: PLC0415 -- as above

    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    raw: Any = connection.connection
    raw.prepared_max = _PREPARED_MAX
    cursors = [psycopg.Cursor(raw) for _ in statements]
    with connection.wrap_database_errors:
        if len(statements) == 1:
            _send(cursors[0], *statements[0], binary)
        else:
            with raw.pipeline():
                for cursor, statement in zip(cursors, statements, strict=True):
                    _send(cursor, *statement, binary)
    return cursors


def _send(cursor: Any, statement: str, parameters: Sequence[Any], binary: bool) -> None:
    """Execute a statement through whatever was hooked into the connection, as Django does."""

    def execute(sql: str, params: Any, many: bool, context: Any) -> Any:
        begun = time.monotonic()
        try:
            return cursor.execute(sql.encode(), params, prepare=True, binary=binary)
        finally:
            if connection.queries_logged:
                took = f"{time.monotonic() - begun:.3f}"
                connection.queries_log.append({"sql": sql, "time": took})

    for wrapper in reversed(connection.execute_wrappers):
        execute = partial(wrapper, execute)
    execute(statement, parameters, False, {"connection": connection, "cursor": cursor})
