"""SQLite's file is locked by somebody else, or cannot grow; as with PostgreSQL, nothing is lost."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TypeAlias

import pytest
from django.contrib.auth.models import User
from django.db import connection

from agents.models import Checkpoint, Decision
from tests.factories import make_interrupt, make_token
from tests.faults.troubled import WORDS, endure
from tests.faults.visitor import may_sign_in
from tests.servers import Console, StartConsole

Trouble: TypeAlias = Callable[[Console], AbstractContextManager[None]]
SMALL = 16 * 1024  # bytes: less than the database and its log of writes have by now


@pytest.fixture
def console(transactional_db: None, start_console: StartConsole) -> Console:
    if connection.vendor != "sqlite":
        pytest.skip("this is about SQLite")
    console = start_console(DATABASE_WAIT_SECONDS="1")
    console.expected_errors.append("Service Unavailable: /interrupts/")
    return console


@contextmanager
def locked(_: Console) -> Iterator[None]:
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(console: Console) -> Iterator[None]:
    """A limit on the size of files does what a full disk does, and needs no disk."""
    assert console.popen is not None
    before = resource.prlimit(console.popen.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(console.popen.pid, resource.RLIMIT_FSIZE, (SMALL, before[1]))
    yield
    resource.prlimit(console.popen.pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        pytest.param(locked, "another process holds its write lock", id="locked"),
        pytest.param(full, "has reached a limit", id="full"),
    ],
)
def test_nothing_is_lost_and_everybody_is_told(
    console: Console, alice: User, trouble: Trouble, told: str
):
    may_sign_in(alice)
    _token, secret = make_token("scribe")
    pause = make_interrupt({"query": "May I?"}).pk
    saved = endure(console, secret, pause, trouble(console), told)
    assert [decision.resume for decision in Decision.objects.all()] == [{"data": WORDS}]
    assert saved <= set(Checkpoint.objects.values_list("checkpoint_id", flat=True))
