"""A call that may have run: the console's own question about one that began and has no known end.

The runner asks it in place of running the call again, in the form of `per_call` with `doubt` beside
`"gate": "console"`: what the effect journal knows of the call. An agent could write such a question
itself, so the journal is asked before it is read as one (`services.effects.tells`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from agents.reviews.dialects import per_call
from agents.reviews.headline import headline_of_calls
from agents.reviews.request import (
    ActionDecision,
    AnswerShape,
    DecisionType,
    Doubt,
    DoubtKind,
    Pause,
    Request,
)
from reviewconsole.protocol.plain import Plain

NAME = "in_doubt"

_DECISIONS = (DecisionType.APPROVE, DecisionType.RESPOND, DecisionType.REJECT)
_MAYBE = "May have run:"


def read(pause: Pause) -> Request | None:
    """Read what `per_call` reads, with a doubt of the console's own form that is true."""
    match pause.value:
        case {"doubt": dict(told)} if pause.is_doubted:
            doubt, request = _doubt(told), per_call.read(pause)
        case _:
            return None
    if doubt is None or request is None:
        return None
    (action,) = request.actions
    allowed = tuple(kind for kind in _DECISIONS if kind in action.allowed)
    actions = (replace(action, allowed=allowed, doubt=doubt),)
    headline = f"{_MAYBE} {headline_of_calls(actions)}"
    return replace(request, dialect=NAME, actions=actions, headline=headline, note="")


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Write the one decision: `approve` runs the call again, `respond` gives its result."""
    (decision,) = decisions
    match decision.type:
        case DecisionType.APPROVE:
            return {"type": "approve"}
        case DecisionType.RESPOND if decision.shape is AnswerShape.JSON:
            return {"type": "respond", "message": decision.answer}
        case DecisionType.RESPOND:
            return {"type": "respond", "message": decision.message}
        case DecisionType.REJECT if not decision.message:
            return {"type": "reject"}
        case DecisionType.REJECT:
            return {"type": "reject", "message": decision.message}
        case DecisionType.EDIT | DecisionType.SKIP | DecisionType.WRITE:
            raise AssertionError(f"a call in doubt never allows {decision.type}")
    assert_never(decision.type)


def _doubt(told: dict[object, Plain]) -> Doubt | None:
    match told:
        case {
            "effect": int(effect), "started_at": str(started), "runner": str(runner),
            "what": "no_end" | "failed" | "no_result" as what, "error": str(error),
        }:  # fmt: skip
            try:
                began = datetime.fromisoformat(started)
            except ValueError:
                return None
            return Doubt(effect, began, runner, DoubtKind(what), error)
        case _:
            return None
