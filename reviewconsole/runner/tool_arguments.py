"""The arguments of tools: which a model gives, which LangGraph injects, and their schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from langchain_core.tools import BaseTool, InjectedToolCallId, Tool
from langgraph.prebuilt import InjectedState, InjectedStore, ToolRuntime
from pydantic import BaseModel

_TRACED_NEVER = ("run_manager", "callbacks")
"""Names that LangChain hides from tracing in any tool; of a tool's own they are arguments."""

_LANGGRAPHS = (InjectedState, InjectedStore, InjectedToolCallId, ToolRuntime)
"""What LangGraph injects. Other arguments, which an app injects, a model may have given."""


def public(tool: BaseTool, given: Any) -> dict[str, Any]:
    """The arguments without those that are injected, by LangGraph or by the app.

    Text that is given in place of arguments stands for the only one.
    """
    if not isinstance(given, dict):
        return {next(iter(tool.args), "tool_input"): given}
    kept = {*tool._filter_injected_args(given), *_TRACED_NEVER} - tool._injected_args_keys
    return {name: value for name, value in given.items() if name in kept}


def injected(tool: BaseTool, given: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The plain data among the arguments that an app may inject; `shown` are the `public` ones.

    `ToolNode` takes from a model's call what an app should inject. A node that calls the tool by
    hand does not, so it may be the model that gave it.
    """
    if not isinstance(given, dict):
        return {}
    hidden = {name: value for name, value in given.items() if name not in shown}
    hints = _hints(tool) if hidden else {}
    return {
        name: value
        for name, value in hidden.items()
        if _is_data(value) and not _is_langgraphs(hints.get(name))
    }


def hint(tool: BaseTool, name: str) -> Any:
    """The type of an argument, as the tool declares it."""
    return _hints(tool).get(name, Any)


def replaced(given: Any, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What was given, with other arguments in the place of those before; the rest stays."""
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


def _hints(tool: BaseTool) -> dict[str, Any]:
    function = getattr(tool, "func", None) or getattr(tool, "coroutine", None) or tool._run
    while isinstance(function, partial):
        function = function.func
    try:
        hints = get_type_hints(function, include_extras=True)
    except (AttributeError, NameError, TypeError):  # an object that is called; names of a closure
        hints = {}
    declared = tool.args_schema
    if isinstance(declared, type) and issubclass(declared, BaseModel):
        for name, field in declared.model_fields.items():
            kind, marks = field.annotation, field.metadata
            hints[name] = Annotated[kind, *marks] if marks else kind
    return hints


def _is_langgraphs(hint: Any) -> bool:
    kind = get_origin(hint) or hint  # of `ToolRuntime[Context, State]` the class
    if isinstance(hint, _LANGGRAPHS) or (isinstance(kind, type) and issubclass(kind, _LANGGRAPHS)):
        return True
    return any(map(_is_langgraphs, get_args(hint)))


def _is_data(value: Any) -> bool:
    """Whether it is what JSON can say, as all is that a model gives."""
    left, seen = [value], set()
    while left:
        item = left.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        match item:
            case dict() if all(isinstance(key, str) for key in item):
                left += item.values()
            case list():
                left += item
            case None | str() | int() | float():
                pass
            case _:
                return False
    return True
