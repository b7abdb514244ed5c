"""Tool settings: what admins say about the tools of an agent, each change kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q, QuerySet

from agents import push, roles
from agents.exceptions import InvalidInput, NotAllowed, NotFound
from agents.models import Agent, Gate, Run, ToolSetting
from agents.prepared import Asked, Each, Prepared
from agents.services.column_text import column_text

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_NAME = 255


@transaction.atomic
def set_gate(*, agent: int, tool: str, gate: Gate, user: User) -> ToolSetting:
    """Say what happens when this agent calls this tool, from its next call on.

    The tool need not be one the console has heard of. Saying again what is in force changes
    nothing, and returns the setting that stands.

    Raises:
        NotAllowed: the person may not.
        NotFound: there is no such agent.
        InvalidInput: the name is empty, too long, or no text a database takes; `errors` has `tool`.
    """
    if not user.has_perm(roles.GATE):
        raise NotAllowed(
            "Setting which tools are reviewed or blocked is for admins; ask an admin for that role."
        )
    found, name = _locked(agent, tool)
    current = of_tool(agent=found, tool=name)
    if current is not None and current.gate == gate:
        return current
    is_idempotent = current is not None and current.is_idempotent
    return _set(found, name, gate, is_idempotent, user)


@transaction.atomic
def set_idempotent(*, agent: int, tool: str, is_idempotent: bool, user: User) -> ToolSetting:
    """Say whether a call of this tool that may have run just runs again, from its next call on.

    Saying again what is in force changes nothing, and returns the setting that stands. A tool that
    nobody set keeps what the agent's default says of it now.

    Raises:
        NotAllowed, NotFound, InvalidInput: as `set_gate`.
    """
    if not user.has_perm(roles.GATE):
        raise NotAllowed("Saying which tools may run twice is for admins; ask an admin.")
    found, name = _locked(agent, tool)
    current = of_tool(agent=found, tool=name)
    if current is not None and current.is_idempotent == is_idempotent:
        return current
    gate = Gate(current.gate if current is not None else found.tool_default)
    return _set(found, name, gate, is_idempotent, user)


def _locked(agent: int, tool: str) -> tuple[Agent, str]:
    """The agent, and the tool's name as it is kept. Two admins at once queue up here.

    So each history is one line.
    """
    found = Agent.objects.select_for_update().defer("spec").filter(pk=agent).first()
    if found is None:
        raise NotFound(f"There is no agent {agent}.")
    name = tool.strip()
    if not name or column_text(name, LONGEST_NAME) != name:
        reason = f"Give the tool's name, of at most {LONGEST_NAME} characters."
        raise InvalidInput(f"No tool is called {tool[:40]!r}. {reason}", {"tool": reason})
    return found, name


def _set(agent: Agent, tool: str, gate: Gate, is_idempotent: bool, user: User) -> ToolSetting:
    made = ToolSetting.objects.create(
        agent=agent, tool=tool, gate=gate, is_idempotent=is_idempotent, set_by=user
    )
    push.changed(f"agent.{agent.pk}", "agents")
    push.wake_runners()  # one that cannot hold calls may have its runs again
    return made


def of_tool(*, agent: Agent, tool: str) -> ToolSetting | None:
    """The setting of a tool that is in force; None: nobody set one. One query."""
    settings = ToolSetting.objects.select_related("set_by")
    return settings.filter(agent=agent, tool=tool).order_by("-pk").first()


def of_tools(*, runs: Collection[int], tools: Collection[str]) -> Asked[ToolSetting]:
    """The query for all that was ever set of these tools, by the agents of these runs.

    Oldest first; see `by_tool`.
    """
    return _OF_TOOLS.given(runs=runs, tools=tools)


def by_tool(rows: Iterable[ToolSetting]) -> dict[tuple[int, str], ToolSetting]:
    """The settings in force, each named by its agent's key and its tool; `rows` oldest first.

    Tools that nobody set are missing.
    """
    return {(row.agent_id, row.tool): row for row in rows}


def _of_tools() -> QuerySet[ToolSetting]:
    agents = Run.objects.filter(pk__any=Each("runs", int)).order_by().values("thread__agent")
    rows = ToolSetting.objects.filter(agent__any=agents, tool__any=Each("tools", str))
    return rows.select_related("set_by").order_by("pk")


_OF_TOOLS = Prepared(_of_tools)


def gates(agent: Agent) -> dict[str, ToolSetting]:
    """The settings in force, by tool. One query."""
    newest = ToolSetting.objects.filter(agent=agent).in_force().select_related("set_by")
    return {setting.tool: setting for setting in newest.order_by("tool")}


def gated() -> QuerySet[Agent]:
    """The agents with calls to hold or refuse."""
    strict = ToolSetting.objects.strict().values("agent")
    return Agent.objects.filter(~Q(tool_default=Gate.AGENT) | Q(pk__in=strict))
