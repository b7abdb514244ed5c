"""What is typed and not sent is kept on the console, in a real browser."""

from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.models import Draft, Interrupt
from tests.chromium import Visit
from tests.factories import EMAIL, REFUND, decide, make_interrupt, pause, start_run, tool_review
from tests.processes import wait_until


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def wait_until_kept(*words: str) -> None:
    """Wait until the console has what was typed."""
    kept = Draft.objects.values_list("post", flat=True)
    wait_until(f"{words} are kept", lambda: all(word in (kept.first() or "") for word in words))


def test_what_was_typed_is_there_after_a_reload(visit: Visit, alice: User) -> None:
    page = visit(
        alice, path_of(make_interrupt(tool_review(("send_email", EMAIL), ("refund", REFUND))))
    )
    email, refund = page.locator("#call-0-0"), page.locator("#call-0-1")
    refund.get_by_text("Edit refund").click()
    refund.get_by_label("amount number").fill("99.5")
    email.get_by_text("Reject send_email").click()
    email.get_by_label("Why not?").fill("Wrong customer.")
    wait_until_kept("Wrong customer.", "99.5")
    page.reload()
    expect(page.locator("#draft")).to_contain_text("Your draft, kept just now.")
    expect(page.locator("[data-pill='0-0']")).to_have_attribute("data-decision", "reject")
    expect(email.get_by_label("Why not?")).to_have_value("Wrong customer.")
    expect(refund.get_by_label("amount number")).to_have_value("99.5")
    expect(refund.locator(".change")).to_have_count(1)


def test_leaving_at_once_loses_nothing(visit: Visit, alice: User) -> None:
    asked = make_interrupt({"query": "Which expert?"})
    page = visit(alice, path_of(asked))
    page.get_by_label("Your answer").fill("Ask Bob.")
    page.get_by_role("link", name="Threads").click()
    expect(page.get_by_role("heading", name="Threads")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Your answer")).to_have_value("Ask Bob.")
    page.goto(path_of(asked))
    expect(page.get_by_label("Your answer")).to_have_value("Ask Bob.")
    expect(page.locator("#sent-0 pre")).to_contain_text("Ask Bob.")


def test_starting_afresh_forgets_it(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(tool_review())))
    page.keyboard.press("r")
    page.keyboard.type("Wrong customer.")
    wait_until_kept("Wrong customer.")
    page.reload()
    expect(page.get_by_label("Why not?")).to_have_value("Wrong customer.")
    page.get_by_role("button", name="Start afresh").click()
    expect(page.get_by_role("button", name="Approve send_email", exact=True)).to_be_visible()
    expect(page.locator("#draft")).to_have_count(0)
    page.reload()
    expect(page.locator("#draft")).to_have_count(0)
    assert not Draft.objects.exists()


def test_neither_another_reviewer_nor_another_pause_wipes_it(
    visit: Visit, alice: User, bob: User
) -> None:
    run = start_run()
    first, second = pause(run, {"query": "Which account?"}, {"query": "Which month?"})
    page = visit(alice, path_of(first))
    page.locator("#question-0").get_by_label("Your answer").fill("The business one.")
    wait_until_kept("The business one.")
    page.goto("/threads/")
    decide(second, bob)
    make_interrupt(tool_review())
    page.goto(path_of(first))
    expect(page.locator("#question-0").get_by_label("Your answer")).to_have_value(
        "The business one."
    )
    expect(page.locator("#question-1")).to_contain_text("bob")


def test_without_script_a_draft_is_kept_when_it_is_shown(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(tool_review())), java_script_enabled=False)
    page.get_by_role("button", name="Edit arguments").click()
    page.get_by_label("subject").fill("Another subject")
    page.get_by_role("button", name="Show the change").click()
    page.goto(page.url.removesuffix("draft/"))
    expect(page.get_by_label("subject")).to_have_value("Another subject")


def test_a_draft_that_is_too_long_to_be_kept_says_so(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 422")
    asked = make_interrupt(tool_review(("send_email", EMAIL), ("refund", REFUND)))
    page = visit(alice, path_of(asked))
    page.locator("#call-0-0").get_by_text("Reject send_email").click()
    page.get_by_label("Why not?").first.fill("x" * 4_100_000)
    expect(page.locator("[data-unkept]")).to_contain_text("drafts of at most 4,000,000")
