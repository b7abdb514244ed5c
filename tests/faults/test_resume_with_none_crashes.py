"""LangGraph's trap: an answer that is nothing crashes it, and an empty one is no answer to it."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from reviewconsole.protocol.plain import Plain
from tests.factories import decide
from tests.faults.agents import traps
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, start, wait_for_end
from tests.pauses.desk import value

NOTHING: tuple[Plain, ...] = (None, {}, False, 0, "", [])


def test_langgraph_crashes_on_none_and_ignores_an_empty_dict(stock, effects):
    graph, config = traps.one_careful.compile(checkpointer=InMemorySaver()), stock
    graph.invoke({"subject": "1"}, config)
    with pytest.raises(UnboundLocalError):
        graph.invoke(Command(resume=None), config)
    graph.invoke(Command(resume={}), config)
    assert graph.get_state(config).next == ("careful",)


def test_the_agent_gets_exactly_that(console, start_runner, effects, alice):
    start_runner(console, agents=AGENTS)
    threads = [start("careful", subject="1") for _ in NOTHING]
    for thread, nothing in zip(threads, NOTHING, strict=True):
        decide(pause(thread), alice, value(nothing))
    received = []
    for thread in threads:
        wait_for_end(thread)
        thread.refresh_from_db()
        received.append(thread.snapshot["answer"])
    assert list(map(repr, received)) == list(map(repr, NOTHING))
