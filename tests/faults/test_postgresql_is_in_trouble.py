"""PostgreSQL is killed, restarted, read-only, crowded or slow, or its disk is full.

Whatever it is: runners are held, what was acknowledged is there afterwards, pages say what is
wrong, and a decision that was sent meanwhile is sent again from the page that says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest

from tests.faults.troubled import WORDS, Installation, endure
from tests.faults.writing import Scribe
from tests.processes import wait_until
from tests.servers import show

Trouble: TypeAlias = Callable[[Installation], AbstractContextManager[None]]
ROOM = 160  # MiB: an empty server takes half of it


@contextmanager
def killed(here: Installation) -> Iterator[None]:
    here.server.kill()
    yield
    here.server.start()


@contextmanager
def restarted(here: Installation) -> Iterator[None]:
    here.server.stop()
    yield
    here.server.start()


@contextmanager
def read_only(here: Installation) -> Iterator[None]:
    here.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    here.sql("SELECT pg_reload_conf()")
    yield
    here.sql("ALTER SYSTEM RESET default_transaction_read_only")
    here.sql("SELECT pg_reload_conf()")


@contextmanager
def crowded(here: Installation) -> Iterator[None]:
    """Others take every connection as soon as the console's own are cut."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    cut += "WHERE backend_type = 'client backend' AND application_name <> 'crowd'"
    with ExitStack() as others:

        def crowd() -> psycopg.Connection:
            connecting = psycopg.connect(here.server.url, application_name="crowd", autocommit=True)
            return others.enter_context(connecting)

        first = crowd()
        while not is_full(crowd):
            first.execute(cut)
        yield


def is_full(connect: Callable[[], object]) -> bool:
    try:
        connect()
    except psycopg.OperationalError as error:
        return "too many clients" in str(error)
    return False


@contextmanager
def full(here: Installation) -> Iterator[None]:
    """Something else fills its disk; a server that has ended by that is started again after."""
    filler = here.server.log.with_name("filler")
    if shutil.disk_usage(filler.parent).total > ROOM << 20:
        pytest.skip("no file system of its own could be mounted: a full disk was NOT tried")
    fill(filler)
    yield
    filler.unlink()
    if not here.server.is_alive:
        here.server.start()


def fill(filler: Path) -> None:
    with suppress(OSError), filler.open("wb", buffering=0) as file:  # no space left
        while True:
            file.write(bytes(4096))


@pytest.fixture(scope="module")
def installation(
    collected_static_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with ExitStack() as at_end:
        # The path of a socket has room for about 100 characters.
        place = Path(at_end.enter_context(tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp")))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m,mode=755", "none", str(place)]
        if os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0:
            at_end.callback(subprocess.run, ["umount", str(place)], check=True)
        here = Installation(place, tmp_path_factory.mktemp("troubled"), pauses=5)
        at_end.callback(here.stop)
        yield here
        show(here.console)


@pytest.mark.parametrize(
    ("number", "trouble", "told"),
    [
        pytest.param(0, killed, "see that it runs", id="killed"),
        pytest.param(1, restarted, "see that it runs", id="restarted"),
        pytest.param(2, read_only, "it takes no writes", id="read-only"),
        pytest.param(3, crowded, "see that it runs", id="crowded"),
        pytest.param(4, full, "", id="full"),  # there may be room left for one decision
    ],
)
def test_nothing_is_lost_and_everybody_is_told(
    installation: Installation, number: int, trouble: Trouble, told: str
):
    here, pause = installation, installation.pauses[number]
    saved = endure(here.console, here.secret, pause, trouble(here), told)
    assert here.answers(pause) == [{"data": WORDS}]
    assert saved <= here.checkpoints()


def test_a_database_that_is_slow_is_waited_for(installation: Installation):
    here = installation
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with Scribe(here.console.socket_url, here.secret) as scribe:
        with psycopg.connect(here.server.url) as slow:
            slow.execute("LOCK TABLE agents_checkpoint IN ACCESS EXCLUSIVE MODE")
            wait_until("the console waits", lambda: here.sql(waiting) == [(1,)])
        scribe.goes_on()
    assert set(scribe.acknowledged) <= here.checkpoints()
