"""The world of a trial: a console, two runners, a database server, and who works with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import Error, connection

from agents.models import Agent, Gate
from agents.roles import ADMINS, OPERATORS, REVIEWERS
from agents.services import tool_settings
from tests.chaos.plans import AGENTS, HELD_BY_CONSOLE, REVIEWED
from tests.chaos.server import Server
from tests.processes import ROOT, Process, wait_until
from tests.servers import Console, RunnerProcess

T = TypeVar("T")

GRAPHS = Path(__file__).parent / "agents" / "langgraph.json"
CAST = {
    "alice": REVIEWERS,
    "bob": REVIEWERS,
    "carol": REVIEWERS,
    "dave": REVIEWERS,
    "olga": OPERATORS,
    "ada": ADMINS,
}
LEASE_SECONDS = 12  # long enough for a console to come back, on a busy machine too
SETTINGS = {
    "RUNNER_LEASE_SECONDS": str(LEASE_SECONDS),
    "RUNNER_DISCONNECT_GRACE_SECONDS": "3",
    "RUN_MAX_ATTEMPTS": "1000",  # a run may be hit by any number of kills
}
STILL_AT_IT_SECONDS = 5.0  # a tool of ours takes about one; the machine may be busy
OUTAGE_SECONDS = 120


def patiently(ask: Callable[[], T]) -> T:
    """Ask the database, again and again while it is down."""
    deadline = time.monotonic() + OUTAGE_SECONDS
    while True:
        try:
            return ask()
        except Error:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@dataclass(slots=True)
class Life:
    """When a runner's process came to be, and when it last went on after it had been stopped."""

    born: float
    continued: float = 0.0
    stopped: bool = False


class World:
    """All processes of a trial; they are ended when it is closed."""

    def __init__(self, folder: Path, server: Server | None) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.jsonl"
        self.acknowledged = folder / "acknowledged.jsonl"
        self.server = server
        self.console = Console(folder / "console.log", **SETTINGS)
        self.runners: dict[str, RunnerProcess] = {}
        self.lives: dict[str, Life] = {}
        self._at_end = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._begin()
            on_failure.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process, also those that are stopped. The database server is not its own."""
        self._at_end.close()

    def _begin(self) -> None:
        call_command("migrate", verbosity=0)
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"],
            cwd=ROOT,
            check=True,
        )
        for name, role in CAST.items():
            user = User.objects.create_user(name, password=name)
            user.groups.add(Group.objects.get(name=role))
        self._at_end.callback(self.console.kill)
        self.console.start()
        for name in ("runner-1", "runner-2"):
            runner = RunnerProcess(self.console, name, GRAPHS, self.folder / f"{name}.log")
            runner.environment = {
                **runner.environment,
                "LEDGER": str(self.ledger),
                "ACKNOWLEDGED": str(self.acknowledged),
            }
            self.runners[name] = runner
            self._at_end.callback(runner.kill)
            self.born(name)
        wait_until(
            "the agents are known",
            lambda: Agent.objects.filter(name__in=AGENTS).count() == len(AGENTS),
        )
        ada = User.objects.get(username="ada")
        for agent in Agent.objects.filter(name__in=HELD_BY_CONSOLE):
            for tool in REVIEWED:
                tool_settings.set_gate(agent=agent.pk, tool=tool, gate=Gate.ALWAYS, user=ada)

    def born(self, name: str) -> None:
        """Start a runner; it connects when it can."""
        self.lives[name] = Life(born=time.time())
        self.runners[name].start(ready=False)

    def stop_clock(self, process: Process) -> None:
        """Have a process stand still."""
        assert process.popen is not None
        for name, runner in self.runners.items():
            if runner is process:
                self.lives[name].stopped = True
        os.killpg(process.popen.pid, signal.SIGSTOP)

    def start_clock(self, process: Process) -> None:
        """Have a process go on where it stood."""
        assert process.popen is not None
        os.killpg(process.popen.pid, signal.SIGCONT)
        for name, runner in self.runners.items():
            if runner is process:
                self.lives[name].continued = time.time()
                self.lives[name].stopped = False

    def may_still_run(self, runner: str, started_at: float) -> bool:
        """Whether a call that began then may still be at it: a person would look at the process.

        A call of a process that is no more is over, one of a process that stands still is not.
        """
        life, process = self.lives[runner], self.runners[runner]
        if life.born > started_at or not process.is_alive:
            return False
        return life.stopped or time.time() - max(started_at, life.continued) < STILL_AT_IT_SECONDS

    def processes(self) -> Sequence[Process]:
        """The console and the runners."""
        return (self.console, *self.runners.values())

    def heal(self) -> None:
        """Start whatever does not run, and wait until the console answers."""
        if self.server is not None and not self.server.is_alive:
            self.server.start()
        if not self.console.is_alive:
            self.console.start()
        for name, runner in self.runners.items():
            if not runner.is_alive:
                self.born(name)

    def logs(self) -> Iterator[Path]:
        """What the processes wrote."""
        for process in self.processes():
            yield process.log
        if self.server is not None:
            yield self.server.log
