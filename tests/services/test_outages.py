"""What counts as an outage of the database, and what people are told of it."""

import sqlite3
from contextlib import closing

import psycopg.errors
import pytest
from django.db import DatabaseError, IntegrityError, InterfaceError, InternalError, OperationalError

from agents.services import outages


def caused(error: DatabaseError, cause: Exception) -> DatabaseError:
    """The error as Django raises it: with the driver's as its cause."""
    error.__cause__ = cause
    return error


READ_ONLY = caused(
    InternalError("cannot execute INSERT in a read-only transaction"),
    psycopg.errors.ReadOnlySqlTransaction(),
)
OLD = caused(DatabaseError('relation "x" does not exist'), psycopg.errors.UndefinedTable())


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (READ_ONLY, "it takes no writes: make it writable, or name its primary in DATABASE_URL"),
        (OLD, "its tables are older than the console: run `manage.py migrate`"),
        (OperationalError("no such table: x"), outages.remedy(OLD)),
        (OperationalError("database or disk is full"), "its disk is full: free space there"),
        (
            caused(OperationalError("could not extend file"), psycopg.errors.DiskFull()),
            "its disk is full: free space there",
        ),
        (
            OperationalError("database is locked"),
            "another process holds its write lock: find and end that process",
        ),
        (
            OperationalError("connection failed: port 5432 at 10.0.0.5: refused"),
            "it cannot be reached: see that it runs and that DATABASE_URL names it",
        ),
        (InterfaceError("something new"), None),
    ],
)
def test_it_names_the_remedy_and_no_more_to_anybody(error: DatabaseError, remedy: str | None):
    assert outages.is_outage(error)
    assert outages.remedy(error) == remedy
    told = outages.told(error)
    assert told == f"the database did not answer: {error}" + (f" ({remedy})" if remedy else "")


@pytest.mark.parametrize("error", [IntegrityError("twice"), DatabaseError("?"), ValueError(), None])
def test_what_a_request_is_to_blame_for_is_none(error: Exception | None):
    assert not outages.is_outage(error)


def test_what_a_statement_is_refused_for_is_none():
    """Though the drivers raise it as what they raise when the database is away."""
    limit = psycopg.errors.StatementTooComplex()
    assert not outages.is_outage(caused(OperationalError("stack depth limit exceeded"), limit))
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement, is_outage in {
            "SELECT 1 WHERE 'x' LIKE hex(zeroblob(60000))": False,
            "SELECT * FROM missing": True,
        }.items():
            with pytest.raises(sqlite3.OperationalError) as raised:
                connection.execute(statement)
            error = caused(OperationalError(*raised.value.args), raised.value)
            assert outages.is_outage(error) == is_outage


def test_sqlite_says_it_in_these_words(tmp_path):
    path = tmp_path / "file"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE kept (id)")
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        connection.execute("INSERT INTO kept VALUES (1)")
    assert outages.remedy(raised.value) == outages.remedy(READ_ONLY)
