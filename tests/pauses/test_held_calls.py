"""Rows 5, 6 and 7: tool calls held by LangChain's middleware, and by the inbox before it."""

from __future__ import annotations

from typing import Any

import pytest

from agents.exceptions import InvalidAnswer
from agents.reviews import ActionDecision
from tests.pauses.desk import APPROVE, Desk, call, edit, receipts, reject, respond, said

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = call("send_email", to="alice", subject="Hello")
LETTER = call("send_email", to="bob", subject="Invoice")
DELETE = call("delete_file", path="/exports")
LOOK_UP = call("look_up", word="lamp")


def sent(to: str, subject: str, *, urgent: bool = False) -> dict[str, Any]:
    return {"deed": "send_email", "to": to, "subject": subject, "urgent": urgent}


def by_name(deeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls of one turn run side by side: their order says nothing."""
    return sorted(deeds, key=lambda deed: (deed["deed"], deed.get("to", "")))


def test_5_one_pause_holds_the_calls_of_a_turn_in_their_order(desk: Desk):
    thread = desk.start("batched", said(MAIL, LOOK_UP, DELETE, LETTER, MAIL))
    asked = desk.question(thread)
    assert (asked.dialect, asked.actions) == ("middleware", 4)
    assert asked.call_ids == ["call_1", "call_3", "call_4", "call_5"]
    assert [each["name"] for each in asked.value["action_requests"]] == [
        "send_email", "delete_file", "send_email", "send_email",
    ]  # fmt: skip

    changed = edit(to="bob", subject="Invoice 7", urgent=True)
    desk.decide(asked, APPROVE, reject("keep them"), changed, respond("It was sent already."))

    messages = desk.tool_messages(thread)
    assert by_name(desk.deeds(thread)) == [
        {"deed": "look_up", "word": "lamp"},
        sent("alice", "Hello"),
        sent("bob", "Invoice 7", urgent=True),
    ]
    assert messages["call_1"] == "sent to alice"
    assert "keep them" in messages["call_3"]
    assert messages["call_4"].endswith("sent to bob")
    assert messages["call_5"] == "It was sent already."
    assert receipts([asked]) == ["applied"]


def test_5_what_the_middleware_would_refuse_is_not_sent(desk: Desk):
    thread = desk.start("batched", said(MAIL, DELETE))
    asked = desk.question(thread)
    for wrong in ((APPROVE,), (APPROVE, edit(path="/")), (APPROVE, respond("no")), ()):
        with pytest.raises(InvalidAnswer):
            desk.decide(asked, *wrong)
    desk.decide(asked, APPROVE, APPROVE)
    desk.finished(thread)
    assert sorted(desk.names(thread)) == ["delete_file", "send_email"]


def test_6_each_call_is_a_question_and_all_are_sent_together(desk: Desk):
    thread = desk.start("per_call", said(MAIL, LOOK_UP, DELETE, LETTER))
    mail, delete, letter = desk.asked(thread)
    assert {asked.dialect for asked in (mail, delete, letter)} == {"per_call"}
    assert [asked.call_ids for asked in (mail, delete, letter)] == [
        ["call_1"], ["call_3"], ["call_4"],
    ]  # fmt: skip
    assert desk.names(thread) == ["look_up"]

    with pytest.raises(InvalidAnswer):
        desk.decide(delete, edit(path="/"))
    with pytest.raises(InvalidAnswer):
        desk.decide(letter, edit(to="bob", subject=7))
    desk.decide(mail, APPROVE)
    desk.decide(delete, reject("keep them"))
    assert desk.names(thread) == ["look_up"]
    desk.decide(letter, edit(to="bob", subject="Invoice 7", urgent=False))

    messages = desk.tool_messages(thread)
    assert by_name(desk.deeds(thread)) == [
        {"deed": "look_up", "word": "lamp"},
        sent("alice", "Hello"),
        sent("bob", "Invoice 7"),
    ]
    assert "keep them" in messages["call_3"]
    assert receipts([mail, delete, letter]) == ["applied"] * 3


OLD_INBOX: dict[str, tuple[ActionDecision, dict[str, Any]]] = {
    "accept": (APPROVE, {"type": "accept", "args": None}),
    "edit": (
        edit(to="bob"),
        {"type": "edit", "args": {"action": "send_email", "args": {"to": "bob"}}},
    ),
    "response": (respond("Ask him first."), {"type": "response", "args": "Ask him first."}),
    "ignore": (reject(), {"type": "ignore", "args": None}),
}


@pytest.mark.parametrize("form", ["dict", "list", "json"])
@pytest.mark.parametrize("answer", OLD_INBOX)
def test_7_the_old_inbox_is_answered_with_a_list_of_one(desk: Desk, form: str, answer: str):
    thread = desk.start("old_inbox", {"subject": "alice", "form": form})
    asked = desk.question(thread)
    assert (asked.dialect, asked.actions) == ("human_interrupt", 1)
    assert asked.headline == "send_email → alice"
    decision, received = OLD_INBOX[answer]
    desk.decide(asked, decision)
    assert desk.finished(thread)["answer"] == received
    assert desk.deeds(thread) == [{"deed": "inbox", **received}]
