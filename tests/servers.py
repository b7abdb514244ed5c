"""Real consoles and real runners, for the tests that need the whole path.

A console works on the test's own database, so that models and the cast can be used beside it.
Whatever the processes said is shown if the test fails, and a console that logs an error fails its
test.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self, TypeAlias
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from agents.models import Runner
from agents.services import tokens
from tests.processes import ROOT, Process, free_port

EXAMPLES = ROOT / "examples" / "langgraph.json"


def same_database() -> dict[str, str]:
    """Return the environment in which a console works on the database of this test."""
    environment = {"DATA_DIR": str(settings.DATA_DIR), "DATABASE_URL": ""}
    if connection.vendor == "postgresql":
        url = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        environment["DATABASE_URL"] = url._replace(path=f"/{name}").geturl()
    return environment


class Console(Process):
    """A console as in production, but for TLS. Its port stays the same when it starts again."""

    def __init__(self, log: Path, **changes: str) -> None:
        """Prepare a console; `changes` are settings, as in `RUNNER_LEASE_SECONDS="2"`."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}"
        # Patterns of errors that the test provokes: a log line that matches one is no failure.
        self.expected_errors: list[str] = []
        environment = same_database() | {
            "DJANGO_ALLOW_ASYNC_UNSAFE": "",  # for tests that drive a browser, not for a console
            "DJANGO_SETTINGS_MODULE": "reviewconsole.settings",
            "PORT": str(self.port),
            **changes,
        }
        super().__init__("the console", [sys.executable, "manage.py", "serve"], environment, log)

    def is_ready(self) -> bool:
        """Whether it answers a request, whatever the answer."""
        try:
            urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()
        except OSError:
            return False
        return True

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` on its database and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}:\n{done.stderr}"
        return done.stdout

    def errors(self, output: str) -> list[str]:
        """Return the errors in what it said that the test did not expect."""
        return [
            line.replace("\\n", "\n")
            for line in output.splitlines()
            if re.search(r" (ERROR|CRITICAL) |^Traceback", line)
            and not any(re.search(pattern, line) for pattern in self.expected_errors)
        ]


class Address(Protocol):
    """Where runners connect to: a console, or a proxy in front of it."""

    socket_url: str


class RunnerProcess(Process):
    """A runner with a token of its own, connected to `console`."""

    def __init__(self, console: Address, name: str, agents: Path, log: Path) -> None:
        served = list(json.loads(agents.read_text())["graphs"])
        self.token, secret = tokens.create(name=name, agents=served)
        self.started_at: datetime = timezone.now()
        command = [sys.executable, "-m", "reviewconsole.runner"]
        command += [f"--agents={agents}", f"--name={name}"]
        environment = {
            "REVIEWCONSOLE_URL": console.socket_url,
            "REVIEWCONSOLE_TOKEN": secret,
        }
        super().__init__(f"runner {name}", command, environment, log)

    def start(self, *, ready: bool = True) -> Self:
        """Start it, and return once the console knows it; with `ready=False` at once."""
        self.started_at = timezone.now()
        return super().start(ready=ready)

    def is_ready(self) -> bool:
        """Whether the console has taken its hello."""
        return Runner.objects.filter(
            token=self.token, connected_at__gte=self.started_at, disconnected_at=None
        ).exists()


class StartConsole(Protocol):
    """Starts a console with the given settings changed."""

    def __call__(self, **changes: str) -> Console: ...


KeptConsoles: TypeAlias = dict[frozenset[tuple[str, str]], Console]


class StartRunner(Protocol):
    """Starts a runner for `agents`, a `langgraph.json`."""

    def __call__(
        self, console: Console, name: str = "runner", agents: Path = EXAMPLES
    ) -> RunnerProcess: ...


@pytest.fixture(scope="session")
def collected_static_files() -> None:
    """The hashed static files, made once for all consoles."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "reviewconsole.settings"},
        check=True,
    )


@pytest.fixture(scope="session")
def kept_consoles(
    django_db_setup: None, collected_static_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KeptConsoles]:
    """The consoles that tests share, by their changed settings; each is started when first needed.

    Starting one takes seconds. It keeps nothing between tests: what it knows is in the database.
    """
    consoles: KeptConsoles = {}
    yield consoles
    for console in consoles.values():
        console.stop()


@pytest.fixture
def share_console(
    kept_consoles: KeptConsoles,
    transactional_db: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartConsole]:
    """Gives consoles that other tests have used and will use; one that was killed starts again."""
    used: list[tuple[Console, int]] = []

    def share(**changes: str) -> Console:
        settings = frozenset(changes.items())
        if settings not in kept_consoles:
            log = tmp_path_factory.mktemp("console") / "console.log"
            kept_consoles[settings] = Console(log, **changes)
        console = kept_consoles[settings]
        used.append((console, len(console.output)))
        return console if console.is_alive else console.start()

    yield share
    for console, before in used:
        sys.stdout.write(f"----- {console.name} said:\n{console.output[before:]}\n")
        errors = console.errors(console.output[before:])
        console.expected_errors.clear()
        assert errors == []


@pytest.fixture
def start_console(
    transactional_db: None, collected_static_files: None, tmp_path: Path
) -> Iterator[StartConsole]:
    """Starts consoles of the test's own, that are stopped after it."""
    consoles: list[Console] = []
    with ExitStack() as at_end:

        def start(**changes: str) -> Console:
            console = Console(tmp_path / f"console-{len(consoles) + 1}.log", **changes)
            consoles.append(console)
            at_end.callback(show, console)
            at_end.callback(console.stop)
            return console.start()

        yield start
    assert [error for console in consoles for error in console.errors(console.output)] == []


@pytest.fixture
def start_runner(transactional_db: None, tmp_path: Path) -> Iterator[StartRunner]:
    """Starts runners that are stopped after the test, before the consoles."""
    with ExitStack() as at_end:

        def start(console: Console, name: str = "runner", agents: Path = EXAMPLES) -> RunnerProcess:
            runner = RunnerProcess(console, name, agents, tmp_path / f"{name}.log")
            at_end.callback(show, runner)
            at_end.callback(runner.stop)
            return runner.start()

        yield start


@pytest.fixture
def console(share_console: StartConsole) -> Console:
    """A running console, shared with other tests."""
    return share_console()


@pytest.fixture
def runner(console: Console, start_runner: StartRunner) -> RunnerProcess:
    """A runner with the example agents, connected to `console`."""
    return start_runner(console)


def show(process: Process) -> None:
    """Print what `process` said: pytest shows it if the test failed."""
    sys.stdout.write(f"----- {process.name} said:\n{process.output}\n")
