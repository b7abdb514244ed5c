"""A question in words: `interrupt("…")` or `interrupt({"query": "…"})`.

Source: LangGraph's human-in-the-loop guide, and its tutorial chatbot, whose `human_assistance` tool
asks `{"query": …}` and reads `human_response["data"]`. What other agents read is not written down
anywhere, so the reviewer sees and chooses the shape that is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews.headline import shorten
from agents.reviews.request import (
    Action,
    ActionDecision,
    AnswerShape,
    DecisionType,
    Pause,
    Request,
)
from reviewconsole.protocol.plain import Plain

NAME = "question"

_PLAIN = (AnswerShape.TEXT, AnswerShape.DATA, AnswerShape.JSON)
_QUERY = (AnswerShape.DATA, AnswerShape.TEXT, AnswerShape.JSON)


def read(pause: Pause) -> Request | None:
    """Read a text, or a dict with the text under `query` or `question`."""
    match pause.value:
        case str(question):
            shapes = _PLAIN
        case {"query": str(question)}:
            shapes = _QUERY
        case {"question": str(question)}:
            shapes = _PLAIN
        case _:
            return None
    if not question.strip():
        return None
    action = Action("question", allowed=(DecisionType.RESPOND,))
    return Request(NAME, (action,), shorten(question), pause.value, question, shapes)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Wrap the one answer in the shape that was chosen."""
    (decision,) = decisions
    shape = decision.shape or request.shapes[0]
    return {"data": decision.answer} if shape is AnswerShape.DATA else decision.answer
