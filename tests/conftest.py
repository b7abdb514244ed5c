"""The cast, and the fixtures that every test may use.

alice and bob review, olga operates, ada administers, mallory has signed in and has no role.
"""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError, connection
from django.db.backends.base.operations import BaseDatabaseOperations
from hypothesis import settings

from agents.roles import ADMINS, OPERATORS, REVIEWERS

pytest_plugins = ("tests.servers", "tests.chromium")

# A busy machine is slow, which says nothing about a property.
settings.register_profile("reviewconsole", deadline=None)
settings.load_profile("reviewconsole")


ON_BOTH = Path(__file__).parent / "browser" / "test_whole_path.py"
WHOLE_PATH = ("faults", "pauses", "time_travel")
# What faults are called that a database has a part in: these are tried on both in any case.
OF_DATABASES = ("race", "twice", "once", "console", "postgresql", "sqlite", "migrations")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `python -m tests` asks for: a run on the other database, and a shorter one."""
    parser.addoption(
        "--database", action="store_true", help="run only the tests that use the database"
    )
    parser.addoption(
        "--divided", action="store_true", help="try agents and runners on one of both databases"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the database cannot change, and with `--divided` what the other one tries."""
    mine, others = divided(items) if config.getoption("--divided") else (set(), set())
    beside = config.getoption("--database")
    kept = {
        item
        for item in items
        if item.path not in others and (item.path in mine or not beside or uses_database(item))
    }
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def divided(items: list[pytest.Item]) -> tuple[set[Path], set[Path]]:
    """The modules that one database is enough for: what this run tries, and what the other does.

    Those about agents and runners, a third of them on SQLite, and those about pages in a browser,
    of which it is two thirds.
    """
    files = sorted({item.path for item in items})
    agents = [
        path
        for path in files
        if path.parent.name in WHOLE_PATH and not any(word in path.name for word in OF_DATABASES)
    ]
    pages = [path for path in files if path.parent.name == "browser" and path != ON_BOTH]
    on_postgresql = {*agents, *pages[::3]} - {*agents[::3]}
    on_sqlite = {*agents, *pages} - on_postgresql
    if connection.vendor == "postgresql":
        return on_postgresql, on_sqlite
    return on_sqlite, on_postgresql


def uses_database(item: pytest.Item) -> bool:
    """Whether the test asked for a database, itself or through its fixtures.

    Of the browser's tests that is the whole path: the pages of the others are the same on both, and
    `tests/views` asks for each of them on both.
    """
    if item.path.parent.name == "browser" and item.path != ON_BOTH:
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & {"db", "transactional_db"}) or "django_db" in item.keywords


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Whether the database stays: `tests.postgres` takes its whole server away.

    Dropping it there would wait for whoever has not hung up yet.
    """
    return connection.vendor == "postgresql"


@pytest.fixture(scope="session", autouse=True)
def _patient_flush() -> None:
    """Empty the tables again where a console that still read them came in between.

    PostgreSQL ends such a meeting by a deadlock, and this end of it is the one that can wait.
    """
    flush = BaseDatabaseOperations.execute_sql_flush

    def patient(operations: Any, sql_list: list[str]) -> None:
        for _attempt in range(5):
            try:
                return flush(operations, sql_list)
            except OperationalError as error:
                if "deadlock" not in str(error):
                    raise
        return flush(operations, sql_list)

    BaseDatabaseOperations.execute_sql_flush = patient  # type: ignore[method-assign, assignment]


def person(name: str, *roles: str, **fields: object) -> User:
    """Make a user who holds `roles`; the password is the name."""
    user = User.objects.create_user(name, f"{name}@example.com", name, **fields)
    user.groups.set([Group.objects.get(name=role) for role in roles])
    return user


@pytest.fixture
def alice(db: None) -> User:
    """A reviewer."""
    return person("alice", REVIEWERS)


@pytest.fixture
def bob(db: None) -> User:
    """A second reviewer."""
    return person("bob", REVIEWERS)


@pytest.fixture
def olga(db: None) -> User:
    """An operator."""
    return person("olga", OPERATORS)


@pytest.fixture
def ada(db: None) -> User:
    """An admin."""
    return person("ada", ADMINS, is_staff=True)


@pytest.fixture
def mallory(db: None) -> User:
    """Somebody who can sign in and holds no role."""
    return person("mallory")
