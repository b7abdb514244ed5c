"""What became of a decision, in a real browser: asking again, and the conveyor of pauses."""

from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.models import Interrupt, Run
from tests.chromium import Visit
from tests.factories import (
    apply,
    connect_runner,
    decide,
    dismiss,
    fail,
    make_interrupt,
    pause,
    start_run,
    take,
)


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def resumed(interrupt: Interrupt, user: User) -> Run:
    run = decide(interrupt, user).run
    assert run is not None
    take(run)
    apply(run)
    return run


def test_an_answer_the_agent_failed_on_is_asked_again_from_its_receipt(
    visit: Visit, alice: User, bob: User
) -> None:
    asked = make_interrupt()
    run = resumed(asked, alice)
    page = visit(bob, path_of(asked))
    expect(page.locator("#interrupt-receipt")).to_contain_text("The agent has taken it")
    fail(run, "no such order")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#interrupt-state")).to_contain_text("Withdrawn.")
    expect(page.locator("#interrupt-receipt")).to_contain_text("bob let the agent ask again")
    again = Run.objects.get(trigger="ask_again")
    take(again)
    (anew,) = pause(again, asked.value, at=asked)
    link = page.locator("#interrupt-receipt").get_by_role("link", name=anew.headline)
    expect(link).to_be_visible()
    page.keyboard.press("n")
    expect(page).to_have_url(path_of(anew))


def test_after_a_decision_the_next_pause_is_one_key_away(visit: Visit, alice: User) -> None:
    elsewhere = make_interrupt("elsewhere?")
    asked = make_interrupt("first?")
    run = resumed(asked, alice)
    page = visit(alice, path_of(asked))
    receipt = page.locator("#interrupt-receipt")
    expect(receipt).to_contain_text("Next in the inbox")
    expect(receipt).to_contain_text(elsewhere.headline)
    (following,) = pause(run, "and now?")
    expect(receipt).to_contain_text("The agent paused again")
    page.keyboard.press("n")
    expect(page).to_have_url(path_of(following))


def test_what_waits_beside_a_failure_shows_the_error(visit: Visit, alice: User) -> None:
    run = resumed(make_interrupt(), alice)
    fail(run, "no such order", "Sure?", "Which month?")
    first, _second = run.interrupts.order_by("position")
    page = visit(alice, path_of(first))
    state = page.locator("#interrupt-state")
    expect(state).to_contain_text("The step failed beside this question: ValueError: no such order")
    expect(page.get_by_label("Your answer").first).to_be_visible()
    state.get_by_role("button", name="Ask again").click()
    expect(state).to_contain_text("alice let the agent ask again")


def test_a_dismissed_thread_says_so_to_who_had_decided(
    visit: Visit, alice: User, bob: User
) -> None:
    connect_runner()
    first, second = pause(start_run(), "first?", "second?")
    decide(first, bob)
    page = visit(bob, path_of(first))
    expect(page.locator("#interrupt-receipt")).to_contain_text("still open:")
    dismiss(second, alice, "The customer has called off the order.")
    receipt = page.locator("#interrupt-receipt")
    expect(receipt).to_contain_text(
        "alice dismissed the thread: The customer has called off the order."
    )
