"""The kinds of pauses that have a form of their own, in a real browser."""

from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from agents.models import Decision, Interrupt
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from reviewconsole.protocol.plain import Plain
from tests.chromium import Visit
from tests.factories import apply, decide, finish, make_interrupt, pause, respond, start_run, take

CHOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "amount": {"type": "integer", "minimum": 1, "maximum": 100},
    },
    "required": ["ok", "amount"],
}


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def decided(page: Page) -> Decision:
    """The decision that was just sent."""
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    return Decision.objects.order_by("-pk")[0]


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def test_an_answer_with_a_schema_is_a_form(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    asked = make_interrupt("How much?", response_schema=CHOICE)
    page = visit(alice, path_of(asked))
    page.get_by_role("group", name="ok").get_by_label("true").check()
    page.get_by_label("amount").fill("500")
    button(page, "Answer operations").click()
    expect(page.locator("#errors")).to_contain_text("100")
    expected_complaints.append("status of 422")
    assert not Decision.objects.exists()
    page.get_by_label("amount").fill("50")
    expect(page.locator(".sent pre")).to_contain_text('"amount": 50')
    button(page, "Answer operations").click()
    assert decided(page).resume == {"ok": True, "amount": 50}


def branch(kind: str, **properties: Any) -> dict[str, Any]:
    required = ["type", *(name for name in properties if kind != "reject")]
    named = {"type": {"const": kind, "type": "string"}, **properties}
    return {"type": "object", "properties": named, "required": required}


def per_call(name: str, args: Plain, call_id: str) -> tuple[Plain, dict[str, Any]]:
    """One call as LangChain's middleware asks about it with `interrupt_mode="per_call"`."""
    kinds = {"to": {"type": "string"}, "copies": {"type": "integer"}}
    action = {
        "type": "object",
        "properties": {
            "name": {"const": name, "type": "string"},
            "args": {"type": "object", "properties": kinds, "required": ["to"]},
        },
        "required": ["name", "args"],
    }
    schema = {
        "oneOf": [
            branch("approve"),
            branch("edit", edited_action=action),
            branch("reject", message={"type": "string"}),
        ]
    }
    value: Plain = {"type": "tool_approval", "tool_call_id": call_id, "name": name, "args": args}
    return value, schema


def test_calls_that_ask_one_by_one_are_sent_together(visit: Visit, alice: User) -> None:
    first, schema = per_call("send_email", {"to": "alice@example.com", "copies": 1}, "c1")
    second, _ = per_call("send_email", {"to": "bob@example.com", "copies": 1}, "c2")
    asked = pause(start_run(), first, second, response_schema=schema)
    page = visit(alice, path_of(asked[0]))
    submit = page.get_by_role("button", name="Submit all 2 decisions")
    page.locator("#call-0-0").get_by_text("Edit send_email").click()
    page.locator("#call-0-0 input[name$='args.copies']").fill("3")
    expect(page.locator("#changes-0-0 ins")).to_have_text("3")
    expect(submit).to_be_disabled()
    page.locator("#call-1-0").get_by_text("Reject send_email").click()
    page.locator("#call-1-0").get_by_label("Why not?").fill("Not to Bob.")
    submit.click()
    decided(page)
    edited: Plain = {"name": "send_email", "args": {"to": "alice@example.com", "copies": 3}}
    assert list(Decision.objects.order_by("pk").values_list("resume", flat=True)) == [
        {"type": "edit", "edited_action": edited},
        {"type": "reject", "message": "Not to Bob."},
    ]


def test_what_the_console_holds_itself_says_so(visit: Visit, alice: User) -> None:
    value, schema = per_call("send_email", {"to": "alice@example.com"}, "c1")
    held = {**value, "gate": "console"}  # type: ignore[dict-item]  # a dict, as made above
    page = visit(alice, path_of(make_interrupt(held, response_schema=schema)))
    expect(page.locator("#call-0-0")).to_contain_text("Held by this console")
    button(page, "Approve send_email").click()
    assert decided(page).resume == {"type": "approve"}


WIRE: Plain = {"action": "wire", "args": {"to": "alice", "amount": 5}, "message": "Shall I?"}


def test_an_approval_is_true_or_false(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(WIRE)))
    expect(page.get_by_role("button", name="Edit arguments")).to_have_count(0)
    page.keyboard.press("r")
    expect(button(page, "Reject wire")).to_be_focused()
    assert not Decision.objects.exists()
    page.keyboard.press("r")
    assert decided(page).resume == {"approved": False}


def test_an_approval_is_answered_in_json_instead(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(WIRE)))
    page.get_by_role("button", name="Answer in JSON instead").click()
    page.get_by_label("JSON", exact=True).check()
    page.get_by_label("Your answer").fill('{"ok": "yes"}')
    button(page, "Answer operations").click()
    assert decided(page).resume == {"ok": "yes"}


def test_the_older_inbox_gets_a_list(visit: Visit, alice: User) -> None:
    config = {f"allow_{kind}": True for kind in ("accept", "edit", "respond", "ignore")}
    request: Plain = {
        "action_request": {"action": "send_email", "args": {"to": "alice"}},
        "config": config,  # type: ignore[dict-item]  # booleans by name are plain
        "description": "Please review",
    }
    page = visit(alice, path_of(make_interrupt([request])))
    page.keyboard.press("m")
    page.keyboard.type("Ask Bob first.")
    button(page, "Answer for send_email").click()
    assert decided(page).resume == [{"type": "response", "args": "Ask Bob first."}]


def test_a_node_that_stopped_itself_is_skipped(visit: Visit, alice: User) -> None:
    asked = make_interrupt("too long", kind="node_interrupt", node="check")
    page = visit(alice, path_of(asked))
    expect(button(page, "Run check again")).to_be_visible()
    button(page, "Skip check").click()
    assert decided(page).then == Decision.Then.SKIP


def test_a_question_that_moved_is_answered_for_what_stays(visit: Visit, alice: User) -> None:
    before = make_interrupt({"pay": "250 EUR", "at": "12:00"})
    run = decide(before, alice, respond("yes")).run
    assert run is not None
    (anew,) = pause(run, {"pay": "250 EUR", "at": "12:05"}, refused="it changed", at=before)
    page = visit(alice, path_of(anew))
    expect(page.locator("#question-0, main").first).to_contain_text("changes each time")
    page.get_by_label("Answer it whatever stands").check()
    page.get_by_label("Your answer").fill("yes")
    button(page, "Answer operations").click()
    assert decided(page).moving == [{"path": '["at"]', "how": "value"}]


def test_the_shape_that_was_taken_last_comes_first(visit: Visit, alice: User) -> None:
    asked = make_interrupt("Which account?")
    run = decide(
        asked, alice, ActionDecision(DecisionType.RESPOND, answer="7", shape=AnswerShape.JSON)
    ).run
    assert run is not None
    take(run)
    apply(run)
    finish(run)
    page = visit(alice, path_of(make_interrupt("Which month?")))
    expect(page.get_by_label("JSON", exact=True)).to_be_checked()
    expect(page.locator("main")).to_contain_text("last time")
