"""The tools on the page of an agent: what admins set, what others see, what a thread says."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import CallVerdict, Gate, Runner, ToolSetting, Violation
from agents.services import runners, tool_settings
from tests.factories import (
    decide,
    make_agent,
    make_hello,
    make_interrupt,
    make_token,
    start_run,
    tool_review,
)

DEAF = "its langchain-core is too old"


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    """Ada, signed in."""
    client.force_login(ada)
    return client


def pressed(page: str) -> list[tuple[str, str]]:
    """The gates that are in force by the page's buttons: (tool, gate)."""
    found = re.findall(r'<button class="segment"[^>]* name="(\w+)" value="([^"]*)"[^>]*>', page)
    states = re.findall(r'aria-pressed="(\w+)"', page)
    return [
        (tool, gate) for (gate, tool), state in zip(found, states, strict=True) if state == "true"
    ]


def connect_deaf() -> None:
    token, _secret = make_token("old")
    runners.connect(token=token, hello=make_hello("old", cannot_gate=DEAF), channel="")


def test_a_button_sets_the_gate_and_the_page_shows_it(admin, ada):
    make_agent()
    answer = admin.post("/tools/operations/", {"always": "refund"})
    assert (answer.status_code, answer["Location"]) == (302, "/agents/operations/#tools-title")
    (setting,) = ToolSetting.objects.all()
    assert (setting.tool, setting.gate, setting.set_by) == ("refund", "always", ada)
    page = admin.get("/agents/operations/").text
    assert pressed(page) == [("send_email", "agent"), ("refund", "always")]
    assert "Set by ada" in page


def test_a_tool_that_the_console_cannot_see_is_set_by_its_name(admin):
    make_agent()
    admin.post("/tools/operations/", {"tool": " wire_money ", "never": ""})
    page = admin.get("/agents/operations/").text
    assert pressed(page)[-1] == ("wire_money", "never")
    assert "The runner did not find this tool in the graph." in page


def test_a_name_that_is_too_long_says_so_and_sets_nothing(admin):
    make_agent()
    answer = admin.post("/tools/operations/", {"tool": "n" * 300, "never": ""}, follow=True)
    assert "of at most 255 characters" in answer.text
    assert not ToolSetting.objects.exists()


def test_a_form_without_a_gate_is_not_found(admin):
    make_agent()
    assert admin.post("/tools/operations/", {"tool": "refund"}).status_code == 404
    assert admin.post("/tools/nobody/", {"always": "refund"}).status_code == 404


def test_an_agent_whose_name_has_slashes(admin):
    agent = make_agent("team/tools")
    admin.post("/tools/team/tools/", {"always": "refund"})
    assert set(tool_settings.gates(agent)) == {"refund"}
    assert admin.get("/agents/team/tools/").status_code == 200


def test_others_see_the_setting_and_no_button(client, alice, ada):
    agent = make_agent()
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.NEVER, user=ada)
    client.force_login(alice)
    page = client.get("/agents/operations/").text
    assert 'aria-pressed="' not in page
    assert re.findall(r'data-gate="(\w+)" aria-current', page) == ["agent", "never"]
    assert "Set another tool" not in page
    assert client.post("/tools/operations/", {"always": "refund"}).status_code == 403


def test_a_default_that_nobody_set_says_so(admin):
    agent = make_agent()
    agent.tool_default = Gate.ALWAYS
    agent.save()
    page = admin.get("/agents/operations/").text
    assert pressed(page) == [("send_email", "always"), ("refund", "always")]
    assert page.count("Nobody set it: the default of the console") == 2


def test_the_history_tells_every_change(admin, ada):
    agent = make_agent()
    for gate in (Gate.ALWAYS, Gate.NEVER):
        tool_settings.set_gate(agent=agent.pk, tool="refund", gate=gate, user=ada)
    page = admin.get("/agents/operations/").text
    (history,) = re.findall(r'aria-label="History">(.*?)</ol>', page, re.DOTALL)
    assert re.findall(r"<li>([\w ]+) <span", history) == ["Never", "Always review"]


