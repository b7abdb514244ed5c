"""When the database is at fault: what counts as that, and what to do about it.

Whatever was asked is then held and asked again, by runners as by people: nothing is judged by an
answer that the database did not give.
"""

from __future__ import annotations

import sqlite3

from django.db import DatabaseError, InterfaceError, OperationalError

_OLD = "its tables are older than the console: run `manage.py migrate`"
_READ_ONLY = "it takes no writes: make it writable, or name its primary in DATABASE_URL"
_FULL = "its disk is full: free space there"

_TOO_COMPLEX = "54"  # the class of PostgreSQL's states: program limit exceeded
_STATES = {  # of PostgreSQL; Django's exceptions do not set them apart
    "25006": _READ_ONLY,
    "42P01": _OLD,
    "42703": _OLD,
    "53100": _FULL,
}
_WORDS = {  # of both databases, the pool and the system
    "readonly database": _READ_ONLY,
    "read-only transaction": _READ_ONLY,
    "disk is full": _FULL,
    "No space left": _FULL,
    "disk I/O error": "its disk fails or has reached a limit: look at the disk and its quota",
    "database is locked": "another process holds its write lock: find and end that process",
    "unable to open database file": "its file cannot be opened: look at DATA_DIR and who owns it",
    "no such table": _OLD,
    "no such column": _OLD,
    "too many clients": "it has no connection left: raise max_connections, or end other clients",
    "connection slots": "it has no connection left: raise max_connections, or end other clients",
    "couldn't get a connection": "it does not answer in time: see that it runs",
    "starting up": "it starts: wait a moment",
    "shutting down": "it stops: start it again",
    "terminating connection": "it stopped or restarts: see that it runs",
    "server closed the connection": "it stopped or restarts: see that it runs",
    "connection is closed": "it stopped or restarts: see that it runs",
    "connection is lost": "it stopped or restarts: see that it runs",
    "connection failed": "it cannot be reached: see that it runs and that DATABASE_URL names it",
    "statement timeout": "it is too slow: look at what else it does",
}


def is_outage(error: BaseException | None) -> bool:
    """Whether the database could not do its work, whatever was asked of it.

    A statement that is too much for a database (of terms, of depth) is none: asked again it would
    be refused again, and hold with it what others asked.
    """
    if isinstance(error, OperationalError):
        return not _is_of_the_statement(error)
    if isinstance(error, InterfaceError):
        return True
    return isinstance(error, DatabaseError) and _state(error) in _STATES


def told(error: BaseException) -> str:
    """One line that names the cause and, where it is known, the remedy."""
    cause = " ".join(str(error).split())
    found = remedy(error)
    return f"the database did not answer: {cause}" + (f" ({found})" if found else "")


def remedy(error: BaseException) -> str | None:
    """What is wrong with the database and what to do, without a word of the database's own.

    So that it may be shown to anybody.
    """
    if (known := _STATES.get(_state(error))) is not None:
        return known
    said = str(error)
    return next((told for words, told in _WORDS.items() if words in said), None)


def _is_of_the_statement(error: OperationalError) -> bool:
    """Whether the database refuses what it was asked: its drivers say that in the same class."""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None:
        return bool(code == sqlite3.SQLITE_ERROR) and remedy(error) is None
    return _state(error).startswith(_TOO_COMPLEX)


def _state(error: BaseException) -> str:
    return getattr(error.__cause__, "sqlstate", None) or ""
