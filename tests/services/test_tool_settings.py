"""Tool settings: who may set a gate, what is in force, and who is given runs then."""

from __future__ import annotations

from typing import Any

import pytest

from agents.exceptions import InvalidInput, NotAllowed, NotFound
from agents.models import Gate, ToolSetting
from agents.services import runners, runs, tool_settings
from tests.factories import AGENT, connect_runner, make_agent, make_hello, make_token, start_run
from tests.services.test_told import WAKE, told


def test_the_newest_setting_of_a_tool_is_in_force_and_the_others_stay(ada):
    agent = make_agent()
    tools = ("refund", "send_email", "refund")
    for tool, gate in zip(tools, (Gate.ALWAYS, Gate.ALWAYS, Gate.NEVER), strict=True):
        made = tool_settings.set_gate(agent=agent.pk, tool=tool, gate=gate, user=ada)
        assert (made.tool, made.gate, made.set_by) == (tool, gate, ada)
    in_force = tool_settings.gates(agent)
    assert {tool: setting.gate for tool, setting in in_force.items()} == {
        "refund": "never",
        "send_email": "always",
    }
    assert ToolSetting.objects.filter(tool="refund").count() == 2


def test_settings_of_two_agents_are_apart(ada):
    first, second = make_agent("one"), make_agent("two")
    tool_settings.set_gate(agent=first.pk, tool="refund", gate=Gate.NEVER, user=ada)
    assert tool_settings.gates(second) == {}


def test_saying_again_what_is_in_force_changes_nothing(ada):
    agent = make_agent()
    first = tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.ALWAYS, user=ada)
    again = tool_settings.set_gate(agent=agent.pk, tool=" refund ", gate=Gate.ALWAYS, user=ada)
    assert again == first
    assert list(ToolSetting.objects.all()) == [first]


@pytest.mark.parametrize("name", ["alice", "olga", "mallory"])
def test_only_admins_may(name, request):
    user = request.getfixturevalue(name)
    with pytest.raises(NotAllowed, match="is for admins; ask an admin for that role"):
        tool_settings.set_gate(agent=make_agent().pk, tool="refund", gate=Gate.NEVER, user=user)


@pytest.mark.parametrize("tool", ["", "  ", "n" * 256, "re\0fund", "\ud800"])
def test_a_name_that_no_tool_can_have(tool, ada):
    with pytest.raises(InvalidInput) as refused:
        tool_settings.set_gate(agent=make_agent().pk, tool=tool, gate=Gate.NEVER, user=ada)
    assert refused.value.errors == {"tool": "Give the tool's name, of at most 255 characters."}


def test_an_unknown_agent(ada):
    with pytest.raises(NotFound, match=r"There is no agent 999\."):
        tool_settings.set_gate(agent=999, tool="refund", gate=Gate.NEVER, user=ada)


def connect(reason: str | None, instance: str = "old") -> Any:
    """A runner of the agent that cannot hold calls, for this reason."""
    token, _ = make_token(instance)
    hello = make_hello(instance, cannot_gate=reason)
    return runners.connect(token=token, hello=hello, channel="")[0]


def test_a_runner_that_cannot_hold_calls_gets_no_runs_of_a_gated_agent(ada):
    run = start_run()
    agent = run.thread.agent
    runner = connect("its langchain-core is too old")
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.ALWAYS, user=ada)
    assert runs.claim(runner=runner, agents=[AGENT], free=1) == ()
    tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.AGENT, user=ada)
    assert [each.lease.run for each in runs.claim(runner=runner, agents=[AGENT], free=1)] == [
        run.pk
    ]


def test_a_runner_that_can_hold_calls_gets_them(ada):
    run = start_run()
    tool_settings.set_gate(agent=run.thread.agent_id, tool="refund", gate=Gate.ALWAYS, user=ada)
    assert len(runs.claim(runner=connect_runner(), agents=[AGENT], free=1)) == 1


def test_a_default_that_holds_calls_counts_as_a_setting(db):
    run = start_run()
    run.thread.agent.tool_default = Gate.ALWAYS
    run.thread.agent.save()
    assert runs.claim(runner=connect("too old"), agents=[AGENT], free=1) == ()


@pytest.mark.parametrize("default", Gate)
def test_the_default_is_that_of_agents_which_connect_for_the_first_time(default, db, settings):
    known = connect_runner(agents=["known"]).agents.get()
    settings.TOOL_DEFAULT = default
    runner = connect_runner("second", agents=["known", "new"])
    assert runner.agents.get(name="new").tool_default == default
    known.refresh_from_db()
    assert known.tool_default == "agent"


def test_pages_and_runners_hear_of_a_change_and_of_nothing_else(
    ada, django_capture_on_commit_callbacks
):
    agent = make_agent()

    def block() -> None:
        tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.NEVER, user=ada)

    assert told(django_capture_on_commit_callbacks, block) == {"agent", "agents", WAKE}
    assert told(django_capture_on_commit_callbacks, block) == set()


def test_a_tool_may_run_twice_where_an_admin_says_so(ada, olga):
    agent = make_agent()
    which: Any = {"agent": agent.pk, "tool": "refund", "is_idempotent": True}
    with pytest.raises(NotAllowed):
        tool_settings.set_idempotent(user=olga, **which)
    made = tool_settings.set_idempotent(user=ada, **which)
    assert (made.gate, made.is_idempotent, made.set_by) == (Gate.AGENT, True, ada)
    assert tool_settings.set_idempotent(user=ada, **which) == made  # said again
    kept = tool_settings.set_gate(agent=agent.pk, tool="refund", gate=Gate.ALWAYS, user=ada)
    assert kept.is_idempotent
