"""No way back leads round a review: calls that people were asked about are asked about again."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from agents.models import Interrupt, Thread
from agents.services import copies, travel
from tests.pauses.desk import APPROVE, call, receipts, reject, said
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = said(call("send_email", to="bob@example.com", subject="Hi"))


def held(desk: Traveller, thread: Thread) -> Interrupt:
    """The question of the console itself about the e-mail, which did not go out."""
    asked = desk.question(thread)
    assert (asked.value["gate"], asked.value["name"]) == ("console", "send_email")
    return asked


def test_who_skips_the_node_that_asks_is_not_rid_of_the_question(desk: Traveller):
    thread = desk.start("batched", MAIL)
    asked = desk.question(thread)
    seen = travel.foresee(thread=thread.pk, checkpoint_id=asked.checkpoint_id, as_node=asked.node)
    assert (seen.superseded, seen.reviewed) == ((asked,), ("send_email",))

    desk.fork(thread, asked.checkpoint_id, as_node=asked.node)
    again = held(desk, thread)
    assert desk.names(thread) == []
    desk.decide(again, APPROVE)
    desk.finished(thread)
    assert desk.names(thread) == ["send_email"]


def test_what_was_approved_is_asked_about_again_with_what_it_has_become(desk: Traveller):
    thread = desk.start("batched", MAIL)
    asked = desk.question(thread)
    desk.decide(asked, APPROVE)
    desk.finished(thread)

    desk.replay(thread, desk.before(thread, "tools"))
    again = held(desk, thread)
    desk.decide(again, reject("Once is enough."))
    desk.finished(thread)

    forged: Any = copy.deepcopy(desk.state(thread, asked.checkpoint_id).values["messages"])
    forged[-1].payload["tool_calls"][0]["args"]["to"] = "mallory@example.com"
    desk.fork(thread, asked.checkpoint_id, {"messages": [forged[-1]]}, as_node=asked.node)
    assert held(desk, thread).value["args"] == {"to": "mallory@example.com", "subject": "Hi"}
    assert desk.names(thread) == ["send_email"]
    assert receipts([asked, again]) == ["applied", "applied"]


def test_what_the_agent_asks_again_itself_is_asked_once(desk: Traveller):
    thread = desk.start("per_call", MAIL)
    first = desk.question(thread)
    desk.decide(first, APPROVE)
    desk.finished(thread)
    desk.replay(thread, first.checkpoint_id)
    again = desk.question(thread)
    assert again.value == first.value
    desk.decide(again, APPROVE)
    desk.finished(thread)
    assert desk.names(thread) == ["send_email", "send_email"]


def test_what_was_rejected_does_not_run_in_a_copy_either(desk: Traveller):
    thread = desk.start("batched", MAIL)
    asked = desk.question(thread)
    desk.decide(asked, reject("Never."))
    desk.finished(thread)
    copied = copies.fork_thread(
        thread=thread.pk, checkpoint_id=asked.checkpoint_id, user=desk.alice
    )

    desk.fork(copied, asked.checkpoint_id, as_node=asked.node)
    assert desk.tool_messages(copied)["call_1"].startswith("alice rejected this call of send_email")

    desk.replay(copied, asked.checkpoint_id)  # the agent's own question, and no second one
    desk.decide(desk.question(copied), APPROVE)
    desk.finished(copied)
    assert desk.names(copied) == ["send_email"]
