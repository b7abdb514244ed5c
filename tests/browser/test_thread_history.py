"""The tree of a thread in a browser: keys, what is picked, what comes by itself, a phone."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.test_inbox import PHONE, live
from tests.chromium import Visit
from tests.services.histories import History


@pytest.fixture
def past(transactional_db: None) -> History:
    """Two branches that part after the first step."""
    made = History()
    made.add("01", values={"messages": [1, 2]}, metadata={"step": 1})
    made.add("02", "01", {"messages": [1, 2, 3]}, metadata={"step": 2})
    made.add("03", "01", {"messages": [1, 2, 4]}, metadata={"step": 2, "source": "update"})
    made.save()
    return made


def test_keys_walk_the_tree_and_open_a_checkpoint(visit: Visit, alice: User, past: History):
    page = live(visit(alice, f"/threads/{past.thread.pk}/"))
    page.keyboard.press("j")
    expect(page.locator("#checkpoint-03 .tree-link")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#checkpoint-02 .tree-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()
    page.keyboard.press("Escape")
    marked = page.locator("#checkpoint-02 .tree-link")
    expect(marked).to_have_attribute("aria-current", "true")
    expect(marked).to_be_in_viewport()


def test_what_is_picked_stays_picked_when_a_checkpoint_comes(
    visit: Visit, alice: User, past: History
):
    page = live(visit(alice, f"/threads/{past.thread.pk}/"))
    page.get_by_label("Compare two checkpoints").check()
    page.locator("#checkpoint-02").get_by_label("A", exact=True).check()
    page.locator("#checkpoint-03").get_by_label("B", exact=True).check()
    past.add("04", "03", {"messages": [1, 2, 4, 5]}, metadata={"step": 3})
    past.save()
    expect(page.locator("#checkpoint-04")).to_be_visible()
    expect(page.locator("#thread-story")).to_contain_text("5 5 5")
    page.get_by_role("button", name="Compare A with B").click()
    expect(page).to_have_url(re.compile(r"/compare/\?b=03&a=02$"))


def test_a_row_moves_the_story_and_another_branch_can_be_read(
    visit: Visit, alice: User, past: History
):
    page = visit(alice, f"/threads/{past.thread.pk}/", viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#checkpoint-01").get_by_role("link", name="in the conversation").click()
    expect(page.locator("#said-2")).to_be_in_viewport()
    page.locator("#checkpoint-02").get_by_role("link", name="read this branch").click()
    expect(page.locator("#aside")).to_contain_text("It was left at step 1")
    expect(page.locator("#thread-story")).to_contain_text("3 3 3")


def test_it_is_read_without_script(visit: Visit, alice: User, past: History):
    page = visit(alice, f"/threads/{past.thread.pk}/", java_script_enabled=False)
    page.get_by_label("Compare two checkpoints").check()
    page.locator("#checkpoint-01").get_by_label("A", exact=True).check()
    page.locator("#checkpoint-03").get_by_label("B", exact=True).check()
    page.get_by_role("button", name="Compare A with B").click()
    expect(page).to_have_url(re.compile(r"/compare/\?b=03&a=01$"))
