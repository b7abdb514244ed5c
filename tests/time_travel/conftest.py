"""One console and one runner for a whole module, as `tests/pauses` has them, and a traveller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.roles import OPERATORS, REVIEWERS
from tests.conftest import person
from tests.pauses.browser import Browser
from tests.pauses.conftest import (  # noqa: F401 -- fixtures
    _django_db_helper,
    lasting_db,
    no_console_errors,
    shared_console,
)
from tests.servers import Console, RunnerProcess
from tests.time_travel.travelling import Traveller

AGENTS = Path(__file__).parent / "agents" / "langgraph.json"


@pytest.fixture(scope="module")
def desk(shared_console: Console, tmp_path_factory) -> Iterator[Traveller]:  # noqa: F811
    """A person who reviews and operates; a console, and a runner with the agents of these tests."""
    folder = tmp_path_factory.mktemp("desk")
    effects = folder / "effects.jsonl"
    alice = person("alice", REVIEWERS, OPERATORS)
    runner = RunnerProcess(shared_console, "travels", AGENTS, folder / "runner.log")
    runner.environment = {**runner.environment, "EFFECTS": str(effects)}
    try:
        runner.start()
        yield Traveller(Browser(shared_console, alice), effects, alice, runner)
    finally:
        runner.stop()
