"""Deciding one call in a real browser: by pointer, by keys, without script."""

from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.models import Decision, Interrupt
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain
from tests.chromium import Visit
from tests.factories import REFUND, describe_agent, make_interrupt, tool_review

ORDER: Arguments = {
    "order": 2**53 + 1,
    "lines": [{"sku": "ARC-40", "amount": 119.0}],
    "reason": "damaged",
    "note": None,
}
ORDER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order": {"type": "integer"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "amount": {"type": "number"}},
                "required": ["sku", "amount"],
            },
        },
        "reason": {"enum": ["damaged", "late"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "notify": {"type": "boolean"},
    },
    "required": ["order", "lines", "reason", "note"],
}


def path_of(interrupt: Interrupt) -> str:
    return f"/interrupts/{interrupt.pk}/"


def make_order_review() -> Interrupt:
    """A pause about one call with nested, typed arguments."""
    interrupt = make_interrupt(tool_review(("order", ORDER)))
    agent = interrupt.thread.agent
    tool = {"name": "order", "description": "", "args_schema": ORDER_SCHEMA, "node": "tools"}
    agent.spec = describe_agent(tools=[tool])
    agent.save()
    return interrupt


def sent(interrupt: Interrupt) -> Any:
    """What the agent will receive."""
    return Decision.objects.get(interrupt=interrupt).resume["decisions"][0]


def test_approve_takes_a_deliberate_click(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    expect(page.locator(":focus")).to_have_count(0)
    page.get_by_role("button", name="Approve send_email", exact=True).click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice approved send_email")
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    assert page.url.endswith(path_of(interrupt))
    assert sent(interrupt) == {"type": "approve"}


def test_the_first_a_looks_and_the_second_one_leaps(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Approve send_email", exact=True)).to_be_focused()
    assert not Decision.objects.exists()
    page.keyboard.press("a")
    expect(page.locator("#interrupt-state")).to_contain_text("alice approved send_email")


def test_the_next_pause_is_one_key_away(visit: Visit, alice: User) -> None:
    first, second = make_interrupt(tool_review()), make_interrupt()
    page = visit(alice, path_of(first))
    page.get_by_role("button", name="Approve send_email", exact=True).click()
    expect(page.locator("#interrupt-receipt")).to_contain_text("Recorded")
    page.keyboard.press("n")
    page.wait_for_url(f"**{path_of(second)}*")


def test_a_key_that_is_held_down_does_not_approve(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(tool_review())))
    page.keyboard.down("a")
    page.keyboard.down("a")
    expect(page.get_by_role("button", name="Approve send_email", exact=True)).to_be_focused()
    assert not Decision.objects.exists()


def test_reject_asks_why_with_the_cursor_in_the_box(visit: Visit, alice: User) -> None:
    interrupt = make_interrupt(tool_review())
    page = visit(alice, path_of(interrupt))
    page.keyboard.press("r")
    expect(page.get_by_label("Why not?")).to_be_focused()
    expect(page.get_by_role("button", name="Approve send_email", exact=True)).to_be_hidden()
    page.keyboard.type("Wrong customer, ask again.")
    page.get_by_role("button", name="Reject send_email").click()
    expect(page.locator("#interrupt-state")).to_contain_text("rejected send_email: Wrong customer")
    assert sent(interrupt) == {"type": "reject", "message": "Wrong customer, ask again."}


def test_back_and_escape_close_a_panel_and_keep_the_words(visit: Visit, alice: User) -> None:
    page = visit(alice, path_of(make_interrupt(tool_review())))
    page.keyboard.press("m")
    page.keyboard.type("Sent by phone.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Approve send_email", exact=True)).to_be_visible()
    page.keyboard.press("m")
    expect(page.get_by_label("Answer in place of send_email")).to_have_value("Sent by phone.")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("button", name="Approve send_email", exact=True)).to_be_focused()


def test_an_edit_shows_its_diff_as_one_types_and_is_what_is_sent(visit: Visit, alice: User) -> None:
    interrupt = make_order_review()
    page = visit(alice, path_of(interrupt))
    page.keyboard.press("e")
    expect(page.get_by_label("order integer")).to_be_focused()
    changes = page.locator("#changes-0-0")
    expect(changes).to_contain_text("Nothing is changed yet.")
    page.get_by_label("amount number").fill("99.5")
    expect(changes).to_contain_text("lines / 1 / amount")
    expect(changes.locator("del")).to_have_text("119.0")
    expect(changes.locator("ins")).to_have_text("99.5")
    page.get_by_label("late").check()
    expect(changes.locator("ins")).to_have_count(2)
    page.get_by_role("button", name="Approve order as edited").click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice edited order")
    edited: Arguments = {**ORDER, "lines": [{"sku": "ARC-40", "amount": 99.5}], "reason": "late"}
    assert sent(interrupt) == {"type": "edit", "edited_action": {"name": "order", "args": edited}}


