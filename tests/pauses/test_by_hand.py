"""The same by hand: pages read and forms sent as a browser without scripts does."""

from __future__ import annotations

import urllib.error

import pytest

from agents.models import Decision, Interrupt, Run
from tests.pauses.desk import Desk, call, receipts, said
from tests.pauses.html_forms import Form

pytestmark = pytest.mark.django_db(transaction=True)

MAIL = call("send_email", to="alice", subject="Hello")
DELETE = call("delete_file", path="/exports")
ANSWER = "questions.0.actions.0.answer"


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
