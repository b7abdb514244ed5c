"""LangGraph's trap: an answer that the node refuses is stored, and answers every later resume."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.exceptions import InvalidAnswer
from agents.models import Run
from agents.services import failures
from tests.factories import decide, make_interrupt, tool_review
from tests.faults.agents import traps
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.pauses.desk import APPROVE, edit, respond as say


def test_langgraph_answers_with_the_bad_value_for_ever(stock):
    graph, config = traps.one_strict.compile(checkpointer=InMemorySaver()), stock
    graph.invoke({}, config)
    (asked,) = graph.get_state(config).interrupts
    for answer in ("a dozen", "12"):
        with pytest.raises(ValueError, match="a dozen"):
            graph.invoke(Command(resume={asked.id: answer}), config)


def test_the_thread_asks_again_and_takes_the_next_answer(console, start_runner, effects, alice):
    start_runner(console, agents=AGENTS)
    thread = start("strict")
    first = pause(thread)
    poison = respond(first, alice, "a dozen")
    failed = wait_for_end(thread)
    assert (failed.status, failed.error) == (Run.Status.FAILED, "ValueError")

    failures.ask_again(run=failed.pk, user=alice)
    respond(pause(thread, after=first), alice, "12")

    assert wait_for_end(thread, after=failed).status == Run.Status.SUCCEEDED
    thread.refresh_from_db()
    poison.refresh_from_db()
    assert (thread.snapshot["answer"], poison.status) == (12, "withdrawn")


def test_what_the_middleware_would_choke_on_is_refused_before_it_is_sent(alice):
    """Too few decisions, or one that is not allowed, is the usual way into this trap."""
    calls = tool_review(
        ("send_email", {"to": "alice"}),
        ("delete_file", {"path": "/"}),
        allowed=["approve", "reject"],
    )
    asked = make_interrupt(calls)
    for made in ([APPROVE], [APPROVE] * 3, [APPROVE, say("no")], [APPROVE, edit(path="/tmp")]):
        with pytest.raises(InvalidAnswer):
            decide(asked, alice, *made)
    asked.refresh_from_db()
    assert asked.status == "pending"
