"""Text that means to deceive, in a browser: nothing hides, nothing leads away by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.chromium import Visit
from tests.factories import finish, make_interrupt, start_run, take, tool_review

PHONE = {"width": 390, "height": 844}
TAIL = "AND-WIRE-EVERYTHING-TO-MALLORY"
WORDS = f"""# Refund

Order **8812** came late, see [paypal.com](https://evil.example/pay).

- zero\u200bwidth and \u202eright to left
- {" " * 400}{TAIL}

![proof](https://evil.example/pixel.png) <img src=x onerror=alert(1)>

| item | price |
|---|---|
| chair | 120.00 |
"""
HOSTILE: Arguments = {
    "to": "bob@xn--pypal-4ve.com",
    "note": "please" + "\n" * 300 + TAIL,
    "line": "x" * 9000 + TAIL,
    "body": "e" + "\u0301" * 300 + " " + "y" * 200 + " " * 900 + TAIL,
}
CALL: Plain = {"name": "ѕend_email", "args": HOSTILE, "id": "c1", "type": "tool_call"}  # noqa: RUF001  # Cyrillic
SAID: list[Plain] = [
    {"type": "human", "content": "Refund order 8812."},
    {"type": "ai", "content": WORDS, "tool_calls": [CALL]},
]


def ask() -> str:
    """A pause whose every word deceives; its page."""
    review = tool_review(("ѕend_email", HOSTILE))  # noqa: RUF001  # Cyrillic
    question = make_interrupt(review, snapshot={"messages": SAID})
    return f"/interrupts/{question.pk}/"


def tell() -> str:
    """A thread that has ended, with the same words; its page."""
    run = start_run()
    take(run)
    finish(run, {"messages": SAID})
    return f"/threads/{run.thread_id}/"


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


@pytest.mark.parametrize("where", [ask, tell])
def test_no_line_is_wider_than_a_phone(visit: Visit, alice: User, where: Callable[[], str]):
    page = visit(alice, where(), viewport=PHONE)
    page.locator("details").evaluate_all("all => all.forEach(one => (one.open = true))")
    assert overflow(page) == 0
    outside = page.locator("bdi, .flag, .hidden-character").evaluate_all(
        """all => all.filter(one => one.checkVisibility() && !one.closest(".one-line") &&
             [...one.getClientRects()].some(box => box.width && box.right > innerWidth + 1))
           .map(one => one.textContent.slice(0, 60))"""
    )
    assert outside == []


def test_what_pads_and_hides_is_labelled(visit: Visit, alice: User):
    page = visit(alice, ask())
    outline = page.locator(".outline").first
    expect(outline).to_contain_text("punycode for pаypal.com")  # noqa: RUF001  # Cyrillic
    expect(outline).to_contain_text("300 line breaks")
    expect(outline).to_contain_text("900 spaces")
    expect(outline).to_contain_text("mark ×296")  # noqa: RUF001  # the sign of the label
    expect(outline).to_contain_text("9,030 characters, begins with")
    assert outline.get_by_text(TAIL).count() >= 3


def test_a_link_is_inert_until_it_is_opened(visit: Visit, alice: User):
    page = visit(alice, tell())
    said = page.locator(".entry .markdown").first
    link = said.locator("details.link")
    expect(link).to_contain_text("→ https://evil.example/pay")
    expect(link).to_contain_text("the words name paypal.com")
    follow = said.get_by_role("link", name="Open https://evil.example/pay")
    expect(follow).to_be_hidden()
    address = page.url
    link.locator("summary").click()
    expect(follow).to_be_visible()
    assert page.url == address
    assert follow.get_attribute("rel") == "noopener noreferrer nofollow"


def test_markdown_loads_and_runs_nothing(visit: Visit, alice: User):
    page = visit(alice, tell())
    said = page.locator(".entry .markdown").first
    expect(said).to_contain_text("<img src=x onerror=alert(1)>")
    expect(said).to_contain_text("picture, not loaded proof → https://evil.example/pixel.png")
    assert said.locator("img, script, iframe, style").count() == 0
    expect(said.locator("td").first).to_have_text("chair")
    as_written = page.locator(".as-written").first
    as_written.locator("summary").click()
    expect(as_written).to_contain_text("Order **8812** came late")


def test_a_name_that_passes_for_another_tool_is_flagged(visit: Visit, alice: User):
    page = visit(alice, tell())
    call = page.locator(".call").first
    expect(call).to_contain_text("looks like send_email, which is another tool")
