"""The tools of an agent: what the runner told of them, and what admins set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.models import Agent, Gate, Run, Runner, ToolSetting


@dataclass(slots=True)
class ToolView:
    """A tool as the agent's page shows it."""

    name: str
    gate: str
    nodes: list[str] = field(default_factory=list)  # none: no runner told of it
    description: str = ""
    args_schema: dict[str, Any] | None = None
    is_idempotent: bool = False  # its author says so: a call in doubt just runs again
    history: list[ToolSetting] = field(default_factory=list)  # newest first

    @property
    def setting(self) -> ToolSetting | None:
        """What is in force; None: nobody set it."""
        return self.history[0] if self.history else None

    @property
    def may_run_twice(self) -> bool:
        """Whether an admin says that a call in doubt just runs again."""
        return self.setting is not None and self.setting.is_idempotent


@dataclass(frozen=True, slots=True)
class ToolsView:
    """All tools of an agent, and whether its runners can hold their calls."""

    tools: Sequence[ToolView]
    gates: Sequence[tuple[str, str]]  # (value, words)
    may_gate: bool
    is_gated: bool  # some call is to be held or refused
    deaf: Sequence[Runner]  # online, and cannot hold calls


GATES = (
    (Gate.AGENT.value, "As the agent says"),
    (Gate.ALWAYS.value, "Always review"),
    (Gate.NEVER.value, "Never"),
)


def tools_of(agent: Agent, online: Iterable[Runner], *, may_gate: bool) -> ToolsView:
    """The tools that the runner found, and those that only admins named. One query."""
    tools: dict[str, ToolView] = {}
    for told in agent.tools:
        tool = tools.setdefault(told["name"], ToolView(told["name"], agent.tool_default))
        tool.description = tool.description or told.get("description") or ""
        tool.args_schema = tool.args_schema or told.get("args_schema")
        tool.is_idempotent = tool.is_idempotent or told.get("is_idempotent") is True
        tool.nodes.append(told.get("node") or "?")
    made = agent.tool_settings.select_related("set_by").order_by("-pk")
    for setting in made:
        tool = tools.setdefault(setting.tool, ToolView(setting.tool, agent.tool_default))
        tool.history.append(setting)
        tool.gate = tool.history[0].gate
    gates = {agent.tool_default, *(tool.gate for tool in tools.values())}
    return ToolsView(
        tools=list(tools.values()),
        gates=GATES,
        may_gate=may_gate,
        is_gated=gates != {Gate.AGENT.value},
        deaf=[runner for runner in online if runner.cannot_gate],
    )


def why_unheld(agent: Agent, online: Iterable[Runner], run: Run | None) -> str:
    """Why no runner that is online may take up a run whose calls are to be held; "" if one may.

    They are where a tool of the agent is gated, or where the run's thread has gone back. Also ""
    where no runner is online. At most two queries where none can hold calls.
    """
    reasons = [runner.cannot_gate for runner in online]
    if not reasons or not all(reasons):
        return ""
    is_gated = agent.tool_default != Gate.AGENT or agent.tool_settings.strict().exists()
    has_travelled = run is not None and Run.objects.filter(pk=run.pk).travelled().exists()
    return reasons[0] if is_gated or has_travelled else ""
