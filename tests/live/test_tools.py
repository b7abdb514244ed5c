"""The tools of an agent as its page shows them, and why runs of a gated agent may wait."""

from __future__ import annotations

from typing import Any

import pytest

from agents.live.tools import tools_of, why_unheld
from agents.models import Agent, Gate, Run, Runner
from agents.services import runners, tool_settings
from tests.factories import make_agent, make_hello, make_token, start_run


def connect(instance: str, reason: str | None = None) -> Runner:
    """A runner of the agent, which can hold calls or says why not."""
    token, _secret = make_token(instance)
    hello = make_hello(instance, cannot_gate=reason)
    return runners.connect(token=token, hello=hello, channel="")[0]


def shown(agent: Agent, *online: Runner) -> dict[str, Any]:
    view = tools_of(agent, online, may_gate=True)
    return {tool.name: (tool.gate, tool.nodes) for tool in view.tools}


def test_tools_of_the_graph_and_those_that_only_an_admin_named(ada):
    agent = make_agent()
    tool_settings.set_gate(agent=agent.pk, tool="wire_money", gate=Gate.NEVER, user=ada)
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.ALWAYS, user=ada)
    assert shown(agent) == {
        "send_email": ("agent", ["tools"]),
        "refund": ("always", ["tools"]),
        "wire_money": ("never", []),
    }


def test_a_tool_of_two_nodes_is_one_tool(db):
    (tool,) = make_agent().tools[:1]
    agent = make_agent("double", tools=[tool, {**tool, "node": "sub:tools"}])
    assert shown(agent) == {"send_email": ("agent", ["tools", "sub:tools"])}


def test_the_history_is_newest_first(ada):
    agent = make_agent()
    for gate in Gate:
        tool_settings.set_gate(agent=agent.pk, tool="refund", gate=gate, user=ada)
    view = tools_of(agent, [], may_gate=True)
    (refund,) = (tool for tool in view.tools if tool.name == "refund")
    assert [setting.gate for setting in refund.history] == ["never", "always", "agent"]
    assert refund.setting == refund.history[0]


def test_a_tool_that_nobody_set_has_the_default_of_its_agent(db):
    agent = make_agent()
    agent.tool_default = Gate.ALWAYS
    assert shown(agent)["refund"] == ("always", ["tools"])
    assert tools_of(agent, [], may_gate=False).is_gated


@pytest.mark.parametrize("gate", Gate)
def test_runners_that_cannot_hold_calls_are_named(gate, ada):
    agent = make_agent()
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=gate, user=ada)
    deaf, able = connect("old", "too old"), connect("new")
    view = tools_of(agent, [deaf, able], may_gate=True)
    assert (view.deaf, view.is_gated) == ([deaf], gate != Gate.AGENT)


def test_why_nobody_may_run_a_gated_agent(ada):
    agent = make_agent()
    deaf, able = connect("old", "its langchain-core is too old"), connect("new")
    assert why_unheld(agent, [deaf], None) == ""
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.NEVER, user=ada)
    assert why_unheld(agent, [deaf], None) == "its langchain-core is too old"
    assert why_unheld(agent, [deaf, able], None) == ""
    assert why_unheld(agent, [], None) == ""
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.AGENT, user=ada)
    assert why_unheld(agent, [deaf], None) == ""
    run = start_run()
    assert why_unheld(agent, [deaf], run) == ""
    back = Run.objects.create(thread=run.thread, trigger="replay", status="waiting")
    assert why_unheld(agent, [deaf], back) == "its langchain-core is too old"
