"""The demo: from nothing to a pause in the inbox, and only where it is harmless."""

import json
import os
import signal
import socket
import sqlite3
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from agents.management.commands import demo
from tests.processes import Process, free_port


def test_it_has_to_be_wanted(settings: Settings) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1 agrees to it"):
        call_command("demo")


def test_a_taken_port_is_said_before_anything_happens(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.DEMO, settings.PORT = True, taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {settings.PORT} is taken.*make demo\.$"):
            call_command("demo")


def test_its_people_have_a_role_each(db: None) -> None:
    demo.make_people()
    demo.make_people()
    people = User.objects.order_by("username")
    assert [
        (person.username, [group.name for group in person.groups.all()], person.is_staff)
        for person in people
    ] == [
        ("admin", ["Admins"], True),
        ("operator", ["Operators"], False),
        ("reviewer", ["Reviewers"], False),
    ]
    assert all(person.check_password(person.username) for person in people)


def test_a_database_with_people_of_its_own_gets_no_demo(alice: User) -> None:
    with pytest.raises(CommandError, match="This database has people of its own"):
        demo.make_people()
    assert list(User.objects.all()) == [alice]


def test_people_whom_the_demo_added_do_not_end_it(db: None) -> None:
    demo.make_people()
    User.objects.create_user("carol")
    demo.make_people()


class Demo(Process):
    """A demo in a folder of its own."""

    start_seconds = 90

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.database = folder / "data" / "console.sqlite3"
        environment = {
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": "",
            "DEMO": "1",
            "DJANGO_SETTINGS_MODULE": "reviewconsole.settings",
            "PORT": str(self.port),
            "SECRET_KEY": "",
        }
        command = [sys.executable, "manage.py", "demo"]
        super().__init__("the demo", command, environment, folder / "log")

    def is_ready(self) -> bool:
        """Whether it has said where it is."""
        return f"Review Console: http://127.0.0.1:{self.port}/" in self.output

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        assert self.popen
        os.kill(self.popen.pid, signal.SIGINT)
        return self.popen.wait(30)

    def count(self, table: str) -> int:
        """The number of rows in a table of its database."""
        with closing(sqlite3.connect(self.database)) as connection:
            [number] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            return int(number)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Demo]:
    """A demo that has said where it is."""
    demo = Demo(tmp_path)
    try:
        yield demo.start()
    finally:
        demo.stop()
        sys.stdout.write(demo.output)


@pytest.mark.timeout(240)
def test_from_nothing_to_a_pause_and_again(started: Demo) -> None:
    assert started.count("agents_interrupt") > 0
    with urllib.request.urlopen(f"http://127.0.0.1:{started.port}/login/") as page:
        assert "reviewer" in page.read().decode()
    threads = started.count("agents_thread")
    assert threads == len(json.loads(demo.THREADS.read_text()))

    assert started.interrupt() == 0
    assert "Stopped." in started.output
    with socket.create_server(("127.0.0.1", started.port)):
        pass  # the console has gone with it

    started.log.unlink()
    started.start()
    assert started.count("agents_thread") == threads
    assert started.count("agents_runnertoken") == 1
