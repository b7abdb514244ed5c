"""The runner dies by SIGKILL: while a pause waits, and while it resumes."""

import pytest

from agents.models import Decision, Run
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.processes import wait_until


@pytest.fixture
def console(start_console):
    """A console that gives a lost runner's run to the next one soon."""
    return start_console(RUNNER_LEASE_SECONDS="3", RUNNER_DISCONNECT_GRACE_SECONDS="1")


def test_the_next_runner_takes_up_a_decided_pause(console, start_runner, effects, alice):
    first = start_runner(console, "first", AGENTS)
    thread = start("ask")
    asked = pause(thread)

    first.kill()
    decision = respond(asked, alice)
    start_runner(console, "second", AGENTS)

    run = wait_for_end(thread)
    decision.refresh_from_db()
    assert (run.status, run.attempt, run.runner.token.name) == (Run.Status.SUCCEEDED, 1, "second")
    assert decision.status == Decision.Status.APPLIED
    assert [effect["effect"] for effect in effects.read()] == ["begun", "done"]


def test_the_next_runner_takes_up_a_run_that_was_resuming(console, start_runner, effects, alice):
    first = start_runner(console, "first", AGENTS)
    thread = start("ask")
    asked = pause(thread)
    effects.hold.touch()
    decision = respond(asked, alice)
    wait_until("the agent acts", lambda: len(effects.read()) == 1)

    first.kill()
    effects.hold.unlink()
    start_runner(console, "second", AGENTS)

    run = wait_for_end(thread)
    decision.refresh_from_db()
    assert (run.status, run.attempt, run.runner.token.name) == (Run.Status.SUCCEEDED, 2, "second")
    assert decision.status == Decision.Status.APPLIED
    # The node that was cut off runs again; the question before it is not asked again.
    assert [effect["effect"] for effect in effects.read()] == ["begun", "begun", "done"]
    assert thread.interrupts.count() == 1
