"""A console with its database and a runner, as they are installed, for the programs that need all.

A process has one: Django is set up for its database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.postgres import running

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.pauses.browser import Browser
    from tests.servers import Console, RunnerProcess

AGENTS = Path(__file__).parent / "agents" / "langgraph.json"


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs, and who works there."""

    folder: Path  # of logs and notes
    database: str  # URL
    _at_end: ExitStack

    def console(self, **changes: str) -> Console:
        """Start a console; `changes` are settings. It is stopped at the end."""
        from tests.servers import Console  # noqa: PLC0415 -- after `django.setup`

        number = len(list(self.folder.glob("console-*.log"))) + 1
        console = Console(self.folder / f"console-{number}.log", LOG_LEVEL="WARNING", **changes)
        self._at_end.callback(console.stop)
        return console.start()

    def runner(self, console: Console, agents: Path = AGENTS, **environment: str) -> RunnerProcess:
        """Start a runner of these agents. It is stopped at the end, before its console."""
        from tests.servers import RunnerProcess  # noqa: PLC0415 -- after `django.setup`

        runner = RunnerProcess(console, "runner", agents, self.folder / "runner.log")
        runner.environment = {**runner.environment, **environment}
        self._at_end.callback(runner.stop)
        return runner.start()

    def person(self, name: str, *roles: str) -> User:
        """Somebody who holds these roles."""
        from tests.conftest import person  # noqa: PLC0415 -- after `django.setup`

        return person(name, *roles)


def start(browser: Browser, agent: str, subject: str) -> None:
    """Start a run of an agent as a person does; `subject` is what it is told, and its title.

    They look elsewhere then: the page of its thread would be drawn beside what is measured.
    """
    said = {"messages": [{"role": "user", "content": subject}]}
    browser.order(
        f"/agents/{agent}/", [("way", "json"), ("json", json.dumps(said)), ("title", subject)]
    )


@contextmanager
def installation() -> Iterator[Installation]:
    """Have a migrated database on a durable PostgreSQL, and what is started on it."""
    with ExitStack() as at_end:
        server = at_end.enter_context(running(durable=True))
        database = server.replace("/postgres?", f"/bench_{os.getpid()}?")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE bench_{os.getpid()}")
        folder = Path(at_end.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        os.environ.update(
            DATABASE_URL=database,
            DJANGO_SETTINGS_MODULE="tests.settings",
            DJANGO_ALLOW_ASYNC_UNSAFE="1",  # a program that drives a browser has an event loop
        )
        import django  # noqa: PLC0415 -- a process has one database
        from django.core.management import call_command  # noqa: PLC0415

        django.setup()
        call_command("migrate", verbosity=0)
        _collect_static_files()
        yield Installation(folder, database, at_end)


def _collect_static_files() -> None:
    """Hash the static files, as an installation does."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "reviewconsole.settings"},
        check=True,
    )
