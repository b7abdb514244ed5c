"""The console dies by SIGKILL while a pause waits."""

from agents.models import Decision, Interrupt, Run
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.processes import wait_until


def test_the_pause_waits_is_decided_and_the_agent_goes_on(console, start_runner, effects, alice):
    start_runner(console, agents=AGENTS)
    thread = start("ask")
    asked = pause(thread)

    console.kill()
    console.start()

    assert Interrupt.objects.get(pk=asked.pk).status == Interrupt.Status.PENDING
    decision = respond(asked, alice)
    assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    decision.refresh_from_db()
    assert decision.status == Decision.Status.APPLIED
    assert [effect["effect"] for effect in effects.read()] == ["begun", "done"]


def test_a_run_in_the_middle_is_finished_by_its_own_runner(console, start_runner, effects, alice):
    """The runner reconnects within its lease: no second attempt, no second effect."""
    start_runner(console, agents=AGENTS)
    thread = start("ask")
    asked = pause(thread)
    effects.hold.touch()
    respond(asked, alice)
    begun = [{"effect": "begun", "answer": {"data": "yes"}}]
    wait_until("the agent acts", lambda: effects.read() == begun)

    console.kill()
    effects.hold.unlink()
    console.start()

    run = wait_for_end(thread)
    assert (run.status, run.attempt) == (Run.Status.SUCCEEDED, 1)
    assert effects.read() == [*begun, {"effect": "done", "answer": {"data": "yes"}}]
