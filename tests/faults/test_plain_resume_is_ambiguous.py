"""LangGraph's trap: with two questions open, an answer without an id is refused or misdirected."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.models import Interrupt
from tests.faults.agents import traps
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end


def test_langgraph_refuses_a_plain_answer(stock):
    graph, config = traps.two.compile(checkpointer=InMemorySaver()), stock
    graph.invoke({}, config)
    with pytest.raises(RuntimeError, match="multiple pending interrupts"):
        graph.invoke(Command(resume="yes"), config)


def test_each_question_gets_its_answer_in_whatever_order(console, start_runner, effects, alice):
    start_runner(console, agents=AGENTS)
    thread = start("two")
    pause(thread)
    first, second = Interrupt.objects.pending().filter(thread=thread)
    respond(second, alice, "to the second")
    assert effects.read() == []
    respond(first, alice, "to the first")
    wait_for_end(thread)
    done = sorted((effect["effect"], effect["answer"]) for effect in effects.read())
    assert done == [("first", "to the first"), ("second", "to the second")]
