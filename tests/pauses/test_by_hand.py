"""The same by hand: pages read and forms sent as a browser without scripts does."""

from __future__ import annotations

import math
import urllib.error
from typing import Any

import pytest

from agents.models import Decision, Interrupt, Run
from reviewconsole.protocol.plain import Plain, Typed
from reviewconsole.protocol.tagged import canonical
from tests.pauses.desk import Desk, call, receipts, said
from tests.pauses.html_forms import Form, forms

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = call("send_email", to="alice", subject="Hello")
DELETE = call("delete_file", path="/exports")
ANSWER, TYPE = "questions.0.actions.0.answer", "questions.0.actions.0.type"


def form_of(desk: Desk, asked: Interrupt, leads_to: str = "/decide/") -> Form:
    return desk.browser.form(f"/interrupts/{asked.pk}/", leads_to)


def test_four_calls_of_one_pause_are_decided_with_one_form(desk: Desk):
    thread = desk.start("batched", said(MAIL, DELETE, MAIL, MAIL))
    asked = desk.question(thread)
    desk.browser.send(
        form_of(desk, asked),
        {
            "questions.0.actions.0.type": "approve",
            "questions.0.actions.1.type": "reject",
            "questions.0.actions.1.reason": "keep them",
            "questions.0.actions.2.type": "edit",
            "questions.0.actions.2.args.to": "bob",
            "questions.0.actions.3.type": "respond",
            "questions.0.actions.3.reply": "It was sent.",
        },
    )
    messages = desk.tool_messages(thread)
    assert sorted(deed["to"] for deed in desk.deeds(thread)) == ["alice", "bob"]
    assert "keep them" in messages["call_2"]
    assert messages["call_4"] == "It was sent."
    assert receipts([asked]) == ["applied"]


def test_every_question_of_a_step_is_answered_with_one_form(desk: Desk):
    thread = desk.start("per_call", said(MAIL, DELETE))
    mail, delete = desk.asked(thread)
    desk.browser.send(
        form_of(desk, delete),
        {
            "questions.0.actions.0.type": "edit",
            "questions.0.actions.0.args.to": "bob",
            "questions.1.actions.0.type": "reject",
        },
    )
    desk.finished(thread)
    assert [deed["to"] for deed in desk.deeds(thread)] == ["bob"]
    assert receipts([mail, delete]) == ["applied", "applied"]


def test_a_typed_answer_is_refused_until_it_is_complete(desk: Desk):
    thread = desk.start("typed", {"subject": "sell"})
    asked = desk.question(thread)
    with pytest.raises(urllib.error.HTTPError, match="422"):
        desk.browser.send(form_of(desk, asked), {})
    assert not Decision.objects.filter(interrupt=asked).exists()
    desk.browser.send(
        form_of(desk, asked),
        {
            "questions.0.actions.0.answer.ok": "1",  # the second choice: false
            "questions.0.actions.0.answer.note:state": "value",
            "questions.0.actions.0.answer.note": "too cheap",
        },
    )
    assert desk.finished(thread)["answer"] == {"ok": False, "note": "too cheap"}


def test_a_thread_is_finished_from_its_pause(desk: Desk):
    thread = desk.start("parallel", {"items": []})
    left, _right = desk.asked(thread)
    desk.browser.send(form_of(desk, left, "/dismiss/"), {"reason": "Obsolete."})
    assert desk.settled(thread).status == Run.Status.SUCCEEDED
    assert desk.names(thread) == ["quiet"]


def test_what_the_agent_failed_on_is_asked_again(desk: Desk):
    thread = desk.start("strictly", {})
    first = desk.question(thread)
    desk.browser.send(form_of(desk, first), {ANSWER: "a dozen"})
    run = desk.failed(thread)
    desk.browser.post(f"/runs/{run.pk}/ask-again/", [])
    second = desk.question(thread)
    desk.browser.send(form_of(desk, second), {ANSWER: "12"})
    assert desk.finished(thread)["answer"] == 12


def test_a_node_is_skipped_with_one_button(desk: Desk):
    thread = desk.start("before_second", {"text": ""})
    desk.browser.send(form_of(desk, desk.question(thread)), {TYPE: "skip"})
    assert desk.finished(thread)["text"] == "firstthird"


