"""Nobody is there to apply a decision when it is made."""

from agents.models import Decision, Run, Runner
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.processes import wait_until


def test_the_decision_is_stored_and_applied_when_a_runner_connects(
    console, start_runner, effects, alice
):
    runner = start_runner(console, agents=AGENTS)
    thread = start("ask")
    asked = pause(thread)
    runner.stop()
    wait_until("the console sees it go", lambda: not Runner.objects.online().exists())

    decision = respond(asked, alice)

    thread.refresh_from_db()
    assert (decision.status, thread.status) == (Decision.Status.RECORDED, "busy")
    assert decision.run.status == Run.Status.QUEUED
    runner.start()
    assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    decision.refresh_from_db()
    assert decision.status == Decision.Status.APPLIED
    assert [effect["effect"] for effect in effects.read()] == ["begun", "done"]
