"""A pause is larger than a frame may be: its run fails and says so, and nothing else does."""

from __future__ import annotations

from pathlib import Path

from agents.models import Run
from agents.services import runs
from tests.faults.reviewing import pause, wait_for_end

AGENTS = Path(__file__).parent.parent / "pauses" / "agents" / "langgraph.json"


def test_a_pause_of_20_mb_names_the_limit_and_the_setting(start_console, start_runner, effects):
    console = start_console(RUNNER_MAX_FRAME_BYTES=str(8 * 1024 * 1024))
    runner = start_runner(console, agents=AGENTS)

    large = runs.start(agent="any_value", input={"made": "large"}, user=None).thread
    small = runs.start(agent="any_value", input={"value": "May I?"}, user=None).thread

    run = wait_for_end(large)
    assert run.status == Run.Status.FAILED
    assert "RUNNER_MAX_FRAME_BYTES" in run.message
    assert "8388608" in run.message
    assert pause(small).value == "May I?"
    assert run.attempt == 1
    assert runner.is_alive
