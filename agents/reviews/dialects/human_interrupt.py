"""The older agent inbox: `HumanInterrupt`, a call with flags for what may be done.

Source: `langgraph.prebuilt.interrupt` (deprecated in langgraph 1.0), and LangChain's Agent Inbox,
which takes one request, a list of them, or either as a JSON text. The answer is a list in every
case: agents read `interrupt([request])[0]`. An ignored request tells the agent nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import assert_never

from agents.reviews.calls import call_action
from agents.reviews.headline import headline_of_calls
from agents.reviews.request import Action, ActionDecision, DecisionType, Pause, Request, Tool
from agents.reviews.storable import is_too_deep
from reviewconsole.protocol.plain import Plain

NAME = "human_interrupt"

_FLAGS = {
    "allow_accept": DecisionType.APPROVE,
    "allow_edit": DecisionType.EDIT,
    "allow_ignore": DecisionType.REJECT,
    "allow_respond": DecisionType.RESPOND,
}
_KEYS = {"action_request", "config", "description"}


def read(pause: Pause) -> Request | None:
    """Read one `HumanInterrupt`, several in a list, or the JSON text of either."""
    if pause.response_schema is not None:
        return None  # what the agent reads is said there
    requests = _requests(pause.value)
    actions = tuple(filter(None, (_action(request, pause.tools) for request in requests)))
    if not actions or len(actions) < len(requests):
        return None
    return Request(NAME, actions, headline_of_calls(actions), pause.value)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Write the decisions as a list of `HumanResponse`, one for each request."""
    pairs = zip(request.actions, decisions, strict=True)
    return [_response(action, decision) for action, decision in pairs]


def _requests(value: Plain) -> list[Plain]:
    match value:
        case str() if '"action_request"' in value:
            return _as_list(_parsed(value))
        case str():
            return []
    return _as_list(value)


def _as_list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else [value]


def _parsed(text: str) -> Plain:
    """The value of a JSON text, read as an agent's own `json.loads` would."""
    try:
        value: Plain = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if is_too_deep(value) else value


def _action(request: Plain, tools: Sequence[Tool]) -> Action | None:
    match request:
        case {
            "action_request": {"action": str(name), "args": dict(args), **others},
            "config": dict(config),
            **rest,
        } if not others and rest.keys() <= _KEYS:
            description = rest.get("description")
        case _:
            return None
    known = config.keys() <= _FLAGS.keys() and all(isinstance(v, bool) for v in config.values())
    allowed = tuple(kind for flag, kind in _FLAGS.items() if config.get(flag))
    if not (known and allowed and name and isinstance(description, str | None)):
        return None
    return call_action(
        name, args, tools=tools, allowed=allowed, description=description or "", takes_reason=False
    )


def _response(action: Action, decision: ActionDecision) -> Plain:
    match decision.type:
        case DecisionType.APPROVE:
            return {"type": "accept", "args": None}
        case DecisionType.EDIT:
            edited: Plain = {"action": action.name, "args": decision.args}
            return {"type": "edit", "args": edited}
        case DecisionType.REJECT:
            return {"type": "ignore", "args": None}
        case DecisionType.RESPOND:
            return {"type": "response", "args": decision.message}
        case DecisionType.SKIP | DecisionType.WRITE:
            raise AssertionError(f"a call never allows {decision.type}")
    assert_never(decision.type)