def test_items_are_added_and_removed_in_place(visit: Visit, alice: User) -> None:
    interrupt = make_order_review()
    page = visit(alice, path_of(interrupt))
    page.get_by_role("button", name="Edit arguments").click()
    page.get_by_label("order integer").fill(str(2**60 + 1))
    page.get_by_role("button", name="Add an item (lines)").click()
    expect(page.get_by_label("sku text")).to_have_count(2)
    expect(page.get_by_label("order integer")).to_have_value(str(2**60 + 1))
    page.get_by_label("sku text").nth(1).fill("SHIPPING")
    page.get_by_label("amount number").nth(1).fill("10")
    expect(page.locator("#changes-0-0 .change")).to_have_count(2)
    page.get_by_role("button", name="Remove (1)").click()
    expect(page.get_by_label("sku text")).to_have_count(1)
    page.get_by_role("button", name="Approve order as edited").click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice edited order")
    args = sent(interrupt)["edited_action"]["args"]
    lines: Plain = [{"sku": "SHIPPING", "amount": 10}]
    assert args == {**ORDER, "order": 2**60 + 1, "lines": lines}


def test_null_and_not_set_are_told_apart(visit: Visit, alice: User) -> None:
    interrupt = make_order_review()
    page = visit(alice, path_of(interrupt))
    page.keyboard.press("e")
    expect(page.get_by_label("State of note")).to_have_value("null")
    page.get_by_label("note text").fill("Handle with care")
    expect(page.get_by_label("State of note")).to_have_value("value")
    page.get_by_role("group", name="notify").get_by_label("false").check()
    expect(page.locator("#changes-0-0 .change")).to_have_count(2)
    page.get_by_role("button", name="Approve order as edited").click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice edited order")
    args = sent(interrupt)["edited_action"]["args"]
    assert args == {**ORDER, "note": "Handle with care", "notify": False}


def test_the_json_view_and_the_form_hold_the_same_edit(visit: Visit, alice: User) -> None:
    interrupt = make_order_review()
    page = visit(alice, path_of(interrupt))
    page.keyboard.press("e")
    page.get_by_label("amount number").fill("99.5")
    page.get_by_role("button", name="Edit as JSON").click()
    json = page.get_by_label("value JSON")
    expect(json).to_have_value(f"""{{
  "order": {2**53 + 1},
  "lines": [
    {{
      "sku": "ARC-40",
      "amount": 99.5
    }}
  ],
  "reason": "damaged",
  "note": null
}}""")
    json.fill(json.input_value().replace("ARC-40", "ARC-41"))
    expect(page.locator("#changes-0-0 .change")).to_have_count(2)
    page.get_by_role("button", name="Edit in a form").click()
    expect(page.get_by_label("sku text")).to_have_value("ARC-41")
    page.get_by_role("button", name="Approve order as edited").click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice edited order")
    assert sent(interrupt)["edited_action"]["args"]["lines"] == [{"sku": "ARC-41", "amount": 99.5}]


def test_enter_in_a_field_decides_nothing(visit: Visit, alice: User) -> None:
    interrupt = make_order_review()
    page = visit(alice, path_of(interrupt))
    page.keyboard.press("e")
    page.get_by_label("amount number").fill("99.5")
    page.keyboard.press("Enter")
    expect(page.locator("#changes-0-0 .change")).to_have_count(1)
    assert page.url.endswith(path_of(interrupt))
    assert not Decision.objects.exists()


def test_an_edit_that_cannot_be_used_leads_to_its_field(
    visit: Visit, alice: User, expected_complaints: list[str]
) -> None:
    expected_complaints.append("status of 422")
    page = visit(alice, path_of(make_order_review()))
    page.keyboard.press("e")
    page.get_by_label("amount number").fill("12o")
    expect(page.locator("#changes-0-0")).to_contain_text("Not a value yet")
    page.get_by_role("button", name="Approve order as edited").click()
    expect(page.locator("#errors")).to_be_focused()
    page.get_by_role("link", name="Must be a number").click()
    expect(page.get_by_label("amount number")).to_have_value("12o")
    expect(page.get_by_label("amount number")).to_have_attribute("aria-invalid", "true")
    assert not Decision.objects.exists()


def test_everything_works_without_script(visit: Visit, alice: User) -> None:
    interrupt = make_order_review()
    page = visit(alice, path_of(interrupt), java_script_enabled=False)
    page.get_by_role("button", name="Edit arguments").click()
    page.get_by_role("button", name="Add an item (lines)").click()
    page.get_by_label("sku text").nth(1).fill("SHIPPING")
    page.get_by_label("amount number").nth(1).fill("10")
    page.get_by_role("button", name="Show the change").click()
    expect(page.locator("#changes-0-0 .change")).to_have_count(1)
    page.get_by_role("button", name="Approve order as edited").click()
    expect(page.locator("#interrupt-state")).to_contain_text("alice edited order")
    lines = sent(interrupt)["edited_action"]["args"]["lines"]
    assert lines == [{"sku": "ARC-40", "amount": 119.0}, {"sku": "SHIPPING", "amount": 10}]


def test_the_bar_stays_in_view_and_nothing_sticks_out(visit: Visit, alice: User) -> None:
    args: Arguments = {**REFUND, "body": "x" * 4000, "path": "/very/long/" + "segment/" * 40}
    page = visit(alice, path_of(make_interrupt(tool_review(("refund", args)))))
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        approve = page.get_by_role("button", name="Approve refund", exact=True)
        reject = page.get_by_role("button", name="Reject refund")
        expect(approve).to_be_in_viewport(ratio=1)
        expect(reject).to_be_in_viewport(ratio=1)
        assert page.locator("html").evaluate("root => root.scrollWidth") <= width
        one, other = approve.bounding_box(), reject.bounding_box()
        assert one is not None
        assert other is not None
        beside = other["x"] - one["x"] - one["width"]
        below = other["y"] - one["y"] - one["height"]
        assert max(beside, below) >= 8
