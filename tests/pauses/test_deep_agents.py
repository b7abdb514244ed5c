"""Row 15: a deep agent, whose messages are in delta channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.models import Checkpoint
from agents.reviews.conversation import conversation
from agents.services import history
from tests.pauses.desk import APPROVE, Desk, call, edit, receipts, reject, said

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def agents() -> Path:
    """A runner of its own: deep agents take seconds to import."""
    return Path(__file__).parent / "agents" / "deep.langgraph.json"


def test_15_calls_are_held_with_the_conversation_beside_them(desk: Desk):
    mail, delete = call("send_email", to="alice", subject="Hello"), call("delete_file", path="/x")
    thread = desk.start("deep", said(mail, call("look_up", word="lamp"), delete))
    asked = desk.question(thread)
    assert (asked.dialect, asked.actions) == ("middleware", 2)
    assert asked.call_ids == ["call_1", "call_3"]
    shown = [entry.text for entry in conversation(desk.snapshot(thread))]
    assert shown[-1] == "As you say."

    desk.decide(asked, edit(to="alice", subject="Good morning", urgent=False), reject("keep it"))

    messages = desk.tool_messages(thread)
    assert sorted(desk.names(thread)) == ["look_up", "send_email"]
    assert messages["call_1"].endswith("sent to alice")
    assert "keep it" in messages["call_3"]
    assert receipts([asked]) == ["applied"]


def test_15_every_checkpoint_shows_its_messages(desk: Desk):
    """The store holds writes in their place; the runner sends what its agent makes of them."""
    thread = desk.start("deep", said(call("look_up", word="lamp")))
    desk.finished(thread)
    states = [
        history.checkpoint(thread=thread, checkpoint_id=row.checkpoint_id, ns=row.ns)
        for row in Checkpoint.objects.filter(thread=thread).order_by("checkpoint_id")
    ]
    assert [state.unshown for state in states if state.step != -1] == [()] * (len(states) - 1)
    values: list[dict[Any, Any]] = [{**state.values} for state in states]
    told = [conversation(each) for each in values]
    assert told == sorted(told, key=len)
    assert told[-1] == conversation(desk.snapshot(thread))


def test_15_a_second_turn_is_held_as_the_first(desk: Desk):
    thread = desk.start("deep", said(call("delete_file", path="/one")))
    first = desk.question(thread)
    desk.decide(first, APPROVE)
    desk.finished(thread)
    desk.start("deep", said(call("delete_file", path="/two")), thread=thread.thread_id)
    second = desk.question(thread)
    assert second.value["action_requests"][0]["args"] == {"path": "/two"}
    desk.decide(second, APPROVE)
    desk.finished(thread)
    assert [deed["path"] for deed in desk.deeds(thread)] == ["/one", "/two"]
