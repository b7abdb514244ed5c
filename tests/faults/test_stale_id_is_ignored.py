"""LangGraph's trap: an id that waits no more is ignored, and one that waits may mean another."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agents.exceptions import AlreadyDecided, ShownDiffers
from agents.models import Run
from agents.services import decisions
from tests.faults.agents import traps
from tests.faults.conftest import AGENTS
from tests.faults.reviewing import pause, respond, start, wait_for_end
from tests.pauses.desk import text


def test_langgraph_says_nothing_to_an_unknown_id(stock, effects):
    graph, config = traps.one_careful.compile(checkpointer=InMemorySaver()), stock
    graph.invoke({"subject": "1"}, config)
    (before,) = graph.get_state(config).interrupts
    graph.invoke(Command(resume={"0" * 32: "yes"}), config)
    assert graph.get_state(config).interrupts == (before,)


def test_langgraph_gives_the_answer_to_whatever_is_asked_by_now(stock, effects):
    graph, config = traps.one_careful.compile(checkpointer=InMemorySaver()), stock
    effects.hold.write_text("1")
    graph.invoke({}, config)
    (asked,) = graph.get_state(config).interrupts
    effects.hold.write_text("1000000")
    graph.invoke(Command(resume={asked.id: "yes"}), config)
    assert effects.read() == [{"effect": "paid", "subject": "1000000", "answer": "yes"}]


def test_a_late_decision_is_told_who_was_first(console, start_runner, effects, alice, bob):
    start_runner(console, agents=AGENTS)
    thread = start("pay")
    small = pause(thread)
    respond(small, alice, "yes")
    large = pause(thread, after=small)
    with pytest.raises(AlreadyDecided, match="alice was first"):
        respond(small, bob, "yes")
    with pytest.raises(ShownDiffers):
        decisions.submit(
            interrupt=large.pk, user=bob, fingerprint=small.fingerprint, decisions=[text("yes")]
        )
    large.refresh_from_db()
    assert (large.status, effects.read()) == ("pending", [])


def test_an_answer_is_not_given_to_another_question(console, start_runner, effects, alice):
    start_runner(console, agents=AGENTS)
    effects.hold.write_text("1")
    thread = start("careful")
    small = pause(thread)
    effects.hold.write_text("1000000")
    decision = respond(small, alice, "yes")

    large = pause(thread, after=small)
    decision.refresh_from_db()
    assert (large.value, decision.status, effects.read()) == ("pay 1000000?", "refused", [])
    respond(large, alice, "no")
    assert wait_for_end(thread).status == Run.Status.SUCCEEDED
    assert effects.read() == [{"effect": "paid", "subject": "1000000", "answer": "no"}]
