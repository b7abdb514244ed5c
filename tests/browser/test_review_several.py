"""Several calls in one pause, questions, and two reviewers at once, in a real browser."""

from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.models import Decision, Interrupt
from agents.reviews.request import Arguments
from tests.chromium import Visit
from tests.factories import EMAIL, REFUND, describe_agent, make_interrupt, tool_review
from tests.servers import Console

PATH: Arguments = {"path": "/exports/2023"}


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def make_review_of_three() -> Interrupt:
    return make_interrupt(
        tool_review(("send_email", EMAIL), ("refund", REFUND), ("delete_file", PATH))
    )


def sent(interrupt: Interrupt) -> Any:
    """What the agent will receive."""
    return Decision.objects.get(interrupt=interrupt).resume


def test_each_call_has_its_own_decision_and_all_are_sent_at_once(visit: Visit, alice: User) -> None:
    interrupt = make_review_of_three()
    page = visit(alice, path_of(interrupt))
    submit = page.get_by_role("button", name="Submit all 3 decisions")
    expect(submit).to_be_disabled()

    email = page.get_by_role("group", name="Decision on send_email")
    email.get_by_text("Approve send_email").click()
    expect(page.locator("[data-pill='0-0']")).to_have_attribute("data-decision", "approve")
    page.get_by_role("button", name="Next undecided").click()
    refund = page.get_by_role("region", name="refund")
    expect(refund).to_be_focused()
    refund.get_by_text("Edit refund").click()
    refund.get_by_label("amount number").fill("99.5")
    expect(refund.locator(".change")).to_have_count(1)
    expect(submit).to_be_disabled()

    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.get_by_role("region", name="delete_file")).to_be_focused()
    page.keyboard.press("r")
    page.keyboard.type("Finance still needs it.")
    expect(submit).to_be_enabled()
    expect(page.get_by_role("button", name="Next undecided")).to_be_hidden()
    submit.click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice approved send_email")
    edited = {"name": "refund", "args": {**REFUND, "amount": 99.5}}
    assert sent(interrupt) == {
        "decisions": [
            {"type": "approve"},
            {"type": "edit", "edited_action": edited},
            {"type": "reject", "message": "Finance still needs it."},
        ]
    }


def test_an_argument_called_type_is_not_taken_for_the_decision(visit: Visit, alice: User) -> None:
    args: Arguments = {"type": "approve"}
    interrupt = make_interrupt(tool_review(("label", args), ("label", args)))
    schema = {"type": "object", "properties": {"type": {"enum": ["approve", "edit"]}}}
    tool = {"name": "label", "description": "", "args_schema": schema, "node": "tools"}
    agent = interrupt.thread.agent
    agent.spec = describe_agent(tools=[tool])
    agent.save()
    page = visit(alice, path_of(interrupt))
    expect(page.locator("[data-pill='0-0']")).to_have_attribute("data-decision", "")
    expect(page.get_by_role("button", name="Submit all 2 decisions")).to_be_disabled()
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page.locator("[data-pill='0-0']")).to_have_attribute("data-decision", "approve")
    expect(page.locator("[data-pill='0-1']")).to_have_attribute("data-decision", "")


def test_without_script_a_missing_decision_is_told(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 422")
    page = visit(alice, path_of(make_review_of_three()), java_script_enabled=False)
    page.get_by_role("group", name="Decision on refund").get_by_label("Reject").check()
    expect(page.get_by_label("Why not?")).to_have_count(3)
    page.get_by_label("Why not?").nth(1).fill("Too much.")
    page.get_by_role("button", name="Submit all 3 decisions").click()
    expect(page.locator("#errors")).to_contain_text("Decide on send_email.")
    expect(page.locator("#errors")).to_contain_text("Decide on delete_file.")
    expect(page.get_by_label("Why not?").nth(1)).to_have_value("Too much.")
    assert not Decision.objects.exists()


def test_a_question_shows_exactly_what_will_be_sent(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt({"query": "Which expert?"})
    page = visit(alice, path_of(interrupt))
    page.get_by_label("Your answer").fill("Ask Bob.")
    expect(page.locator("#sent-0 pre")).to_have_text('{\n  "data": "Ask Bob."\n}')
    page.get_by_label("text", exact=True).check()
    expect(page.locator("#sent-0 pre")).to_have_text('"Ask Bob."')
    page.get_by_role("button", name="Answer operations").click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert sent(interrupt) == "Ask Bob."


def test_the_page_turns_read_only_when_somebody_else_decides(
    visit: Visit, alice: User, bob: User
) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    expect(page.locator("#connection")).to_have_text("Live")
    page.keyboard.press("m")
    page.keyboard.type("I have called her already.")

    other = visit(bob, path_of(interrupt))
    other.keyboard.press("r")
    other.keyboard.type("Wrong customer.")
    other.get_by_role("button", name="Reject send_email").click()

    expect(page.locator("#interrupt-state")).to_contain_text(
        "bob rejected send_email: Wrong customer."
    )
    expect(page.locator("[data-closed-words]")).to_contain_text("bob rejected send_email")
    words = page.get_by_label("Answer in place of send_email")
    expect(words).to_have_value("I have called her already.")
    expect(words).not_to_be_editable()
    expect(page.get_by_role("button", name="Answer for send_email")).to_be_disabled()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")


def test_who_missed_the_news_is_told_at_the_post(
    visit: Visit, console: Console, alice: User, bob: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 409")
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt), java_script_enabled=False)
    other = visit(bob, path_of(interrupt))
    other.get_by_role("button", name="Approve send_email", exact=True).click()
    expect(other.locator("#interrupt-state")).to_contain_text("bob approved send_email")

    page.get_by_role("button", name="Reject send_email").click()
    expect(page.locator("#interrupt-state")).to_contain_text("bob approved send_email")
    assert Decision.objects.get().decided_by == bob
