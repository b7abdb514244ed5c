"""A PostgreSQL that can be killed: its postmaster, or one of its backends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from tests import postgres
from tests.processes import Process

START_SECONDS = 60


class Server(Process):
    """A server with PostgreSQL's own defaults: what it acknowledges outlives any kill."""

    def __init__(self, place: Path) -> None:
        user = postgres.account()
        self._identity = postgres.identity(user)
        os.chown(place, user.pw_uid, user.pw_gid)
        home = postgres.reachable(postgres.installation(), user, place)
        data = place / "data"
        initdb = [str(home / "bin" / "initdb"), f"--pgdata={data}", "--username=postgres"]
        initdb += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, cwd="/", stdout=subprocess.DEVNULL, **self._identity)
        options = [f"--{name}={value}" for name, value in postgres.OPTIONS.items()]
        command = [home / "bin" / "postgres", "-D", data, "-k", place, *options]
        self.url = f"postgresql://postgres@/postgres?host={place}"
        super().__init__("PostgreSQL", [str(word) for word in command], {}, place / "log")

    def start(self, *, ready: bool = True) -> Server:
        """Start it, as often as it takes: it waits for the backends of the one before to go."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with self.log.open("ab") as output:
                self.popen = subprocess.Popen(
                    self.command,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    **self._identity,
                )
            while self.is_alive:
                if self.is_ready():
                    return self
                time.sleep(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL does not start again:\n{self.output[-2000:]}")
            time.sleep(0.2)

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Shut down at once: its sessions are cut off."""
        self.end(signal.SIGINT)

    def kill_backend(self, chance: random.Random) -> bool:
        """Kill one session's process; the others are cut off, and the server recovers.

        False if there was none to kill.
        """
        query = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
        query += "backend_type = 'client backend' ORDER BY pid"
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                found = [pid for (pid,) in connection.execute(query)]
        except psycopg.OperationalError:
            return False
        if not found:
            return False
        try:
            os.kill(chance.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
