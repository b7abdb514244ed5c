"""LangChain's human-in-the-loop middleware, batched: one pause for all gated calls of a turn.

Source: `langchain.agents.middleware.human_in_the_loop` (langchain 1.4), `HITLRequest` in and
`HITLResponse` out; deep agents' `interrupt_on` is the same. Decisions go by position, and the
middleware checks them only inside the node, where a wrong answer poisons the thread: everything it
would refuse is refused by `answers.answer` first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from agents.reviews.calls import call_action
from agents.reviews.headline import headline_of_calls
from agents.reviews.request import Action, ActionDecision, DecisionType, Pause, Request, Tool
from reviewconsole.protocol.plain import Plain

NAME = "middleware"
DECISIONS = (
    DecisionType.APPROVE,
    DecisionType.EDIT,
    DecisionType.REJECT,
    DecisionType.RESPOND,
)


def read(pause: Pause) -> Request | None:
    """Read an `HITLRequest`: every call named, with arguments and a review configuration."""
    match pause.value:
        case _ if pause.response_schema is not None:
            return None  # the middleware publishes none with this format
        case {"action_requests": [_, *_] as requests, "review_configs": list(configs)}:
            allowed = _allowed(configs)
            actions = [_action(request, allowed, pause.tools) for request in requests]
        case _:
            return None
    known = tuple(action for action in actions if action is not None)
    if len(known) < len(actions):
        return None
    return Request(NAME, known, headline_of_calls(known), pause.value)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Write the decisions as an `HITLResponse`, in the order of the calls."""
    pairs = zip(request.actions, decisions, strict=True)
    return {"decisions": [decision_of(action, decision) for action, decision in pairs]}


def _allowed(configs: Sequence[Plain]) -> dict[str, tuple[DecisionType, ...]]:
    """What each tool allows. Two configurations of one tool allow what both do."""
    allowed: dict[str, tuple[DecisionType, ...]] = {}
    for config in configs:
        match config:
            case {"action_name": str(name), "allowed_decisions": list(types)}:
                before = allowed.get(name, DECISIONS)
                allowed[name] = tuple(kind for kind in before if kind in types)
    return allowed


def _action(
    request: Plain, allowed: Mapping[str, tuple[DecisionType, ...]], tools: Sequence[Tool]
) -> Action | None:
    match request:
        case {"name": str(name), "args": dict(args), **rest} if allowed.get(name):
            description = rest.get("description")
            return call_action(
                name,
                args,
                tools=tools,
                allowed=allowed[name],
                description=description if isinstance(description, str) else "",
            )
    return None


def decision_of(action: Action, decision: ActionDecision) -> Plain:
    """Write one decision in LangChain's words."""
    match decision.type:
        case DecisionType.APPROVE:
            return {"type": "approve"}
        case DecisionType.EDIT:
            edited: Plain = {"name": action.name, "args": decision.args}
            return {"type": "edit", "edited_action": edited}
        case DecisionType.REJECT if not decision.message:
            return {"type": "reject"}  # without a message the agent is told not to try again
        case DecisionType.REJECT | DecisionType.RESPOND:
            return {"type": str(decision.type), "message": decision.message}
        case DecisionType.SKIP | DecisionType.WRITE:
            raise AssertionError(f"a call never allows {decision.type}")
    assert_never(decision.type)
