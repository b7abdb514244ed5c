"""Static breakpoints: `interrupt_before` and `interrupt_after`, reported by our own runner.

Source: `docs/runner-protocol.md`. LangGraph leaves no trace of a breakpoint in a checkpointer, so
the runner reports `{"breakpoint": "before" | "after", "nodes": [next nodes], "tool_calls": [{"id",
"name", "args"}, …]}` and carries the decisions out: it goes on, updates the call in the state,
writes a tool message as the node, or leaves the node out. Where calls wait they are decided one by
one; a node that waits alone and calls no tools can be skipped, or a person does its work and writes
its values (the human input node of the guides).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from agents.reviews.calls import call_action
from agents.reviews.headline import headline_of_calls, shorten
from agents.reviews.request import Action, ActionDecision, DecisionType, Pause, Request, Tool
from agents.reviews.state_schema import write_schema
from agents.reviews.storable import is_too_deep
from reviewconsole.protocol.plain import Plain

NAME = "breakpoint"

_OF_A_NODE = (DecisionType.APPROVE, DecisionType.SKIP, DecisionType.WRITE)
_OF_A_CALL = (DecisionType.APPROVE, DecisionType.EDIT, DecisionType.REJECT)
_VERBS = {"before": "run", "after": "continue with"}
_UNREADABLE = (
    "This breakpoint came in a form the console cannot read, so nothing can be decided here. "
    "Check that the runner and the console have the same version."
)


def read(pause: Pause) -> Request | None:
    """Read a breakpoint: its calls, or its next nodes. An unreadable one allows nothing."""
    if pause.kind != "breakpoint":
        return None
    match pause.value:
        case value if is_too_deep(value):
            pass
        case {"breakpoint": "before" | "after" as when, "nodes": list(nodes), "tool_calls": []}:
            if all(isinstance(node, str) for node in nodes):
                return _of_nodes(pause, when, list(map(str, nodes)))
        case {"breakpoint": "before" | "after", "nodes": list(), "tool_calls": list(calls)}:
            actions = tuple(filter(None, (_action(call, pause.tools) for call in calls)))
            if len(actions) == len(calls) == len({action.call_id for action in actions}):
                return Request(NAME, actions, headline_of_calls(actions), pause.value)
    return Request(
        NAME, (Action("breakpoint"),), "unreadable breakpoint", pause.value, note=_UNREADABLE
    )


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Write the decisions by call id; a breakpoint without calls is passed with no calls."""
    match decisions:
        case [ActionDecision(DecisionType.SKIP)]:
            return None
        case [ActionDecision(DecisionType.WRITE, args=values)]:
            return values
    pairs = zip(request.actions, decisions, strict=True)
    return {"calls": [_call(a.call_id, d) for a, d in pairs if a.call_id is not None]}


def _of_nodes(pause: Pause, when: str, nodes: Sequence[str]) -> Request:
    listed = ", ".join(nodes)
    headline = shorten(f"{_VERBS[when]} {listed}" if listed else "go on")
    action = Action(listed or "breakpoint", allowed=(DecisionType.APPROVE,))
    if len(nodes) == 1:
        schema = write_schema(pause.state_schema)
        action = replace(action, allowed=_OF_A_NODE, write_schema=schema)
    return Request(NAME, (action,), headline, pause.value)


def _action(call: Plain, tools: Sequence[Tool]) -> Action | None:
    match call:
        case {"id": str(call_id), "name": str(name), "args": dict(args)}:
            return call_action(name, args, tools=tools, allowed=_OF_A_CALL, call_id=call_id)
    return None


def _call(call_id: str, decision: ActionDecision) -> Plain:
    match decision.type:
        case DecisionType.APPROVE:
            return {"id": call_id, "type": "approve"}
        case DecisionType.EDIT:
            return {"id": call_id, "type": "edit", "args": decision.args}
        case DecisionType.REJECT:
            return {"id": call_id, "type": "reject", "message": decision.message}
        case DecisionType.RESPOND | DecisionType.SKIP | DecisionType.WRITE:
            raise AssertionError(f"a call at a breakpoint never allows {decision.type}")
    assert_never(decision.type)
