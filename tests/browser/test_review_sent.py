"""How a decision leaves the page in a real browser: sent by script, and by the browser itself."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, Request, Route, expect

from agents.models import Decision, Interrupt
from tests.browser.test_review_drafts import wait_until_kept
from tests.chromium import Visit
from tests.factories import decide, make_interrupt, tool_review
from tests.servers import Console, StartConsole

DECIDE = "**/decide/"


@pytest.fixture
def console(share_console: StartConsole) -> Console:
    """A running console with patient pages: they do not see what a test does behind them."""
    return share_console(PAGE_REFRESH_SECONDS="60")


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def sent_from(page: Page) -> list[str]:
    """How decisions are sent from this page from now on: by `fetch`, or as a `document`."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/decide/"):
            sent.append(request.resource_type)

    page.on("request", note)
    return sent


def approve(page: Page) -> None:
    page.get_by_role("button", name="Approve send_email", exact=True).click()


def reject(page: Page, words: str) -> None:
    """Reject with these words."""
    page.keyboard.press("r")
    page.keyboard.type(words)
    page.get_by_role("button", name="Reject send_email").click()


def hold(page: Page) -> list[Route]:
    """Hold what the script sends; it goes on by `continue_`. The browser's own is not held."""
    held: list[Route] = []

    def take(route: Route) -> None:
        if route.request.resource_type == "fetch":
            held.append(route)
        else:
            route.continue_()

    page.route(DECIDE, take)
    return held


def test_a_script_sends_it_and_goes_to_the_receipt(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    sent = sent_from(page)
    approve(page)
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert sent == ["fetch"]
    assert page.url.endswith(path_of(interrupt))
    assert Decision.objects.get().resume == {"decisions": [{"type": "approve"}]}


def test_lines_are_sent_as_a_form_sends_them(visit: Visit, alice: User) -> None:
    by_script, by_browser = make_interrupt(tool_review()), make_interrupt(tool_review())
    bodies = []
    for interrupt, has_script in ((by_script, True), (by_browser, False)):
        page = visit(alice, path_of(interrupt), java_script_enabled=has_script)
        page.get_by_role("button", name="Reject send_email").click()
        page.get_by_label("Why not?").fill("Wrong customer & ünknown:\n\nask again.")
        with page.expect_request(DECIDE) as sent:
            page.get_by_role("button", name="Reject send_email").click()
        expect(page.locator("#interrupt-state")).to_contain_text("rejected send_email")
        pairs = (sent.value.post_data or "").split("&")
        bodies.append([pair for pair in pairs if not re.search("token|fingerprint", pair)])
        assert Decision.objects.get(interrupt=interrupt).resume == {
            "decisions": [{"type": "reject", "message": "Wrong customer & ünknown:\n\nask again."}]
        }
    assert bodies[0] == bodies[1]


def test_a_double_click_decides_once(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(tool_review())))
    sent = sent_from(page)
    page.get_by_role("button", name="Approve send_email", exact=True).dblclick()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert sent == ["fetch"]
    assert Decision.objects.count() == 1


def test_keys_that_come_while_it_is_under_way_decide_once(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(tool_review())))
    sent = sent_from(page)
    held = hold(page)
    with page.expect_request(DECIDE):
        for _ in range(2):
            page.keyboard.press("a")
    for key in ("a", "Enter", "a"):
        page.keyboard.press(key)
    held[0].continue_()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert sent == ["fetch"]
    assert Decision.objects.count() == 1


def test_back_from_the_receipt_offers_nothing_that_is_decided(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, "/")
    page.get_by_role("link", name=interrupt.headline).click()
    approve(page)
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    page.go_back()
    expect(page.locator("#decide")).to_have_count(0)
    page.go_forward()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.count() == 1


