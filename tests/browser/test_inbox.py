"""The inbox in a browser: live, and still under the pointer."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.chromium import Visit
from tests.factories import breakpoint_before, connect_runner, decide, make_interrupt, tool_review
from tests.servers import Console

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


def live(page: Page) -> Page:
    """The page, once its socket is open."""
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")
    return page


def titles(page: Page) -> list[str]:
    """The rows that are to be seen."""
    return page.locator(".row-title:visible").all_inner_texts()


def ask(*words: str) -> list[int]:
    """Questions that wait, one each."""
    return [make_interrupt({"query": text}).pk for text in words]


def test_a_pause_appears_by_itself(visit: Visit, alice: User):
    page = live(visit(alice))
    expect(page).to_have_title("Inbox · Review Console")
    ask("May I?")
    expect(page.get_by_role("link", name="May I?")).to_be_visible()
    expect(page).to_have_title("(1) Inbox · Review Console")
    expect(page.locator("#announcement")).to_have_text("1 waiting")
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("1 waiting")


def test_a_row_that_somebody_else_decided_says_so_and_leaves(visit: Visit, alice: User, bob: User):
    review = make_interrupt(tool_review())
    ask("May I?")
    page = live(visit(alice))
    decide(review, bob)
    row = page.locator(f"#row-{review.pk}")
    expect(row).to_have_class("row leaving")
    expect(row).to_contain_text("bob approved send_email")
    assert titles(page)[0].startswith("send_email"), "it fades where it stood"
    expect(row).to_have_count(0)


def test_new_rows_wait_while_somebody_reads(visit: Visit, alice: User):
    ask("one", "two")
    page = live(visit(alice, "/?order=newest"))
    page.get_by_role("link", name="two").hover()
    place = page.locator(".row").first.bounding_box()
    ask("three")
    pill = page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    assert titles(page) == ["two", "one"]
    assert page.locator(".row:visible").first.bounding_box() == place
    ask("four")
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    page.get_by_role("button", name="2 new").click()
    expect(pill).to_be_hidden()
    assert titles(page) == ["four", "three", "two", "one"]
    expect(page.get_by_role("link", name="four")).to_be_focused()


def test_new_rows_come_when_the_pointer_has_left(visit: Visit, alice: User):
    ask("one")
    page = live(visit(alice, "/?order=newest"))
    page.get_by_role("link", name="one").hover()
    ask("two")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.get_by_role("link", name="Threads").hover()
    expect(page.get_by_role("link", name="two")).to_be_visible()
    assert titles(page) == ["two", "one"]


def test_new_rows_below_disturb_nobody(visit: Visit, alice: User):
    ask("one")
    page = live(visit(alice))
    page.get_by_role("link", name="one").focus()
    ask("two")
    expect(page.get_by_role("link", name="two")).to_be_visible()
    expect(page.get_by_role("link", name="one")).to_be_focused()


def test_keys(visit: Visit, alice: User):
    first, second = ask("one", "two")
    page = live(visit(alice, viewport=WIDE))
    press = page.keyboard.press
    press("j")
    expect(page.get_by_role("link", name="one")).to_be_focused()
    press("j")
    expect(page.get_by_role("link", name="two")).to_be_focused()
    press("j")
    expect(page.get_by_role("link", name="two")).to_be_focused()
    press("k")
    press("Enter")
    expect(page).to_have_url(re.compile(rf"/interrupts/{first}/$"))
    live(page)
    press("j")
    press("Enter")
    expect(page).to_have_url(re.compile(rf"/interrupts/{second}/$"))
    live(page)
    press("Escape")
    expect(page).to_have_url(re.compile(r":\d+/$"))
    for keys, path in (("gt", "/threads/"), ("ga", "/agents/"), ("gr", "/runners/"), ("gi", "/")):
        live(page)
        for key in keys:
            press(key)
        expect(page).to_have_url(re.compile(rf":\d+{path}$"))
    live(page)
    press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press("j")  # rests while the dialog is open
    press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    press("/")
    search = page.get_by_role("searchbox", name="Search the inbox")
    expect(search).to_be_focused()
    page.keyboard.type("gj?")  # letters are letters while one types
    expect(search).to_have_value("gj?")


def test_filters_are_links(visit: Visit, alice: User):
    make_interrupt({"query": "mail?"}, agent="email")
    make_interrupt({"query": "refund?"}, agent="operations")
    page = live(visit(alice))
    page.get_by_role("navigation", name="Agent").get_by_role("link", name="email").click()
    expect(page).to_have_url(re.compile(r"\?agent=email$"))
    assert titles(page) == ["mail?"]
    live(page)
    make_interrupt({"query": "more mail?"}, agent="email")
    make_interrupt({"query": "more refund?"}, agent="operations")
    expect(page.get_by_role("link", name="more mail?")).to_be_visible()
    assert titles(page) == ["mail?", "more mail?"]
    page.go_back()
    assert len(titles(page)) == 4


def test_the_console_comes_back(visit: Visit, alice: User, console: Console, expected_complaints):
    expected_complaints += ["WebSocket", "ws:error", "ERR_CONNECTION_(REFUSED|RESET)"]
    page = live(visit(alice))
    console.kill()
    expect(page.locator("#connection")).to_have_text("Connecting again…")
    ask("while you were away")
    console.start()
    expect(page.get_by_role("link", name="while you were away")).to_be_visible()
    live(page)


def test_without_scripts_it_is_a_page_of_links(visit: Visit, alice: User):
    (asked,) = ask("May I?")
    page = visit(alice, java_script_enabled=False)
    page.get_by_role("link", name="May I?").click()
    expect(page).to_have_url(re.compile(rf"/interrupts/{asked}/$"))


def test_signing_out_elsewhere_is_said(visit: Visit, alice: User):
    page = live(visit(alice))
    page.evaluate(
        """() => fetch("/logout/", {method: "POST", body: new FormData(
            document.querySelector("form[action='/logout/']"))})"""
    )
    ask("May I?")
    expect(page.locator("#connection")).to_have_text("Signed out: reload")


def questions_of_all_kinds() -> None:
    """An inbox as it is on a working day."""
    connect_runner()
    make_interrupt(tool_review(("send_email", {"to": "alice@example.com"})))
    make_interrupt(
        breakpoint_before(("delete_file", {"path": "/" + "long/" * 40})), kind="breakpoint"
    )
    ask("x" * 400, "Which of the two?")


@pytest.mark.parametrize("viewport", [WIDE, {"width": 800, "height": 600}, PHONE], ids=str)
@pytest.mark.parametrize("path", ["/", "/threads/", "/agents/", "/agents/operations/", "/runners/"])
def test_nothing_is_wider_than_the_screen(
    visit: Visit, olga: User, viewport: dict[str, int], path: str
):
    questions_of_all_kinds()
    page = visit(olga, path, viewport=viewport)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_on_a_phone_the_rail_is_a_bar_at_the_bottom(visit: Visit, alice: User):
    page = visit(alice, viewport=PHONE)
    bar = page.get_by_role("navigation", name="Main").bounding_box()
    assert bar is not None
    assert bar["y"] + bar["height"] > PHONE["height"] - 60
    page.get_by_role("link", name="Threads").click()
    expect(page.get_by_role("heading", name="Threads", level=1)).to_be_visible()


def test_the_keyboard_reaches_the_content_at_once(visit: Visit, alice: User):
    page = visit(alice)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
