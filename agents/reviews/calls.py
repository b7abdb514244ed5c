"""A tool call as an action: its arguments, and the schema they are edited by."""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews import schemas
from agents.reviews.request import Action, Arguments, DecisionType, Schema, Tool


def call_action(
    name: str,
    args: Arguments,
    *,
    tools: Sequence[Tool],
    allowed: tuple[DecisionType, ...],
    description: str = "",
    call_id: str | None = None,
    takes_reason: bool = True,
) -> Action:
    """Make the action of one tool call, with its argument schema if the agent's tools tell one."""
    schema, problem = _args_schema(name, tools)
    return Action(
        name, args, description, schema, problem, allowed, call_id, takes_reason=takes_reason
    )


def _args_schema(name: str, tools: Sequence[Tool]) -> tuple[Schema | None, str]:
    found = [tool.args_schema for tool in tools if tool.name == name and tool.args_schema]
    if not found:
        return None, ""
    if any(schema != found[0] for schema in found):
        return None, f"The agent has several tools named {name}, with different arguments."
    problem = schemas.problem(found[0])
    return (None, problem) if problem else (found[0], "")