def test_who_leaves_before_the_answer_is_left_alone(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("ERR_FAILED")
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    hold(page)
    with page.expect_request(DECIDE):
        approve(page)
    page.get_by_role("link", name="Threads").click()
    expect(page.get_by_role("heading", name="Threads")).to_be_visible()
    page.unroute(DECIDE)
    page.go_back()
    approve(page)
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.count() == 1


def test_the_other_reviewer_was_first(
    visit: Visit, alice: User, bob: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 409")
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    sent, held = sent_from(page), hold(page)
    with page.expect_request(DECIDE):
        reject(page, "Wrong customer.")
    decide(interrupt, bob)
    held[0].continue_()
    expect(page.locator("#conflict")).to_contain_text("bob was first: approved send_email")
    expect(page.locator(".typed textarea")).to_have_value("Wrong customer.")
    assert sent == ["fetch", "document"]
    assert Decision.objects.get().decided_by == bob


def test_what_was_sent_is_shown_though_the_page_was_closed_meanwhile(
    visit: Visit, alice: User, bob: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 409")
    interrupt = make_interrupt(tool_review())
    page, other = visit(alice, path_of(interrupt)), visit(bob, path_of(interrupt))
    expect(page.locator("#connection[data-state=live]")).to_be_attached()
    held = hold(page)
    with page.expect_request(DECIDE):
        reject(page, "Wrong customer.")
    approve(other)
    expect(page.locator("[data-closed-all]")).to_be_visible()
    held[0].continue_()
    expect(page.locator("#conflict")).to_contain_text("bob was first: approved send_email")
    expect(page.locator(".typed textarea")).to_have_value("Wrong customer.")
    assert Decision.objects.get().decided_by == bob


def test_an_answer_that_cannot_be_used_comes_back_as_typed(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 422")
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    sent = sent_from(page)
    page.keyboard.press("m")
    page.keyboard.type("   ")
    page.get_by_role("button", name="Answer for send_email").click()
    expect(page.locator("#errors")).to_contain_text("Nothing was decided yet.")
    expect(page.get_by_label("Answer in place of send_email")).to_have_value("   ")
    assert sent == ["fetch", "document"]
    page.get_by_label("Answer in place of send_email").fill("Sent by phone.")
    page.get_by_role("button", name="Answer for send_email").click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert page.url.endswith(path_of(interrupt))
    assert Decision.objects.get().resume == {
        "decisions": [{"type": "respond", "message": "Sent by phone."}]
    }


def test_a_decision_whose_answer_is_lost_is_not_called_refused(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    expected_complaints += ["ERR_FAILED", "status of 409"]
    page = visit(alice, path_of(make_interrupt(tool_review())))

    def lose(route: Route) -> None:
        if route.request.resource_type == "fetch":
            assert route.fetch().status == 204
            route.abort()
        else:
            route.continue_()

    page.route(DECIDE, lose)
    approve(page)
    told = page.locator("#conflict")
    expect(told).to_contain_text("You have decided this already. What stands: approved send_email")
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.count() == 1


def test_a_console_that_is_away_loses_nothing(
    visit: Visit, alice: User, console: Console, expected_complaints: list[str]
) -> None:
    expected_complaints += ["ERR_CONNECTION_REFUSED", "htmx:ws:error"]
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    sent = sent_from(page)
    page.keyboard.press("r")
    page.keyboard.type("Wrong customer.")
    wait_until_kept("Wrong customer.")
    console.stop()
    page.get_by_role("button", name="Reject send_email").click()
    expect(page).to_have_url(re.compile("^chrome-error:"))
    assert sent == ["fetch", "document"]
    assert not Decision.objects.exists()
    console.start()
    page.go_back()
    expect(page.get_by_label("Why not?")).to_have_value("Wrong customer.")
    page.get_by_role("button", name="Reject send_email").click()
    expect(page.locator("#interrupt-state")).to_contain_text("rejected send_email: Wrong customer")
    assert sent == ["fetch", "document", "fetch"]


def test_who_was_signed_out_is_sent_to_sign_in(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    approve(page)
    expect(page.get_by_label("Password")).to_be_visible()
    assert not Decision.objects.exists()
