"""One console and one runner for a whole module: each row then costs what its pauses cost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from agents.roles import OPERATORS, REVIEWERS
from tests.conftest import person
from tests.pauses.browser import Browser
from tests.pauses.desk import Desk
from tests.servers import Console, KeptConsoles, RunnerProcess

AGENTS = Path(__file__).parent / "agents" / "langgraph.json"


@pytest.fixture(scope="module")
def lasting_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database, in which everything stays until the module is through."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def _django_db_helper(lasting_db: None) -> None:
    """Instead of pytest-django's own, which empties the database after each test."""


@pytest.fixture(scope="module")
def shared_console(lasting_db: None, kept_consoles: KeptConsoles, tmp_path_factory) -> Console:
    """The console with its usual settings, which other tests share."""
    usual: frozenset[tuple[str, str]] = frozenset()
    if usual not in kept_consoles:
        kept_consoles[usual] = Console(tmp_path_factory.mktemp("console") / "console.log")
    console = kept_consoles[usual]
    return console if console.is_alive else console.start()


@pytest.fixture(scope="module")
def agents() -> Path:
    """The `langgraph.json` of the agents; a module may have its own."""
    return AGENTS


@pytest.fixture(scope="module")
def desk(shared_console: Console, agents: Path, tmp_path_factory) -> Iterator[Desk]:
    """A reviewer's desk: a console, and a runner with the agents of these tests."""
    folder = tmp_path_factory.mktemp("desk")
    effects = folder / "effects.jsonl"
    alice = person("alice", REVIEWERS, OPERATORS)
    runner = RunnerProcess(shared_console, "pauses", agents, folder / "runner.log")
    runner.environment = {**runner.environment, "EFFECTS": str(effects)}
    try:
        runner.start()
        yield Desk(Browser(shared_console, alice), effects, alice)
    finally:
        runner.stop()


@pytest.fixture(autouse=True)
def no_console_errors(shared_console: Console) -> Iterator[None]:
    """A console that logs an error fails the test in which it did."""
    before = len(shared_console.output)
    yield
    said = shared_console.output[before:]
    sys.stdout.write(f"----- {shared_console.name} said:\n{said}\n")
    errors = shared_console.errors(said)
    shared_console.expected_errors.clear()
    assert errors == []
