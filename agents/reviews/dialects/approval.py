"""A tool that asks before it acts: `interrupt({"action": …, "args": …, "message": …})`.

Source: the approval pattern of LangGraph's human-in-the-loop guides, a custom rather than a
format: the tool goes on when the answer's `approved` is true. It would ignore an edit and never see
a reason, so neither is offered; and as another agent may read another answer, the request says that
this one is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews.calls import call_action
from agents.reviews.headline import headline_of_calls
from agents.reviews.request import ActionDecision, DecisionType, Pause, Request
from reviewconsole.protocol.plain import Plain

NAME = "approval"

_ALLOWED = (DecisionType.APPROVE, DecisionType.REJECT)
_NOTE = (
    'The agent does not say which answer it reads. It receives {"approved": true} or '
    '{"approved": false}, as is usual for this kind of question.'
)


def read(pause: Pause) -> Request | None:
    """Read exactly these three keys, with the id of the call or without."""
    match pause.value:
        case _ if pause.response_schema is not None:
            return None  # what the agent reads is said there
        case {"action": str(name), "args": dict(args), "message": str(message), **rest} if name:
            call_id = rest.pop("tool_call_id", None)
        case _:
            return None
    if rest or not isinstance(call_id, str | None):
        return None
    action = call_action(
        name,
        args,
        tools=pause.tools,
        allowed=_ALLOWED,
        description=message,
        call_id=call_id,
        takes_reason=False,
    )
    headline = headline_of_calls([action])
    return Request(NAME, (action,), headline, pause.value, note=_NOTE, guessed=True)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Say whether it was approved."""
    (decision,) = decisions
    return {"approved": decision.type is DecisionType.APPROVE}
