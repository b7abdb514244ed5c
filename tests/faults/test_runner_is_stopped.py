"""A runner is stopped (SIGSTOP) for longer than its lease, and goes on when another has its run."""

import os
import signal

from agents.models import Checkpoint, Decision, Run
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.processes import wait_until


def test_its_writes_are_refused_and_it_drops_the_run(start_console, start_runner, effects, alice):
    console = start_console(RUNNER_LEASE_SECONDS="2", RUNNER_DISCONNECT_GRACE_SECONDS="1")
    first = start_runner(console, "first", AGENTS)
    thread = start("ask")
    asked = pause(thread)
    effects.hold.touch()
    decision = respond(asked, alice)
    wait_until("the agent acts", lambda: len(effects.read()) == 1)

    os.killpg(first.popen.pid, signal.SIGSTOP)
    try:
        start_runner(console, "second", AGENTS)
        wait_until("the second one has the run", lambda: len(effects.read()) == 2)
        effects.hold.unlink()
        run = wait_for_end(thread)
        saved = set(Checkpoint.objects.filter(thread=thread).values_list("checkpoint_id"))
    finally:
        os.killpg(first.popen.pid, signal.SIGCONT)

    wait_until("the first one drops the run", lambda: "dropped" in first.output)
    run.refresh_from_db()
    decision.refresh_from_db()
    assert (run.status, run.attempt, run.runner.token.name) == (Run.Status.SUCCEEDED, 2, "second")
    assert (run.vanished, decision.status) == (1, Decision.Status.APPLIED)
    assert set(Checkpoint.objects.filter(thread=thread).values_list("checkpoint_id")) == saved
    parents = list(Checkpoint.objects.filter(thread=thread, ns="").values_list("parent_id"))
    assert len(parents) == len(set(parents))  # one line, no branch
    assert thread.interrupts.count() == 1
