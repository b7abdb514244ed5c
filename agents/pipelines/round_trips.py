"""Statements to PostgreSQL in one round trip, whatever their number, by libpq's own calls.

Each statement is prepared at its first use on a connection. The driver's pipelines send every
statement by itself, and wait for the answer to BEGIN; for a step of an agent, whose statements are
small and many, that took longer than what PostgreSQL did. Errors are the driver's.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.waiting import Ready, Wait

from agents.pipelines import binary_arrays

KEPT = 1000  # prepared statements of a connection
_KEPT_AS = "review_console_prepared"
_PLACE = re.compile("%[sbt%]")
_FORMATS = {"%s": PyFormat.AUTO, "%b": PyFormat.BINARY, "%t": PyFormat.TEXT}

Statement: TypeAlias = tuple[str, Sequence[Any]]
"""SQL with `%s`, `%b` (binary) or `%t` (text) for each of its parameters."""

BEGIN: Statement = ("BEGIN", ())
COMMIT: Statement = ("COMMIT", ())

_Key: TypeAlias = tuple[bytes, tuple[int, ...]]  # a statement and the types of its parameters
_Waiting: TypeAlias = Generator[Wait, Ready | int, list[pq.abc.PGresult]]
_NOTHING: _Key = (b"", ())


class _Asked(NamedTuple):
    """A statement and its parameters, as they travel."""

    key: _Key
    values: Sequence[Any]
    formats: Sequence[pq.Format]


class Answer(NamedTuple):
    """What a statement found, or how many rows it changed."""

    rows: list[tuple[Any, ...]]
    changed: int


def travel(
    raw: psycopg.Connection[Any], statements: Sequence[Statement], *, binary: bool = False
) -> list[Answer]:
    """Execute statements in order: the answer of each. After an error nothing more is done.

    `binary` asks for values as PostgreSQL keeps them: fit for numbers, text and bytes.

    Raises:
        psycopg.Error: a statement failed, the first one that did; or the connection is lost.
    """
    trip = _Trip(raw)
    for statement in statements:
        trip.add(*statement)
    connection = raw.pgconn
    connection.enter_pipeline_mode()
    try:
        trip.send(pq.Format.BINARY if binary else pq.Format.TEXT)
        results = raw.wait(_received(connection))
    except BaseException:
        raw.close()  # who knows how much of it was sent and read
        raise
    connection.exit_pipeline_mode()
    return list(trip.answers(results))


class _Prepared:
    """What is known of a connection: its prepared statements, and how values travel on it."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        binary_arrays.register(raw)
        self.transformer = Transformer.from_context(raw)
        self.names: OrderedDict[_Key, bytes] = OrderedDict()
        self._given = 0

    def new_name(self) -> bytes:
        self._given += 1
        return b"statement_%d" % self._given


def _prepared(raw: Any) -> _Prepared:
    """What is known of a connection, kept in it: so both end together."""
    prepared: _Prepared | None = getattr(raw, _KEPT_AS, None)
    if prepared is None:
        prepared = _Prepared(raw)
        setattr(raw, _KEPT_AS, prepared)
    return prepared


class _Trip:
    """Statements that are sent together, and what they are answered."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self._raw = raw
        self._prepared = _prepared(raw)
        self._transformer = self._prepared.transformer
        self._asked: list[_Asked] = []
        self._new: dict[_Key, bytes] = {}
        self._expected: list[_Key | None] = []  # a result each: of what is prepared, or executed

    def add(self, sql: str, parameters: Sequence[Any]) -> None:
        """Note a statement. Nothing is sent yet: a parameter may be refused."""
        query, formats = _read(sql)
        if not formats:
            self._asked.append(_Asked((query, ()), (), ()))
            return
        values = self._transformer.dump_sequence(parameters, formats)
        types = self._transformer.types or ()
        self._asked.append(_Asked((query, types), values, self._transformer.formats or ()))

    def send(self, format_: pq.Format) -> None:
        """Send all statements, or as much of them as the socket takes now."""
        connection = self._raw.pgconn
        for key, values, formats in self._asked:
            name = self._name(key)
            connection.send_query_prepared(
                name, values, param_formats=formats, result_format=format_
            )
            self._expected.append(None)
        connection.pipeline_sync()

    def _name(self, key: _Key) -> bytes:
        """What the statement is prepared as; it is sent to be prepared if it is not."""
        names = self._prepared.names
        if key in names:
            names.move_to_end(key)
            return names[key]
        if key in self._new:
            return self._new[key]
        connection = self._raw.pgconn
        if names and len(names) + len(self._new) >= KEPT:
            _, oldest = names.popitem(last=False)
            connection.send_query_params(b"DEALLOCATE " + oldest, None)
            self._expected.append(_NOTHING)
        name = self._new[key] = self._prepared.new_name()
        connection.send_prepare(name, key[0], param_types=key[1])
        self._expected.append(key)
        return name

    def answers(self, results: Sequence[pq.abc.PGresult]) -> Iterator[Answer]:
        for prepared, result in zip(self._expected, results, strict=True):
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise error_from_result(result, self._raw.info.encoding)
            if prepared is None:
                yield self._answer(result)
            elif prepared in self._new:
                self._prepared.names[prepared] = self._new[prepared]

    def _answer(self, result: pq.abc.PGresult) -> Answer:
        if result.status != pq.ExecStatus.TUPLES_OK:
            return Answer([], result.command_tuples or 0)
        if not (count := result.ntuples):
            return Answer([], 0)
        self._transformer.set_pgresult(result)
        rows = self._transformer.load_rows(0, count, tuple)
        self._transformer.set_pgresult(None)  # it may be large
        return Answer(rows, count)


@lru_cache(maxsize=2 * KEPT)
def _read(sql: str) -> tuple[bytes, list[PyFormat]]:
    """The statement as PostgreSQL numbers its parameters, and their formats."""
    formats: list[PyFormat] = []

    def numbered(mark: re.Match[str]) -> str:
        if mark[0] == "%%":
            return "%"
        formats.append(_FORMATS[mark[0]])
        return f"${len(formats)}"

    return _PLACE.sub(numbered, sql).encode(), formats


def _received(connection: pq.abc.PGconn) -> _Waiting:
    """Send what waits to be sent, and receive all results of the pipeline; for `raw.wait`."""
    while connection.flush():
        if (yield Wait.RW) & Ready.R:
            connection.consume_input()
    results: list[pq.abc.PGresult] = []
    while True:
        while connection.is_busy():
            if (yield Wait.R):
                connection.consume_input()
        result = connection.get_result()
        if result is None:  # the end of one statement's results
            if connection.status == pq.ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)
