"""The arguments of tools: which a model gives, which LangGraph injects, and their schema."""

from __future__ import annotations

from typing import Any

from langchain_core.tools import BaseTool, Tool
from pydantic import BaseModel

_TRACED_NEVER = ("run_manager", "callbacks")
"""Names that LangChain hides from tracing in any tool; of a tool's own they are arguments."""


def public(tool: BaseTool, given: Any) -> dict[str, Any]:
    """The arguments without those that are injected (state, store, runtime, call id).

    Text that is given in place of arguments stands for the only one.
    """
    if not isinstance(given, dict):
        return {next(iter(tool.args), "tool_input"): given}
    kept = {*tool._filter_injected_args(given), *_TRACED_NEVER} - tool._injected_args_keys
    return {name: value for name, value in given.items() if name in kept}


def replaced(given: Any, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What was given, with other public arguments; what was injected stays."""
    given = given if isinstance(given, dict) else {}
    return {name: value for name, value in given.items() if name not in before} | after


def model(tool: BaseTool) -> type[BaseModel] | None:
    """The pydantic model of the arguments a model may give; None where only a schema tells."""
    schema = None if _takes_text(tool) else tool.tool_call_schema
    return schema if isinstance(schema, type) and issubclass(schema, BaseModel) else None


def schema(tool: BaseTool) -> dict[str, Any]:
    """The JSON schema of the arguments a model may give."""
    if _takes_text(tool):
        return {"type": "object", "properties": tool.args, "required": list(tool.args)}
    described: Any = tool.tool_call_schema
    if isinstance(described, dict):
        return described
    told: dict[str, Any] = (
        described.model_json_schema() if issubclass(described, BaseModel) else described.schema()
    )
    return told


def _takes_text(tool: BaseTool) -> bool:
    """Whether it is LangChain's oldest kind, whose schema shows its inside."""
    return isinstance(tool, Tool) and tool.args_schema is None
