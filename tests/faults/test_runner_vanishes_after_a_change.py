"""The runner dies after it changed the state for a reviewer: the next one does not do so again."""

from __future__ import annotations

import pytest

from agents.models import Interrupt, Run
from agents.reviews import ActionDecision, DecisionType
from agents.services import decisions
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, start, wait_for_end
from tests.pauses.desk import text
from tests.processes import wait_until


@pytest.fixture
def console(start_console):
    """A console that gives a lost runner's run to the next one soon."""
    return start_console(RUNNER_LEASE_SECONDS="3", RUNNER_DISCONNECT_GRACE_SECONDS="1")


def decide(asked: Interrupt, user, made: ActionDecision, **fields) -> None:
    decisions.submit(
        interrupt=asked.pk, user=user, fingerprint=asked.fingerprint, decisions=[made], **fields
    )


def test_what_was_written_with_an_answer_is_written_once(console, start_runner, effects, alice):
    first = start_runner(console, "first", AGENTS)
    thread = start("slowly")
    asked = pause(thread)
    effects.hold.touch()
    decide(asked, alice, text("yes"), update={"log": ["changed"]})
    wait_until("the agent acts", effects.read)

    first.kill()
    effects.hold.unlink()
    start_runner(console, "second", AGENTS)

    run = wait_for_end(thread)
    assert (run.status, run.attempt) == (Run.Status.SUCCEEDED, 2)
    thread.refresh_from_db()
    assert thread.snapshot["log"] == ["changed", "slow yes"]
    assert [effect["log"] for effect in effects.read()] == [["changed"], ["changed"]]
    assert thread.interrupts.count() == 1


def test_a_node_that_was_passed_over_is_passed_over_once(console, start_runner, effects, alice):
    first = start_runner(console, "first", AGENTS)
    thread = start("passing")
    stop = pause(thread)
    decide(stop, alice, ActionDecision(DecisionType.SKIP), update={"log": ["changed"]})
    asked = pause(thread, after=stop)
    effects.hold.touch()
    decide(asked, alice, text("yes"))
    wait_until("the agent acts", effects.read)

    first.kill()
    effects.hold.unlink()
    start_runner(console, "second", AGENTS)

    assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    thread.refresh_from_db()
    assert thread.snapshot["log"] == ["changed", "slow yes"]
    assert {effect["effect"] for effect in effects.read()} == {"begun"}
