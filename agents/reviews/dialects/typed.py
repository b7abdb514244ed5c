"""A question with a response schema: `interrupt(value, response_schema=Model)`.

Source: `langgraph.types.interrupt` (langgraph 1.2). LangGraph publishes the JSON schema with the
interrupt; it checks an answer against a model more laxly than the schema says, and against a plain
schema not at all, so the console checks every answer itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews import schemas
from agents.reviews.dialects import questions, raw
from agents.reviews.request import ActionDecision, AnswerShape, Pause, Request
from reviewconsole.protocol.plain import Plain

NAME = "typed"


def read(pause: Pause) -> Request | None:
    """Read any value with a response schema; with an unusable one the answer is free JSON."""
    schema = pause.response_schema
    if schema is None:
        return None
    asked = questions.read(pause) or raw.read(pause)
    problem = schemas.problem(schema)
    usable = isinstance(schema, dict) and not problem
    return Request(
        NAME,
        asked.actions,
        asked.headline,
        pause.value,
        asked.question,
        (AnswerShape.TYPED if usable else AnswerShape.JSON,),
        schema if isinstance(schema, dict) and usable else None,
        "" if usable else f"The agent's response schema cannot be used. {problem}",
    )


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Send the one answer as it is."""
    (decision,) = decisions
    return decision.answer
