"""Going back in a thread with a browser: each way says first what it will do, and does that.

Console, runner and agents are real; an agent prepares, asks, and acts on the answer.
"""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agents.models import Run, Thread
from tests.chromium import Visit
from tests.pauses.conftest import (  # noqa: F401 -- fixtures
    _django_db_helper,
    lasting_db,
    no_console_errors,
    shared_console,
)
from tests.pauses.desk import text
from tests.servers import Console
from tests.time_travel.conftest import desk  # noqa: F401 -- a fixture
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def console(shared_console: Console) -> Console:  # noqa: F811
    """The console that `desk` works on."""
    return shared_console


@pytest.fixture
def alice(desk: Traveller) -> User:  # noqa: F811
    """Who reviews and operates there."""
    return desk.alice


@pytest.fixture
def thread(desk: Traveller) -> Thread:  # noqa: F811
    """A thread that asked "May I sing?", heard "yes" and ended."""
    thread = desk.start("asks", {"subject": "sing"})
    desk.decide(desk.question(thread), text("yes"))
    desk.finished(thread)
    return thread


@pytest.fixture
def go(visit: Visit, desk: Traveller, thread: Thread):  # noqa: F811
    """Opens a page about the checkpoint at which `ask` was next."""

    def go(page: str) -> Page:
        at = desk.before(thread, "ask")
        return visit(desk.alice, f"/threads/{thread.pk}/checkpoints/{at}/{page}/")

    return go


def arrive(page: Page, thread: Thread, state: str) -> None:
    """The thread's page follows what was ordered."""
    expect(page).to_have_url(f"/threads/{thread.pk}/")
    expect(page.locator("#thread-state")).to_contain_text(state)


def test_replay(go, desk: Traveller, thread: Thread):  # noqa: F811
    page = go("replay")
    foresight = page.locator(".foresight")
    expect(foresight).to_contain_text("Runs next: ask")
    expect(foresight).to_contain_text("May happen a second time:")
    expect(foresight.get_by_role("link", name="May I sing?")).to_be_visible()
    page.get_by_label("Reason").fill("Ask once more.")
    page.get_by_role("button", name="Replay from step").dblclick()
    arrive(page, thread, "Interrupted")
    asked = desk.question(thread)
    assert thread.runs.filter(trigger=Run.Trigger.REPLAY).count() == 1
    assert (asked.run.trigger, asked.run.reason) == (Run.Trigger.REPLAY, "Ask once more.")
    desk.decide(asked, text("no"))
    arrive(page, thread, "Idle")


def test_fork_with_an_edit(go, desk: Traveller, thread: Thread):  # noqa: F811
    page = go("fork")
    page.get_by_label("subject").check()
    field = page.locator("[name='state.subject']")
    expect(field).to_have_value("sing")
    field.fill("dance")
    preview = page.locator("#fork-preview")
    expect(preview.locator("ins")).to_have_text("dance")
    expect(preview).to_contain_text("Runs next: ask")
    preview.get_by_role("button", name="and run on").click()
    arrive(page, thread, "Interrupted")
    assert desk.question(thread).value == "May I dance?"


def test_a_node_is_skipped(go, desk: Traveller, thread: Thread):  # noqa: F811
    before = len(desk.names(thread))
    page = go("fork")
    page.get_by_label("As if ask had run").check()
    preview = page.locator("#fork-preview")
    expect(preview).to_contain_text("Runs next: act")
    expect(preview).to_contain_text("Nothing in it is changed.")
    preview.get_by_role("button", name="and run on").click()
    arrive(page, thread, "Idle")
    assert desk.finished(thread) == {"subject": "sing"}
    assert desk.deeds_since(thread, before) == ["act", "acted"]


def test_a_decision_is_changed(visit: Visit, alice: User, desk: Traveller, thread: Thread):  # noqa: F811
    asked = thread.interrupts.get()
    page = visit(alice, f"/interrupts/{asked.pk}/")
    page.get_by_role("link", name="Change this decision").click()
    expect(page.locator("main")).to_contain_text("alice: yes")
    page.get_by_label("Reason").fill("I was wrong.")
    page.get_by_role("button", name="Ask again: May I sing?").click()
    arrive(page, thread, "Interrupted")
    page.get_by_role("link", name="Read and decide").first.click()
    page.get_by_role("textbox", name="answer").fill("no")
    page.get_by_role("button", name="Answer").last.click()
    expect(page.locator("#interrupt-state")).to_contain_text("answered: no")
    assert desk.finished(thread)["answer"] == "no"
    asked.refresh_from_db()
    assert (asked.status, asked.decision.summary) == ("applied", "answered: yes")


def test_a_fork_into_a_new_thread(go, desk: Traveller, thread: Thread):  # noqa: F811
    kept = desk.head(thread)
    page = go("copy")
    page.get_by_label("Title of the new thread").fill("Another stage")
    page.get_by_role("button", name="Copy, then run on from here…").click()
    expect(page.locator(".crumbs")).to_contain_text("Another stage")
    page.get_by_role("button", name="Replay from step").click()
    copy = Thread.objects.latest("pk")
    arrive(page, copy, "Interrupted")
    assert (copy.copied_from, desk.question(copy).value) == (thread, "May I sing?")
    assert desk.head(thread) == kept


def test_compare(visit: Visit, alice: User, desk: Traveller, thread: Thread):  # noqa: F811
    first = desk.head(thread)
    desk.replay(thread, desk.before(thread, "ask"))
    desk.decide(desk.question(thread), text("no"))
    desk.finished(thread)
    page = visit(alice, f"/threads/{thread.pk}/compare/")
    page.get_by_label("A", exact=True).select_option(first)
    page.get_by_label("B", exact=True).select_option(desk.head(thread))
    page.get_by_role("button", name="Compare").click()
    ways = page.locator(".way")
    expect(ways.nth(0)).to_contain_text("after act")
    expect(ways.nth(1)).to_contain_text("Replay by alice")
    expect(page.locator(".change del")).to_have_text("yes")
    expect(page.locator(".change ins")).to_have_text("no")
    expect(page.locator(".differing")).to_contain_text("answered: yes")
    page.get_by_role("link", name="Swap A and B").click()
    expect(page.locator(".change del")).to_have_text("no")
