"""Threads in a browser: the story goes on by itself."""

import re

from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.browser.test_inbox import live
from tests.chromium import Visit
from tests.factories import decide, finish, make_interrupt, pause, start_run, take, tool_review

ARGS: Arguments = {"to": "alice@example.com"}
CALL: Plain = {"name": "send_email", "args": ARGS, "id": "c1", "type": "tool_call"}
SAID: list[Plain] = [
    {"type": "human", "content": "Tell Alice."},
    {"type": "ai", "content": "I will.", "tool_calls": [CALL]},
]


def test_a_run_unfolds(visit: Visit, olga: User, bob: User):
    run = start_run()
    page = live(visit(olga, f"/threads/{run.thread_id}/"))
    state, story = page.locator("#thread-state"), page.locator("#thread-story")
    expect(state).to_contain_text("Busy")
    take(run)
    expect(story).to_contain_text(f"Run {run.pk} is running")
    (review,) = pause(run, tool_review(("send_email", ARGS)), snapshot={"messages": SAID})
    expect(state).to_contain_text("Interrupted")
    expect(story.get_by_role("link", name="Read and decide")).to_be_visible()
    decision = decide(review, bob)
    expect(story).to_contain_text("Approved")
    assert decision.run is not None
    take(decision.run)
    sent: Plain = {"type": "tool", "tool_call_id": "c1", "name": "send_email", "content": "Sent."}
    finish(decision.run, {"messages": [*SAID, sent]})
    expect(state).to_contain_text("Idle")
    expect(page.locator("#thread-runs")).to_contain_text("Succeeded")


def test_what_somebody_folded_stays_folded(visit: Visit, alice: User):
    review = make_interrupt(tool_review(("send_email", ARGS)), snapshot={"messages": SAID})
    page = live(visit(alice, f"/threads/{review.thread_id}/"))
    call = page.locator("details", has_text="send_email").first
    expect(call).to_have_attribute("open", "")  # it waits for somebody to read it
    call.locator("summary").click()
    expect(call).not_to_have_attribute("open", "")
    decide(review, alice)
    expect(page.locator("#thread-story")).to_contain_text("Approved")
    expect(call).not_to_have_attribute("open", "")


def test_an_operator_starts_a_run_and_cancels_it(visit: Visit, olga: User):
    run = start_run()
    page = visit(olga, f"/agents/{run.thread.agent.name}/")
    page.get_by_label("Message").fill("Refund order 8812.")
    page.get_by_role("button", name="Start operations").click()
    expect(page.get_by_role("heading", name="Refund order 8812.", level=1)).to_be_visible()
    page.get_by_role("button", name=re.compile(r"Cancel run \d+")).click()
    expect(page.locator("#thread-runs")).to_contain_text("Cancelled")
    expect(page.locator("#thread-state")).to_contain_text("Idle")


def test_search(visit: Visit, alice: User):
    start_run(title="Refund order 8812")
    start_run(title="Write to Alice")
    page = visit(alice, "/threads/")
    page.keyboard.press("/")
    page.keyboard.type("refund")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Refund order 8812")).to_be_visible()
    expect(page.get_by_role("link", name="Write to Alice")).to_have_count(0)
    page.get_by_label("Status").select_option("interrupted")
    expect(page.get_by_text("No thread matches.")).to_be_visible()
