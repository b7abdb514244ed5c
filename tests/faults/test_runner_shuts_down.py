"""A runner is told to stop (SIGTERM) in the middle of runs."""

import signal

from agents.models import Decision, Run
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.processes import wait_until


def test_it_hands_back_at_the_next_step_and_another_goes_on(console, start_runner, effects, alice):
    """The lease is 30 seconds: only a run that was handed back goes on so soon."""
    first = start_runner(console, "first", AGENTS)
    asked = [pause(start("ask", subject)) for subject in ("order 1", "order 2")]
    effects.hold.touch()
    decisions = [respond(each, alice) for each in asked]
    wait_until("both act", lambda: len(effects.read()) == 2)
    start_runner(console, "second", AGENTS)

    first.popen.send_signal(signal.SIGTERM)
    wait_until("it waits for the step", lambda: "waiting for run" in first.output)
    effects.hold.unlink()

    first.popen.wait(20)
    ended = [wait_for_end(each.thread) for each in asked]
    assert first.popen.returncode == 0
    assert [(run.status, run.vanished) for run in ended] == [(Run.Status.SUCCEEDED, 0)] * 2
    for decision in decisions:
        decision.refresh_from_db()
        assert decision.status == Decision.Status.APPLIED
    # The step was finished, not cut off: each acted once.
    assert sorted(each["effect"] for each in effects.read()) == ["begun", "begun", "done", "done"]


def test_a_step_that_takes_too_long_is_cut_off_at_the_second_signal(
    console, start_runner, effects, alice
):
    first = start_runner(console, "first", AGENTS)
    asked = pause(start("ask"))
    effects.hold.touch()
    respond(asked, alice)
    wait_until("it acts", lambda: len(effects.read()) == 1)

    first.popen.send_signal(signal.SIGTERM)
    wait_until("it waits for the step", lambda: "waiting for run" in first.output)
    first.popen.send_signal(signal.SIGTERM)
    first.popen.wait(20)
    effects.hold.unlink()

    run = Run.objects.get(thread=asked.thread, trigger=Run.Trigger.RESUME)
    assert (run.status, run.runner) == (Run.Status.QUEUED, None)  # and not leased to the dead
    start_runner(console, "second", AGENTS)
    assert wait_for_end(asked.thread).attempt == 2
    assert [effect["effect"] for effect in effects.read()] == ["begun", "begun", "done"]
