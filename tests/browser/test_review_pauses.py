"""A pause with several questions, the state, and the end of a thread, in a real browser."""

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from agents.models import Decision, Interrupt
from reviewconsole.protocol.plain import Plain
from tests import factories
from tests.chromium import Visit
from tests.factories import (
    EMAIL,
    REFUND,
    decide,
    describe_agent,
    make_interrupt,
    pause,
    start_run,
    tool_review,
)


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def pause_of_three() -> list[Interrupt]:
    """A question, two calls and another question at once."""
    calls = tool_review(("send_email", EMAIL), ("refund", REFUND))
    return pause(start_run(), {"query": "Which account?"}, calls, {"query": "Which month?"})


def pill(page: Page, key: str) -> str | None:
    return page.locator(f"[data-pill='{key}']").get_attribute("data-decision")


def test_a_question_beside_calls_is_decided_with_them(visit: Visit, alice: User) -> None:
    asked = pause_of_three()
    page = visit(alice, path_of(asked[1]))
    expect(page.locator("#question-1")).to_be_in_viewport()
    submit = page.get_by_role("button", name="Submit all 4 decisions")
    expect(submit).to_be_disabled()

    page.keyboard.press("n")
    first = page.locator("#call-0-0")
    expect(first).to_be_focused()
    first.get_by_label("Your answer").fill("The business one.")
    expect(page.locator("[data-pill='0-0']")).to_have_attribute("data-decision", "respond")
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    page.keyboard.press("]")
    expect(page.locator("#call-1-1")).to_be_focused()
    page.keyboard.press("r")
    page.keyboard.type("Too much.")
    page.get_by_role("button", name="Previous").click()
    page.locator("#call-1-0").get_by_text("Approve send_email").click()
    last = page.locator("#call-2-0")
    last.get_by_label("Your answer").fill("May.")
    last.get_by_label("text", exact=True).check()
    expect(submit).to_be_enabled()
    submit.click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert list(Decision.objects.values_list("resume", flat=True)) == [
        {"data": "The business one."},
        {"decisions": [{"type": "approve"}, {"type": "reject", "message": "Too much."}]},
        "May.",
    ]


def test_approve_all_chooses_and_a_second_step_sends(visit: Visit, alice: User) -> None:
    calls = [tool_review(("send_email", EMAIL)), tool_review(("refund", REFUND))]
    asked = pause(start_run(), *calls)
    page = visit(alice, path_of(asked[0]))
    page.get_by_role("button", name="Approve all 2").click()
    expect(page.get_by_role("button", name="Submit all 2 decisions")).to_be_focused()
    assert (pill(page, "0-0"), pill(page, "1-0")) == ("approve", "approve")
    expect(page.get_by_role("button", name="Approve all")).to_be_hidden()
    assert not Decision.objects.exists()
    page.keyboard.press("Enter")
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.count() == 2


def test_approve_all_is_offered_only_where_each_allows_it(visit: Visit, alice: User) -> None:
    strict = tool_review(("refund", REFUND), allowed=("edit", "reject"))
    asked = pause(start_run(), tool_review(), tool_review(), strict)
    page = visit(alice, path_of(asked[0]))
    expect(page.get_by_role("button", name="Approve all")).to_be_hidden()
    page.locator("#call-2-0").get_by_text("Reject refund").click()
    expect(page.get_by_role("button", name="Approve all 2")).to_be_visible()


def test_what_somebody_else_decides_closes_its_card_alone(
    visit: Visit, alice: User, bob: User
) -> None:
    asked = pause_of_three()
    page = visit(alice, path_of(asked[0]))
    expect(page.locator("#connection")).to_have_text("Live")
    first, last = page.locator("#call-0-0"), page.locator("#call-2-0")
    first.get_by_label("Your answer").fill("The business one.")
    last.get_by_label("Your answer").fill("May.")
    decide(asked[2], bob)
    expect(page.locator("#question-2 [data-closed-words]")).to_contain_text("bob answered: Ask Bob")
    expect(last.get_by_label("Your answer")).to_have_value("May.")
    expect(last.get_by_label("Your answer")).not_to_be_editable()
    expect(first.get_by_label("Your answer")).to_be_editable()
    for name in ("send_email", "refund"):
        page.locator("#question-1").get_by_text(f"Approve {name}").click()
    page.get_by_role("button", name="Submit all").click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.filter(decided_by=alice).count() == 2


def test_without_script_all_is_decided_too(visit: Visit, alice: User) -> None:
    asked = pause_of_three()
    page = visit(alice, path_of(asked[0]), java_script_enabled=False)
    page.locator("#call-0-0").get_by_label("Your answer").fill("The business one.")
    page.locator("#call-2-0").get_by_label("Your answer").fill("May.")
    for name in ("send_email", "refund"):
        page.get_by_role("group", name=f"Decision on {name}").get_by_label("Approve").check()
    page.get_by_role("button", name="Submit all 4 decisions").click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.count() == 3


def test_the_state_is_changed_first(visit: Visit, alice: User) -> None:
    asked = make_interrupt(snapshot={"plan": "refund", "limit": 3})
    agent = asked.thread.agent
    types: Plain = {"plan": {"type": "string"}, "limit": {"type": "integer"}}
    agent.spec = describe_agent(state_schema={"type": "object", "properties": types})
    agent.save()
    page = visit(alice, path_of(asked))
    page.get_by_label("Your answer").fill("Yes.")
    page.get_by_text("Change the state first").click()
    page.get_by_label("limit").check()
    page.get_by_label("value integer").fill("5")
    expect(page.locator("#state-written pre")).to_contain_text('"limit": 5')
    expect(page.get_by_label("Your answer")).to_have_value("Yes.")
    page.get_by_role("button", name="Answer operations").click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert Decision.objects.get().update == {"limit": 5}


def test_a_node_is_written_for(visit: Visit, alice: User) -> None:
    value: Plain = {"breakpoint": "before", "nodes": ["human_input"], "tool_calls": []}
    asked = make_interrupt(value, kind="breakpoint", node="human_input")
    page = visit(alice, path_of(asked))
    page.keyboard.press("e")
    page.get_by_label("value JSON").fill('{"plan": "mail only"}')
    expect(page.locator("#changes-0-0 ins")).to_contain_text("mail only")
    page.get_by_role("button", name="Write as human_input").last.click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    decision = Decision.objects.get()
    assert (decision.then, decision.resume) == ("write", {"plan": "mail only"})


def test_a_thread_is_finished_apart_from_rejecting(visit: Visit, alice: User) -> None:
    asked = make_interrupt(tool_review())
    page = visit(alice, path_of(asked))
    page.get_by_text("Finish this thread here…").click()
    page.get_by_label("Reason").fill("The customer called off.")
    page.get_by_role("button", name="Finish the thread").click()
    expect(page.locator("#interrupt-state")).to_contain_text("The customer called off.")
    assert Decision.objects.get().then == Decision.Then.FINISH


def test_nothing_sticks_out_of_a_pause_of_many(visit: Visit, alice: User) -> None:
    calls = [tool_review(("send_email", EMAIL))] * 6
    asked = factories.pause(start_run(), *calls, {"query": "x" * 4000})
    page = visit(alice, path_of(asked[6]))
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_role("button", name="Submit all 7 decisions")).to_be_in_viewport(ratio=1)
        assert page.locator("html").evaluate("root => root.scrollWidth") <= width
