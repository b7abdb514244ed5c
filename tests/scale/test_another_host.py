"""A runner on another host, behind TLS and the proxy, whose link is cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from agents.models import Run, Runner
from tests.faults.conftest import Effects
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.processes import wait_until
from tests.scale.conftest import AS_DEPLOYED, StartRunnerBehind
from tests.scale.network import HERE, Host, other_host
from tests.scale.proxy import Nginx
from tests.servers import StartConsole

LEASE = {"RUNNER_LEASE_SECONDS": "4", "RUNNER_DISCONNECT_GRACE_SECONDS": "2"}


@pytest.fixture
def elsewhere() -> Iterator[Host]:
    """The other host."""
    with other_host() as host:
        yield host


@pytest.fixture
def proxy(
    elsewhere: Host, share_console: StartConsole, certificate: Path, tmp_path: Path
) -> Iterator[Nginx]:
    """nginx on the address that the other host reaches, in front of one console."""
    if connection.vendor == "postgresql":
        pytest.skip("the network is the same on both databases: tried in the run on SQLite")
    console = share_console(**AS_DEPLOYED, **LEASE)
    proxy = Nginx(tmp_path, certificate, [f"127.0.0.1:{console.port}"], HERE)
    proxy.start()
    yield proxy
    proxy.stop()


def test_a_link_is_cut_and_healed(
    elsewhere: Host,
    proxy: Nginx,
    start_runner_behind: StartRunnerBehind,
    effects: Effects,
    alice: User,
):
    runner = start_runner_behind(proxy, "far", elsewhere.within)
    thread = start("ask")
    asked = pause(thread)
    effects.hold.touch()
    respond(asked, alice)
    wait_until("the agent acts", effects.read)

    # For longer than the lease, and there is nobody else: it takes up again what it had.
    elsewhere.cut()
    held = Run.objects.filter(thread=thread, status=Run.Status.RUNNING)
    wait_until("its lease is over", lambda: held.abandoned().exists())
    elsewhere.heal()
    wait_until("it is back", lambda: not held.abandoned().exists() and held.exists())

    # Cut again, with somebody else at hand: the other finishes the run, and this one is fenced.
    elsewhere.cut()
    other = start_runner_behind(proxy, "near")
    taken = held.filter(runner__name="near")
    wait_until("the other takes the run up", taken.exists)
    attempt = taken.get().attempt
    effects.hold.unlink()
    run = wait_for_end(thread)
    assert (run.status, run.attempt) == (Run.Status.SUCCEEDED, attempt)

    # Back again, it gives the run up, and takes new ones.
    elsewhere.heal()
    wait_until("it is back", lambda: Runner.objects.online().filter(name="far").exists())
    other.stop()
    second = start("ask")
    pause(second)
    assert Runner.objects.get(runs__thread=second).name == "far"
    assert runner.is_alive
    run.refresh_from_db()
    assert (run.status, run.attempt) == (Run.Status.SUCCEEDED, attempt)


def test_a_runner_that_does_not_know_the_authority_sends_no_token(
    elsewhere: Host, proxy: Nginx, start_runner_behind: StartRunnerBehind
):
    runner = start_runner_behind(proxy, "far", elsewhere.within)
    runner.stop()
    runner.environment = {**runner.environment, "SSL_CERT_FILE": ""}
    runner.start(ready=False)
    wait_until("it says why", lambda: "CERTIFICATE_VERIFY_FAILED" in runner.output)
    assert not runner.is_ready()
