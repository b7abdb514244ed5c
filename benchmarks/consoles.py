"""A console as in production, on a database of its own, and its operator's hands."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psycopg

from tests.processes import Process, free_port

AGENTS = ("small", "chat", "asking")


class Console(Process):
    """`manage.py serve` with the database at `url`, or SQLite if that is empty."""

    def __init__(self, folder: Path, url: str) -> None:
        self.port = free_port()
        self.address = f"ws://127.0.0.1:{self.port}"
        self.settings = {
            "DATABASE_URL": url,
            "DATA_DIR": str(folder),
            "DEBUG": "0",
            "DEMO": "0",
            "DJANGO_SETTINGS_MODULE": "reviewconsole.settings",
            "HTTPS": "0",
            "LOG_LEVEL": "ERROR",
            "PORT": str(self.port),
            "SECRET_KEY": "only-for-benchmarks-" * 3,
        }
        command = [sys.executable, "manage.py", "serve"]
        super().__init__("the console", command, self.settings, folder / "console.log")

    def is_ready(self) -> bool:
        """Whether it listens."""
        return "listens on" in self.output


@dataclass(frozen=True, slots=True)
class Benched:
    """A running console: where it is, a runner's token, and who queues runs there."""

    process: Console
    address: str
    token: str
    operator: Connection

    def ask(self, *order: Any) -> Any:
        """Have the operator do something, and wait until it is done."""
        self.operator.send(order)
        return self.operator.recv()

    def queue(self, agent: str, runs: int) -> None:
        """Queue so many runs, each on a thread of its own."""
        self.ask("queue", agent, runs)


def operate(settings: dict[str, str], ends: Connection) -> None:
    """Be the operator: prepare the database, then do what is asked, until None."""
    os.environ.update(settings)
    import django  # noqa: PLC0415 -- a process has one database

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from agents.services import runs, tokens  # noqa: PLC0415
    from benchmarks import stored_sizes  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    ends.send(tokens.create(name="bench", agents=list(AGENTS))[1])
    while (order := ends.recv()) is not None:
        match order:
            case "queue", agent, count:
                for number in range(count):
                    runs.start(agent=agent, input={"go": number}, user=None, title="bench")
                ends.send(None)
            case "threads", agent:
                ends.send(stored_sizes.thread_ids(agent))
            case ("bytes",):
                ends.send(stored_sizes.of_tables())
            case _:
                raise ValueError(f"an operator cannot {order!r}")


@contextmanager
def console(server: str, name: str) -> Iterator[Benched]:
    """A console with a fresh database on that PostgreSQL server; with SQLite if it is empty."""
    with ExitStack() as at_end:
        folder = Path(at_end.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        process = Console(folder, database(server, name) if server else "")
        here, there = multiprocessing.Pipe()
        hands = multiprocessing.get_context("spawn").Process(
            target=operate, args=(process.settings, there)
        )
        hands.start()
        at_end.callback(hands.join)
        at_end.callback(here.send, None)
        token = here.recv()
        at_end.callback(process.kill)  # what it keeps is thrown away
        process.start()
        yield Benched(process, process.address, token, here)


def database(server: str, name: str) -> str:
    """Make a database on that server; its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")
