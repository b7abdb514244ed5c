"""LangGraph's trap: the state is changed at a pause, and a finished branch runs once more."""

from __future__ import annotations

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.models import Run
from agents.services import decisions
from tests.faults.agents import traps
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, start, wait_for_end
from tests.pauses.desk import text


def test_langgraph_runs_the_finished_branch_again(stock, effects):
    graph, config = traps.beside.compile(checkpointer=InMemorySaver()), stock
    graph.invoke({}, config)
    graph.update_state(config, {"log": ["changed"]})
    graph.invoke(None, config)
    (asked,) = graph.get_state(config).interrupts
    graph.invoke(Command(resume={asked.id: "yes"}), config)
    assert [effect["effect"] for effect in effects.read()].count("quick") == 2


def test_a_change_travels_with_the_answer(console, start_runner, effects, alice):
    start_runner(console, agents=AGENTS)
    thread = start("beside")
    asked = pause(thread)
    decisions.submit(
        interrupt=asked.pk,
        user=alice,
        fingerprint=asked.fingerprint,
        decisions=[text("yes")],
        update={"log": ["changed"]},
    )
    assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    assert effects.read() == [
        {"effect": "quick"},
        {"effect": "first", "answer": "yes", "log": ["changed"]},
    ]
    thread.refresh_from_db()
    assert sorted(thread.snapshot["log"]) == ["changed", "first yes", "quick"]
