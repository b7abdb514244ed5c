"""The console is told to stop (SIGTERM) while runners write, runs begin and pages are open."""

from __future__ import annotations

import signal

import pytest
from django.contrib.auth.models import User

from agents.models import Checkpoint, Interrupt, Run
from tests.factories import make_token
from tests.faults.conftest import AGENTS, Effects
from tests.faults.reviewing import start
from tests.faults.visitor import Visitor, may_sign_in
from tests.faults.writing import Scribe
from tests.processes import wait_until
from tests.servers import Console, StartConsole, StartRunner

RUNS = 8


@pytest.fixture
def console(start_console: StartConsole) -> Console:
    """A console of the test's own: what it says at its end is looked at."""
    return start_console()


def test_everybody_is_told_what_is_in_hand_is_stored_and_all_go_on(
    console: Console, start_runner: StartRunner, effects: Effects, alice: User
):
    runner = start_runner(console, agents=AGENTS)
    may_sign_in(alice)
    visitor = Visitor(console.url, "alice")
    _token, secret = make_token("scribe")
    with Scribe(console.socket_url, secret) as scribe, visitor.open_page("inbox") as page:
        threads = [start("ask", f"order {number}") for number in range(RUNS)]
        wait_until("they begin", lambda: Run.objects.filter(attempt=1).exists())
        assert console.popen is not None
        console.popen.send_signal(signal.SIGTERM)
        assert console.popen.wait() == 0

        saved = set(scribe.acknowledged)
        assert saved <= set(Checkpoint.objects.values_list("checkpoint_id", flat=True))
        told = (1012, "the console ends; another one takes over")
        assert Visitor.close_of(page) == told
        wait_until("the runner knows", lambda: "received 1012" in runner.output)

        console.start()
        scribe.goes_on()
        pending = Interrupt.objects.pending().filter(thread__in=threads)
        wait_until("all of them wait", lambda: pending.count() == RUNS)
    assert set(Run.objects.values_list("attempt", "status")) == {(1, Run.Status.INTERRUPTED)}


def test_a_second_signal_ends_it_at_once(console: Console):
    assert console.popen is not None
    console.popen.send_signal(signal.SIGTERM)
    console.popen.send_signal(signal.SIGINT)
    # With nothing in hand it may have ended before the second comes: then Python itself takes it.
    assert console.popen.wait() in (0, -signal.SIGINT)