def test_a_tool_that_looks_like_another_is_flagged(admin, ada):
    agent = make_agent()
    tool_settings.set_gate(agent=agent.pk, tool="Send-Email", gate=Gate.NEVER, user=ada)
    assert "looks like send_email, which is another tool" in admin.get("/agents/operations/").text


@pytest.mark.parametrize(
    ("gate", "consequence"),
    [
        (Gate.AGENT, "It would get no runs of this agent if a tool were reviewed or blocked here."),
        (Gate.NEVER, "It gets no runs of this agent while any tool here is reviewed or blocked."),
    ],
)
def test_a_runner_that_cannot_hold_calls_is_named(gate, consequence, admin, ada):
    agent = make_agent()
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=gate, user=ada)
    connect_deaf()
    page = admin.get("/agents/operations/").text
    assert "cannot hold tool calls:" in page
    assert DEAF in page
    assert consequence in page


def test_a_run_that_waits_for_a_runner_that_can_hold_calls_says_so(admin, ada):
    run = start_run()
    connect_deaf()
    tool_settings.set_gate(agent=run.thread.agent_id, tool="refund", gate=Gate.ALWAYS, user=ada)
    page = admin.get(f"/threads/{run.thread_id}/").text
    told = re.sub(r"<[^>]*>|\s+", " ", page)
    assert f"Run {run.pk} waits: no connected runner can hold tool calls ( {DEAF} )" in told


def test_a_decision_that_waits_for_such_a_runner_says_so(admin, alice, ada):
    asked = make_interrupt()
    Runner.objects.update(cannot_gate=DEAF)
    tool_settings.set_gate(agent=asked.thread.agent_id, tool="refund", gate=Gate.ALWAYS, user=ada)
    decide(asked, alice)
    page = admin.get(f"/interrupts/{asked.pk}/").text
    told = re.sub(r"<[^>]*>|\s+", " ", page)
    assert f"It waits: no connected runner can hold tool calls ( {DEAF} )" in told


def test_a_violation_stands_on_the_page_of_its_thread(admin, alice):
    asked = make_interrupt(tool_review(("refund", {"amount": 120})))
    decision = decide(asked, alice)
    assert decision.run is not None
    verdict = CallVerdict.objects.create(
        decision=decision, thread=asked.thread, call_id="c1", tool="refund", type="reject"
    )
    message = "alice rejected this call of refund. The tool was not executed."
    Violation.objects.create(
        run=decision.run, verdict=verdict, tool="refund", args={"amount": 120}, message=message
    )
    page = admin.get(f"/threads/{asked.thread_id}/").text
    (violation,) = re.findall(r'class="banner violation".*?</details>', page, re.DOTALL)
    assert message in violation
    assert f'href="/interrupts/{asked.pk}/"' in violation
    assert "&quot;amount&quot;: 120" in violation


def test_an_admin_says_which_tools_may_run_twice(admin, ada):
    make_agent()
    tool_settings.set_gate(agent=make_agent().pk, tool="refund", gate=Gate.ALWAYS, user=ada)
    page = admin.get("/agents/operations/").text
    assert 'name="may_run_twice" value="refund"' in page
    admin.post("/tools/operations/", {"may_run_twice": "refund"})
    setting = ToolSetting.objects.latest("pk")
    assert (setting.gate, setting.is_idempotent, setting.set_by) == ("always", True, ada)
    page = admin.get("/agents/operations/").text
    assert 'name="ask_in_doubt" value="refund"' in page
    assert "May run twice: a call that may have run just runs again." in page
    admin.post("/tools/operations/", {"always": "refund", "ask_in_doubt": ""})
    admin.post("/tools/operations/", {"ask_in_doubt": "refund"})
    assert not ToolSetting.objects.latest("pk").is_idempotent


def test_what_the_author_says_of_a_tool_is_told(admin):
    tools = [{"name": "look_up", "description": "", "args_schema": None, "is_idempotent": True}]
    make_agent(tools=tools)
    page = admin.get("/agents/operations/").text
    assert "May run twice, its author says" in page
    assert 'value="look_up"' in page
    assert "may_run_twice" not in page
