"""Setting what happens to a tool's calls, in a real browser."""

from django.contrib.auth.models import User
from playwright.sync_api import expect

from agents.models import Gate, ToolSetting
from agents.services import tool_settings
from tests.chromium import Visit
from tests.factories import make_agent

PATH = "/agents/operations/"


def test_one_click_sets_a_tool_and_the_page_says_who_did(visit: Visit, ada: User) -> None:
    make_agent()
    page = visit(ada, PATH)
    refund = page.get_by_role("group", name="Calls of refund")
    refund.get_by_role("button", name="Always review").click()
    expect(refund.get_by_role("button", name="Always review", pressed=True)).to_be_visible()
    expect(page.locator(".tool", has_text="refund")).to_contain_text("Set by ada just now")
    setting = ToolSetting.objects.get()
    assert (setting.tool, setting.gate) == ("refund", Gate.ALWAYS)


def test_by_keys_on_a_telephone_without_script(visit: Visit, ada: User) -> None:
    make_agent()
    page = visit(ada, PATH, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    email = page.get_by_role("group", name="Calls of send_email")
    email.get_by_role("button", name="Never").focus()
    page.keyboard.press("Enter")
    expect(email.get_by_role("button", name="Never", pressed=True)).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_a_tool_that_only_the_agent_knows_is_set_by_its_name(visit: Visit, ada: User) -> None:
    make_agent()
    page = visit(ada, PATH)
    page.get_by_text("Set another tool, by its name").click()
    page.get_by_label("Name of the tool").fill("wire_money")
    page.locator(".tool-other").get_by_role("button", name="Never").click()
    wire = page.get_by_role("group", name="Calls of wire_money")
    expect(wire.get_by_role("button", name="Never", pressed=True)).to_be_visible()


def test_what_another_admin_sets_shows_and_leaves_an_open_tool_open(
    visit: Visit, ada: User
) -> None:
    agent = make_agent()
    page = visit(ada, PATH)
    refund = page.locator(".tool", has_text="refund")
    refund.get_by_text("Arguments").click()
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.NEVER, user=ada)
    expect(refund.get_by_role("button", name="Never", pressed=True)).to_be_visible()
    expect(refund.get_by_text("Runs in node")).to_be_visible()


def test_a_reviewer_reads_and_cannot_set(visit: Visit, alice: User, ada: User) -> None:
    agent = make_agent()
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.NEVER, user=ada)
    page = visit(alice, PATH)
    refund = page.locator(".tool", has_text="refund")
    expect(refund.locator("[aria-current]")).to_have_text("Never")
    expect(refund.get_by_role("button")).to_have_count(0)
