"""LangGraph's trap: a checkpoint that was answered once answers itself, whatever is said now."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.exceptions import AlreadyDecided
from agents.models import Run
from agents.services import failures
from tests.faults.agents import traps
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end


def test_langgraph_takes_the_old_answer(stock, effects):
    graph, config = traps.one_careful.compile(checkpointer=InMemorySaver()), stock
    graph.invoke({"subject": "1"}, config)
    paused = graph.get_state(config)
    graph.invoke(Command(resume="old"), paused.config)
    graph.invoke(Command(resume="new"), paused.config)
    assert [effect["answer"] for effect in effects.read()] == ["old", "old"]


def test_an_answered_pause_takes_no_second_answer(console, start_runner, effects, alice, bob):
    start_runner(console, agents=AGENTS)
    thread = start("careful", subject="1")
    asked = pause(thread)
    respond(asked, alice, "old")
    wait_for_end(thread)
    with pytest.raises(AlreadyDecided, match="alice was first"):
        respond(asked, bob, "new")
    assert [effect["answer"] for effect in effects.read()] == ["old"]


def test_a_pause_that_is_asked_again_takes_the_new_answer(console, start_runner, effects, alice):
    """Asking again goes back to a checkpoint that holds an answer."""
    start_runner(console, agents=AGENTS)
    thread = start("strict")
    first = pause(thread)
    respond(first, alice, "old")
    failed = wait_for_end(thread)
    failures.ask_again(run=failed.pk, user=alice)
    respond(pause(thread, after=first), alice, "2026")
    assert wait_for_end(thread, after=failed).status == Run.Status.SUCCEEDED
    thread.refresh_from_db()
    assert thread.snapshot["answer"] == 2026
