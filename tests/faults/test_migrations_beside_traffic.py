"""The tables are migrated while a console of the version before goes on working."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader

from agents.models import Run, ToolSetting
from tests.processes import wait_until
from tests.servers import Console

BEFORE = ("agents", "0004_thread_search")
_NAMES = ("Agent", "Thread", "Run", "ToolSetting", "Checkpoint")


class Moving(NamedTuple):
    """A database of its own: `migrate` is a process, as an operator runs it."""

    migrate: Callable[..., str]
    alias: str = "moving"


@pytest.fixture
def moving(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[Moving]:
    """A database with the tables of the version before."""
    with django_db_blocker.unblock():
        name, url = str(tmp_path / "console.sqlite3"), ""
        if connection.vendor == "postgresql":
            name = Moving._field_defaults["alias"]
            url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                cursor.execute(f"CREATE DATABASE {name}")
        console = Console(tmp_path / "log", DATA_DIR=str(tmp_path), DATABASE_URL=url)
        moving = Moving(partial(console.manage, "migrate"))
        moving.migrate(*BEFORE)
        connections.settings[moving.alias] = {**connection.settings_dict, "NAME": name}
        yield moving
        connections[moving.alias].close()
        del connections.settings[moving.alias]


class OldConsole:
    """What a console does all day, with the tables as it knows them."""

    def __init__(self, alias: str) -> None:
        apps = MigrationLoader(None).project_state(BEFORE).apps
        self._models = {name: apps.get_model("agents", name) for name in _NAMES}
        self._alias = alias
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="old console")
        self.rounds = 0
        self.errors: list[Exception] = []

    def __enter__(self) -> OldConsole:
        self._thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def goes_on(self) -> None:
        """Wait until it has done more."""
        enough = self.rounds + 3
        wait_until("it goes on", lambda: self.rounds >= enough or self.errors)

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                self._round(f"thread {self.rounds}")
                self.rounds += 1
        except Exception as error:
            self.errors.append(error)
        finally:
            connections[self._alias].close()

    def _round(self, name: str) -> None:
        rows = {name: model.objects.using(self._alias) for name, model in self._models.items()}
        agent, _made = rows["Agent"].get_or_create(name="agent", defaults={"spec": {}})
        thread = rows["Thread"].create(agent=agent, thread_id=name)
        run = rows["Run"].create(thread=thread, trigger="start")
        rows["ToolSetting"].create(agent=agent, tool=name, gate="always")
        rows["Checkpoint"].create(
            thread=thread, ns="", checkpoint_id=name, document=b"", metadata={}, run=run
        )
        assert rows["Run"].filter(pk=run.pk).update(status="succeeded") == 1
        assert rows["Run"].select_related("thread__agent").get(pk=run.pk).thread == thread


def test_the_old_console_works_before_meanwhile_and_after(moving: Moving):
    with OldConsole(moving.alias) as old:
        moving.migrate()
        old.goes_on()
    assert old.errors == []
    rows = Run.objects.using(moving.alias).filter(status=Run.Status.SUCCEEDED, vanished=0)
    assert rows.count() == old.rounds
    assert ToolSetting.objects.using(moving.alias).filter(is_idempotent=False).count() == old.rounds
