"""Every other value an agent may stop with: shown as it is, answered in text or JSON.

Source: none. LangGraph lets `interrupt` carry any value, and what the agent reads is its own
affair.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews import raw_json
from agents.reviews.dialects import questions
from agents.reviews.headline import headline_of_value
from agents.reviews.request import (
    Action,
    ActionDecision,
    AnswerShape,
    DecisionType,
    Pause,
    Request,
)
from agents.reviews.storable import MAX_DEPTH, is_too_deep
from reviewconsole.protocol.plain import Plain

NAME = "raw"

_SHAPES = (AnswerShape.TEXT, AnswerShape.DATA, AnswerShape.JSON)
_NOTE = "The console knows no form for this shape. The agent receives exactly what you answer."

_UNSHOWN = "a value that cannot be shown"
_TOO_DEEP = f"It is nested more than {MAX_DEPTH} levels deep, which the console cannot show."


def read(pause: Pause) -> Request:
    """Read anything; the value itself, as JSON, is the question."""
    if is_too_deep(pause.value):
        question, headline, note = (_UNSHOWN, _UNSHOWN, _TOO_DEEP)
    else:
        question = raw_json.dump(pause.value)
        headline, note = headline_of_value(pause.value), _NOTE
    action = Action("question", allowed=(DecisionType.RESPOND,))
    return Request(NAME, (action,), headline, pause.value, question, _SHAPES, note=note)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Wrap the one answer as for any question."""
    return questions.resume(request, decisions)