def test_a_person_writes_as_the_node(desk: Desk):
    thread = desk.start("feedback", {"text": ""})
    fields = {
        TYPE: "write",
        "questions.0.actions.0.args.feedback:state": "value",
        "questions.0.actions.0.args.feedback": "Shorter, please.",
    }
    desk.browser.send(form_of(desk, desk.question(thread)), fields)
    assert desk.finished(thread) == {"text": "writepublish", "feedback": "Shorter, please."}
    assert desk.names(thread) == ["write", "publish"]


def test_the_state_is_changed_before_the_node_runs(desk: Desk):
    thread = desk.start("before_second", {"text": ""})
    asked = desk.question(thread)
    opened = desk.browser.post(
        f"/interrupts/{asked.pk}/draft/", form_of(desk, asked).filled({"state.text:on": "1"})
    )
    (form,) = [form for form in forms(opened) if form.action.endswith("/decide/")]
    assert ("state.text", "first") in form.fields
    desk.browser.send(form, {"state.text": "changed-", TYPE: "approve"})
    assert desk.finished(thread)["text"] == "changed-secondthird"


def test_a_question_that_moves_is_answered_with_a_tick(desk: Desk):
    thread = desk.start("moves", {"subject": "5 EUR"})
    for ticked in ({}, {"questions.0.moving": "on"}):
        asked = desk.question(thread)
        desk.browser.send(form_of(desk, asked), {ANSWER: "yes", **ticked})
    assert desk.finished(thread)["answer"] == "yes"


def test_a_guessed_format_is_answered_in_json_instead(desk: Desk):
    thread = desk.start("chat", said(call("wire_money", amount=5, to="alice")))
    asked = desk.question(thread)
    opened = desk.browser.post(
        f"/interrupts/{asked.pk}/draft/", form_of(desk, asked).filled({"questions.0.raw": "1"})
    )
    (form,) = [form for form in forms(opened) if form.action.endswith("/decide/")]
    answer = {ANSWER: '{"approved": true, "by": "alice"}', "questions.0.actions.0.shape": "json"}
    desk.browser.send(form, answer)
    assert desk.last_words(thread) == "It says: paid"
    assert Decision.objects.get(interrupt=asked).resume == {"approved": True, "by": "alice"}


def test_a_draft_outlives_its_page(desk: Desk):
    thread = desk.start("any_value", {"value": "Which colour?"})
    asked = desk.question(thread)
    draft = form_of(desk, asked).filled({ANSWER: "a dark re"})
    desk.browser.post(f"/interrupts/{asked.pk}/draft/?keep", draft)
    reopened = form_of(desk, asked)
    assert (ANSWER, "a dark re") in reopened.fields
    desk.browser.send(reopened, {ANSWER: "a dark red"})
    assert desk.finished(thread)["answer"] == "a dark red"


ODD: dict[Any, Plain] = {
    "text": "before",
    "lines": "one\r\ntwo\n",
    "number": 2**63,
    "whole": 120.0,
    "infinite": math.inf,
    "bytes": b"\x00\xff",
    "keys": {1: "one", None: "nothing"},
    "when": Typed(1, "datetime", "date", [2026, 11, 22]),
    "who": Typed(0, "builtins", "set", ["alice", "bob"]),
    "list": [1, 1.0, True, None, "1"],
    "empty": {},
    "$type": "a key that looks like ours",
}


def test_what_nobody_edits_comes_back_as_it_was(desk: Desk):
    asked = {
        "action_requests": [{"name": "odd", "args": ODD, "description": ""}],
        "review_configs": [{"action_name": "odd", "allowed_decisions": ["approve", "edit"]}],
    }
    thread = desk.start("any_value", {"value": asked})
    fields = {TYPE: "edit", "questions.0.actions.0.args.text": "after"}
    desk.browser.send(form_of(desk, desk.question(thread)), fields)
    (decision,) = desk.finished(thread)["answer"]["decisions"]
    args = decision["edited_action"]["args"]
    assert canonical(args) == canonical({**ODD, "text": "after"})
