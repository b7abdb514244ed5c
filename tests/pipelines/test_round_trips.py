"""Statements that travel together to PostgreSQL: what they answer, and what their errors leave."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, strategies as st

if connection.vendor != "postgresql":
    pytest.skip("it is PostgreSQL's", allow_module_level=True)

import psycopg
from psycopg.pq import TransactionStatus

from agents.pipelines import binary_arrays, round_trips
from agents.pipelines.round_trips import Answer, travel

pytestmark = pytest.mark.django_db(transaction=True)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "bytea": st.binary(),
    "timestamptz": st.integers(-(10**15), 10**16).map(
        lambda at: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    ),
}


@pytest.fixture
def raw() -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, as the pages have, with a table."""
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as opened:
        opened.execute("CREATE TEMPORARY TABLE noted (number bigint PRIMARY KEY)")
        yield opened


def noted(raw: psycopg.Connection[Any]) -> list[int]:
    return [number for (number,) in raw.execute("SELECT number FROM noted ORDER BY number")]


def note(number: int) -> round_trips.Statement:
    return "INSERT INTO noted VALUES (%s)", [number]


@pytest.mark.parametrize("kind", VALUES)
def test_an_array_arrives_as_it_was(raw, kind):
    @given(st.lists(st.none() | VALUES[kind]))
    def arrives(values: list[Any]) -> None:
        for binary in (True, False):
            asked = f"SELECT %b::{kind}[]", [binary_arrays.array(kind, values)]
            assert travel(raw, [asked], binary=binary) == [Answer([(values,)], 1)]

    arrives()


def test_answers_come_in_order(raw):
    answers = travel(
        raw,
        [
            note(1),
            ("INSERT INTO noted VALUES (%s), (%s) RETURNING number", [2, 3]),
            ("SELECT number, %s::text FROM noted ORDER BY number", ["100 %"]),
            ("UPDATE noted SET number = number + 10 WHERE number > %b", [1]),
            ("SELECT 'none' WHERE false", []),
            ("SELECT '%%', 5 %% 3", []),
        ],
    )
    assert answers == [
        Answer([], 1),
        Answer([(2,), (3,)], 2),
        Answer([(1, "100 %"), (2, "100 %"), (3, "100 %")], 3),
        Answer([], 2),
        Answer([], 0),
        Answer([("%", 2)], 1),
    ]


def test_after_an_error_nothing_is_done_and_the_connection_goes_on(raw):
    statements = [round_trips.BEGIN, note(1), note(1), note(2), round_trips.COMMIT]
    with pytest.raises(psycopg.errors.UniqueViolation):
        travel(raw, statements)
    assert raw.info.transaction_status == TransactionStatus.INERROR
    raw.rollback()
    assert noted(raw) == []
    travel(raw, [round_trips.BEGIN, note(1), note(2), round_trips.COMMIT])
    assert (noted(raw), raw.info.transaction_status) == ([1, 2], TransactionStatus.IDLE)


def test_what_was_prepared_before_an_error_is_used_after_it(raw):
    with pytest.raises(psycopg.errors.UndefinedTable):
        travel(raw, [note(1), ("SELECT * FROM nowhere", []), note(2)])
    travel(raw, [note(3)])
    rows = raw.execute("SELECT statement FROM pg_prepared_statements ORDER BY statement").fetchall()
    assert rows == [("INSERT INTO noted VALUES ($1)",)]


def test_a_parameter_that_cannot_travel_sends_nothing(raw):
    with pytest.raises(psycopg.ProgrammingError):
        travel(raw, [note(1), ("SELECT %s", [object()])])
    assert (noted(raw), raw.info.transaction_status) == ([], TransactionStatus.IDLE)
    travel(raw, [note(1)])


def test_the_statements_used_the_longest_ago_make_room(raw, monkeypatch):
    monkeypatch.setattr(round_trips, "KEPT", 2)
    for number in (1, 2, 3, 1):
        assert travel(raw, [(f"SELECT {number}", []), note(number + 10 * len(noted(raw)))])
    rows = raw.execute("SELECT statement FROM pg_prepared_statements ORDER BY statement").fetchall()
    assert rows == [("INSERT INTO noted VALUES ($1)",), ("SELECT 1",)]


def test_more_than_the_socket_takes_at_once_travels_both_ways(raw):
    large = "x" * 3_000_000
    answers = travel(raw, [("SELECT %s::text", [large])] * 4)
    assert answers == [Answer([(large,)], 1)] * 4


def test_the_server_ends_the_connection(raw):
    with pytest.raises(psycopg.OperationalError):
        travel(raw, [("SELECT pg_terminate_backend(pg_backend_pid())", []), note(1)])
    assert raw.closed
    with pytest.raises(psycopg.OperationalError):
        travel(raw, [note(1)])


def test_times_keep_their_microseconds(raw):
    at = datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC)
    for each in (at, at + timedelta(microseconds=1)):
        asked = "SELECT (%b::timestamptz[])[1]", [binary_arrays.array("timestamptz", [each])]
        assert travel(raw, [asked])[0].rows == [(each,)]
