"""The runner dies by SIGKILL in the middle of a fork: the next one goes on with that fork."""

from __future__ import annotations

import pytest

from agents.models import Interrupt, Run
from agents.services import history, travel
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, start, wait_for_end
from tests.processes import wait_until


@pytest.fixture
def console(start_console):
    """A console that gives a lost runner's run to the next one soon."""
    return start_console(RUNNER_LEASE_SECONDS="3", RUNNER_DISCONNECT_GRACE_SECONDS="1")


def test_a_fork_that_was_cut_off_is_one_branch(console, start_runner, effects, olga):
    first = start_runner(console, "first", AGENTS)
    thread = start("ask")
    asked = pause(thread)
    effects.hold.touch()
    fork = travel.fork(
        thread=thread.pk,
        checkpoint_id=asked.checkpoint_id,
        next=["question"],
        user=olga,
        as_node="question",
        update={"answer": "by hand"},
    )
    wait_until("the agent acts", effects.read)

    first.kill()
    effects.hold.unlink()
    start_runner(console, "second", AGENTS)

    run = wait_for_end(thread)
    assert (run.pk, run.status, run.attempt) == (fork.pk, Run.Status.SUCCEEDED, 2)
    assert effects.read() == [
        {"effect": each, "answer": "by hand"} for each in ("begun", "begun", "done")
    ]
    rows = history.tree(thread=thread).rows
    assert [(row.source, row.next) for row in rows] == [
        ("loop", ()),
        ("update", ("action",)),
        ("loop", ("question",)),
        ("input", ("__start__",)),
    ]
    asked.refresh_from_db()
    assert (asked.status, asked.superseded_by) == (Interrupt.Status.SUPERSEDED, fork)
