"""Statements on the way to the database: several a round trip, prepared, as the driver sends them.

Django's own cursor writes parameters into the text of each statement, and sends one at a time.
Everything here happens on Django's connection, inside the caller's transaction; errors are
Django's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db import connection, transaction as transactions

if TYPE_CHECKING:
    from agents.pipelines.round_trips import Answer

Statement: TypeAlias = tuple[str, Sequence[Any]]
"""SQL with its parameters."""


def rows(*statements: Statement, binary: bool = False) -> list[list[Any]]:
    """Execute all statements; the rows of each, or none. One round trip on PostgreSQL.

    `binary` asks PostgreSQL for values as it keeps them: fit for numbers, text and bytes.
    """
    if connection.vendor != "postgresql":
        return [_select(*each) for each in statements]
    return [answer.rows for answer in _sent(statements, binary=binary)]


class Ending:
    """What a transaction does last: on PostgreSQL, its statements wait for its end.

    Elsewhere there is no network to save: they are done as soon as they are added.
    """

    def __init__(self) -> None:
        """Nothing is to be done yet."""
        self._waiting: list[Statement] = []
        self._found: list[list[Any]] = []
        self._is_sent = False

    def add(self, *statements: Statement) -> range:
        """Have statements done at the end, in this order; the places of their rows in `found`."""
        first = len(self._waiting) + len(self._found)
        if connection.vendor == "postgresql":
            self._waiting += statements
        else:
            self._found += [_select(*each) for each in statements]
        return range(first, first + len(statements))

    def found(self, places: range) -> list[list[Any]]:
        """The rows of these statements, or none. Only after the transaction."""
        assert self._is_sent, "the transaction has not ended"  # noqa: S101
        return [self._found[place] for place in places]

    def send(self) -> None:
        """Do what waits. With the outermost transaction's last statements goes its commit."""
        self._is_sent = True
        if self._waiting:
            is_outermost = len(connection.atomic_blocks) == 1
            answers = _sent(self._waiting, binary=False, ends=is_outermost)
            self._found = [answer.rows for answer in answers]


@contextmanager
def transaction() -> Iterator[Ending]:
    """A transaction whose last statements are sent with its commit: one round trip on PostgreSQL.

    Errors are Django's, also those that only a commit tells; nothing was done then.
    """
    with transactions.atomic():
        ending = Ending()
        yield ending
        ending.send()


def changed(sql: str, parameters: Sequence[Any]) -> int:
    """Execute a statement; how many rows it changed."""
    if connection.vendor == "postgresql":
        return _sent([(sql, parameters)], binary=False)[0].changed
    return int(_executed(sql, parameters).rowcount)


def array(type_name: str, values: Iterable[Any]) -> list[Any]:
    """Values as a parameter of PostgreSQL: an array of one type, by its name in casts."""
    from agents.pipelines import binary_arrays  # noqa: PLC0415 -- its driver is slow, not needed on SQLite

    return binary_arrays.array(type_name, values)


def literal(value: Any) -> str:
    """A value as a literal of PostgreSQL."""
    from psycopg.sql import Literal  # noqa: PLC0415 -- as above

    connection.ensure_connection()
    return Literal(value).as_string(connection.connection)


def for_each(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute a statement once for each row of parameters; for SQLite, which has no network."""
    if _is_watched():
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            return
    with connection.wrap_database_errors:
        _raw().executemany(_marked(sql), rows)


def _select(sql: str, parameters: Sequence[Any]) -> list[Any]:
    found: list[Any] = _executed(sql, parameters).fetchall()
    return found


def _executed(sql: str, parameters: Sequence[Any]) -> Any:
    """The cursor with what a statement has done."""
    if _is_watched():
        cursor = connection.cursor()
        cursor.execute(sql, parameters)
        return cursor
    with connection.wrap_database_errors:
        return _raw().execute(_marked(sql), parameters)


def _is_watched() -> bool:
    """Whether somebody wants to see each statement; else Django's cursor is spared.

    It writes SQLite's marks into the statement anew each time.
    """
    return bool(connection.execute_wrappers or connection.queries_logged)


def _raw() -> Any:
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    return connection.connection


@lru_cache(maxsize=2000)
def _marked(sql: str) -> str:
    """A statement with the marks that SQLite knows; the texts are fixed, but for inserts' rows."""
    return re.sub("(?<!%)%s", "?", sql).replace("%%", "%")


def _sent(statements: Sequence[Statement], *, binary: bool, ends: bool = False) -> list[Answer]:
    """What PostgreSQL answers to the statements, in one round trip.

    A transaction that has not begun yet begins with them; one that `ends` is committed with them.
    """
    from psycopg.pq import TransactionStatus  # noqa: PLC0415 -- as above

    from agents.pipelines import round_trips  # noqa: PLC0415 -- as above

    raw = _raw()
    begins = connection.in_atomic_block and raw.pgconn.transaction_status == TransactionStatus.IDLE
    sent = list(map(_passed, statements))
    asked = [
        *([round_trips.BEGIN] if begins else ()),
        *sent,
        *([round_trips.COMMIT] if ends else ()),  # after an error it is not done either
    ]
    begun = time.monotonic()
    try:
        with connection.wrap_database_errors:
            answers = round_trips.travel(raw, asked, binary=binary)
    finally:
        if connection.queries_logged:
            took = f"{time.monotonic() - begun:.3f}"
            connection.queries_log.extend({"sql": sql, "time": took} for sql, _ in sent)
    return answers[begins : begins + len(sent)]


def _passed(statement: Statement) -> Statement:
    """The statement, as whatever was hooked into the connection passes it on."""
    if not connection.execute_wrappers:
        return statement
    passed: list[Statement] = []

    def execute(sql: str, params: Sequence[Any], many: bool, context: Any) -> None:
        passed.append((sql, params))

    for wrapper in reversed(connection.execute_wrappers):
        execute = partial(wrapper, execute)
    execute(*statement, False, {"connection": connection})
    return passed[0]
