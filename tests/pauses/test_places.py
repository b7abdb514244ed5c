"""Rows 13 and 14: questions inside subgraphs, and in the functional API."""

from __future__ import annotations

import pytest

from tests.pauses.desk import APPROVE, Desk, receipts, text

pytestmark = pytest.mark.django_db(transaction=True)


def path(ns: str) -> list[str]:
    """The names of the nodes in a checkpoint namespace."""
    return [part.partition(":")[0] for part in ns.split("|")]


def test_13_a_question_two_levels_deep_is_answered_at_the_root(desk: Desk):
    thread = desk.start("deepest", {"subject": "dive"})
    asked = desk.question(thread)
    assert (path(asked.ns), asked.node, asked.value) == (["middle", "inner"], "ask", "May I dive?")
    desk.decide(asked, text("yes"))
    assert desk.finished(thread)["answer"] == "yes"
    assert desk.names(thread) == ["prepare", "prepare", "prepare", "ask"]
    assert receipts([asked]) == ["applied"]


def test_13_a_subgraph_with_a_memory_of_its_own(desk: Desk):
    thread = desk.start("remembering", {"subject": "stay"})
    asked = desk.question(thread)
    assert (path(asked.ns), asked.node) == (["inner"], "ask")
    desk.decide(asked, text("yes"))
    assert desk.finished(thread)["answer"] == "yes"

    desk.start("remembering", {"subject": "stay longer"}, thread=thread.thread_id)
    again = desk.question(thread)
    assert again.value == "May I stay longer?"
    desk.decide(again, text("no"))
    assert desk.finished(thread)["answer"] == "no"
    assert desk.names(thread) == ["prepare", "prepare", "ask"] * 2


def test_13_a_breakpoint_inside_a_subgraph(desk: Desk):
    thread = desk.start("stopped_inside", {"subject": "pass"})
    stop = desk.question(thread)
    assert (stop.kind, path(stop.ns), stop.node) == ("breakpoint", ["inner"], "ask")
    desk.decide(stop, APPROVE)
    asked = desk.question(thread)
    assert (asked.kind, asked.value) == ("interrupt", "May I pass?")
    desk.decide(asked, text("yes"))
    assert desk.finished(thread)["answer"] == "yes"
    assert desk.names(thread) == ["prepare", "prepare", "ask"]


def test_14_an_entrypoint_asks_in_its_body_and_in_a_task(desk: Desk):
    thread = desk.start("workflow", {"subject": "lamps"})
    title = desk.question(thread)
    assert (title.node, title.value) == ("workflow", "A title for: A text about lamps")
    desk.decide(title, text("Light"))
    sure = desk.question(thread)
    assert sure.value == {"confirm": "A text about lamps"}
    desk.decide(sure, text("yes"))
    assert desk.finished(thread) == {"text": "A text about lamps", "title": "Light", "sure": "yes"}
    assert desk.names(thread) == ["draft", "workflow"]
    assert receipts([title, sure]) == ["applied", "applied"]
