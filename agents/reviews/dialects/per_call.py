"""One tool call, one pause: LangChain's `interrupt_mode="per_call"`, and the console's own gate.

Source: `langchain.agents.middleware.human_in_the_loop` (langchain 1.4), `ToolApprovalRequest` in
and one `Decision` out. What may be decided, and by which schema arguments are edited, stands in the
interrupt's own response schema: one branch for each decision, told apart by `type`. The runner
writes the same for a tool that an admin marked, with `"gate": "console"` beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents.reviews import schemas
from agents.reviews.calls import call_action
from agents.reviews.dialects import middleware
from agents.reviews.headline import headline_of_calls
from agents.reviews.request import ActionDecision, Pause, Request, Schema
from agents.reviews.schema_references import resolve
from reviewconsole.protocol.plain import Plain

NAME = "per_call"

_HELD = "Held by this console: an admin set the tool to be reviewed, whatever the agent says."
_SENT = {  # what an answer of each type holds besides `type`
    "approve": set(),
    "edit": {"edited_action"},
    "reject": {"message"},
    "respond": {"message"},
}


def read(pause: Pause) -> Request | None:
    """Read a `ToolApprovalRequest` whose response schema allows decisions the console knows."""
    match pause.value, pause.response_schema:
        case (
            {
                "type": "tool_approval",
                "tool_call_id": str() | None as call_id,
                "name": str(name),
                "args": dict(args),
                **rest,
            },
            dict(schema),
        ):
            branches = dict(_branches(schema))
        case _:
            return None
    edited = _properties(_properties(branches.get("edit"), schema).get("edited_action"), schema)
    if not branches or _mapping(edited.get("name"), schema).get("const", name) != name:
        return None
    description = rest.get("description")
    action = call_action(
        name,
        args,
        tools=pause.tools,
        allowed=tuple(kind for kind in middleware.DECISIONS if kind in branches),
        description=description if isinstance(description, str) else "",
        call_id=call_id,
    )
    if _properties(edited.get("args"), schema):  # LangChain says "any object" of an unknown tool
        args_schema, problem = schemas.part(schema, edited["args"])
        action = replace(action, args_schema=args_schema, schema_problem=problem)
    usable = None if schemas.problem(schema) else schema
    headline = headline_of_calls([action])
    note = _HELD if rest.get("gate") == "console" and "doubt" not in rest else ""
    return Request(NAME, (action,), headline, pause.value, response_schema=usable, note=note)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Write the one decision."""
    (decision,) = decisions
    return middleware.decision_of(request.actions[0], decision)


def _branches(schema: Schema) -> Iterator[tuple[str, Plain]]:
    """The decisions of a response schema that the console can write, by type."""
    listed = schema.get("oneOf")
    for branch in listed if isinstance(listed, list) else [schema]:
        match _mapping(branch, schema):
            case {"properties": {"type": {"const": str(kind)}}, "required": list(required)}:
                if kind in _SENT and set(map(str, required)) <= {"type", *_SENT[kind]}:
                    yield kind, branch


def _properties(part: Plain, root: Schema) -> Mapping[Any, Any]:
    return _mapping(_mapping(part, root).get("properties"), root)


def _mapping(part: Plain, root: Schema) -> Mapping[Any, Any]:
    """A part of the schema, its reference followed; empty for what is none."""
    if isinstance(part, dict) and isinstance(reference := part.get("$ref"), str):
        part = resolve(reference, root)
    return part if isinstance(part, dict) else {}
