"""The main job, end to end: an agent pauses, a person decides in the browser, the agent goes on.

Console, runner, example agents, database and browser are the real ones. Nothing is reloaded: rows,
receipts and threads move by themselves.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.chromium import Visit
from tests.servers import Console, StartRunner

Ask = Callable[[str, str], Page]
Effects = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Effects:
    """What the tools of the example agents really did."""
    file = tmp_path / "effects.jsonl"
    monkeypatch.setenv("REVIEW_CONSOLE_EFFECTS", str(file))
    return lambda: (
        [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    )


@pytest.fixture
def ask(
    visit: Visit, console: Console, start_runner: StartRunner, effects: Effects, olga: User
) -> Ask:
    """Let olga start a run on an agent's page; returns the page of its thread."""
    start_runner(console)
    page = visit(olga, "/agents/")

    def ask(agent: str, message: str) -> Page:
        page.goto(f"/agents/{agent}/")
        page.get_by_label("Message").fill(message)
        page.get_by_role("button", name=f"Start {agent}").click()
        expect(page.locator("#thread-state")).to_contain_text("Interrupted")
        return page

    return ask


def open_pause(page: Page) -> None:
    """Open the one pause in an inbox that was open before the agent paused."""
    page.locator("#inbox-list a[href^='/interrupts/']").first.click()
    expect(page.locator("#interrupt-state")).to_contain_text("Waiting")


def expect_outcome(page: Page, decided: str) -> None:
    """The receipt goes all its way by itself."""
    expect(page.locator("#interrupt-state")).to_contain_text(decided)
    receipt = page.locator("#interrupt-receipt")
    for step in ("Recorded", "Delivered", "Applied"):
        expect(receipt).to_contain_text(step)
    expect(receipt).to_contain_text(re.compile("succeeded|finished", re.IGNORECASE))


@pytest.fixture(autouse=True)
def late_previews(expected_complaints: list[str]) -> None:
    """A preview that was on its way when the decision was sent comes too late, and says so."""
    expected_complaints.append(r"409 \(Conflict\).*/draft/")


def test_a_question_is_answered(ask: Ask, visit: Visit, alice: User):
    inbox = visit(alice)
    thread = ask("assistant", "Can we get a discount of 15 % on 40 lamps?")
    open_pause(inbox)
    inbox.get_by_role("textbox", name=re.compile("answer", re.IGNORECASE)).fill("12 %, until May.")
    inbox.get_by_role("button", name=re.compile("Answer")).last.click()
    expect_outcome(inbox, "alice")
    expect(thread.locator("#thread-state")).to_contain_text("Idle")
    expect(thread.locator("#thread-story")).to_contain_text("12 %, until May.")


def test_a_call_is_approved(ask: Ask, visit: Visit, alice: User, effects: Effects):
    inbox = visit(alice)
    thread = ask("operations", "Refund 24.50 EUR for LO-21436.")
    open_pause(inbox)
    assert effects() == []
    inbox.get_by_role("button", name="Approve refund", exact=True).click()
    expect_outcome(inbox, "alice approved refund")
    (done,) = effects()
    assert (done["tool"], done["args"]["amount"]) == ("refund", {"value": 24.5, "currency": "EUR"})
    expect(thread.locator("#thread-state")).to_contain_text("Idle")


def test_a_call_is_edited(ask: Ask, visit: Visit, alice: User, effects: Effects):
    inbox = visit(alice)
    ask("operations", "Refund 24.50 EUR for LO-21436.")
    open_pause(inbox)
    inbox.get_by_role("button", name="Edit arguments").click()
    inbox.get_by_label("value number").fill("20")
    expect(inbox.locator("#changes-0-0 ins")).to_have_text("20.0")
    inbox.get_by_role("button", name="Approve refund as edited").click()
    expect_outcome(inbox, "alice edited refund")
    (done,) = effects()
    assert (done["tool"], done["args"]["amount"]) == ("refund", {"value": 20.0, "currency": "EUR"})
    assert done["args"]["reference"] > 2**53


def test_a_call_is_rejected(ask: Ask, visit: Visit, alice: User, effects: Effects):
    inbox = visit(alice)
    thread = ask("operations", "Delete the folder /exports/2023.")
    open_pause(inbox)
    inbox.get_by_role("button", name="Reject delete_file…").click()
    inbox.get_by_label("Why not?").fill("The auditors need it.")
    inbox.get_by_role("button", name="Reject delete_file", exact=True).click()
    expect_outcome(inbox, "rejected delete_file: The auditors need it.")
    expect(thread.locator("#thread-story")).to_contain_text("The auditors need it.")
    assert effects() == []


def test_two_calls_of_one_turn_are_decided_each_for_itself(
    ask: Ask, visit: Visit, alice: User, effects: Effects
):
    inbox = visit(alice)
    ask(
        "operations",
        "LO-20871 arrived broken: refund 129.00 EUR and write to j.hartmann@mailbox.example.",
    )
    open_pause(inbox)
    first, second = inbox.locator("#call-0-0"), inbox.locator("#call-0-1")
    first.get_by_role("radio", name="Approve").check()
    second.get_by_role("radio", name="Answer").check()
    second.get_by_role("textbox").fill("I have called her already.")
    inbox.get_by_role("button", name="Submit all 2 decisions").click()
    expect_outcome(inbox, "alice")
    assert [done["tool"] for done in effects()] == ["refund"]


@pytest.mark.parametrize("decision", ["approve", "edit", "reject"])
def test_a_breakpoint_is_decided(
    ask: Ask, visit: Visit, alice: User, effects: Effects, decision: str
):
    inbox = visit(alice)
    thread = ask("email", "Invite the team to dinner in Lisbon, check the weather first.")
    open_pause(inbox)
    before = [done["tool"] for done in effects()]
    match decision:
        case "approve":
            inbox.get_by_role("button", name="Approve send_email", exact=True).click()
        case "edit":
            inbox.get_by_role("button", name="Edit arguments").click()
            inbox.get_by_label(re.compile("^subject")).fill("Dinner on Friday")
            expect(inbox.locator("#changes-0-0 del")).to_have_text("in Lisbon")
            inbox.get_by_role("button", name="Approve send_email as edited").click()
        case "reject":
            inbox.get_by_role("button", name="Reject send_email…").click()
            inbox.get_by_label("Why not?").fill("Not this week.")
            inbox.get_by_role("button", name="Reject send_email", exact=True).click()
    expect_outcome(inbox, "alice")
    expect(thread.locator("#thread-state")).to_contain_text("Idle")
    ran = effects()[len(before) :]
    assert [done["tool"] for done in ran] == ([] if decision == "reject" else ["send_email"])
    if decision == "edit":
        assert ran[0]["args"]["subject"] == "Dinner on Friday"
