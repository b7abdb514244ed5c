"""What a pause asks and what an answer means. Pure: no Django, no LangGraph, no clock, no I/O.

`read` turns whatever an agent stopped with into a `Request`; `answer` turns a reviewer's decisions
into the exact value the agent receives, or refuses. Each format of the field is one module in
`dialects/`. Beside them stand the parts pages are made of:

    schema_form     a form from a JSON schema, and the typed value back
    state_edit      a form for channels of the agent's state, and the update back
    diff            what changed between two values
    conversation    the messages of an agent's state
    outline         a value as lines to read
    show            hostile text made visible
"""

from agents.reviews.answers import answer
from agents.reviews.dialects import prefer, read
from agents.reviews.request import (
    Action,
    ActionDecision,
    Answer,
    AnswerShape,
    DecisionType,
    Doubt,
    Request,
)

__all__ = [
    "Action",
    "ActionDecision",
    "Answer",
    "AnswerShape",
    "DecisionType",
    "Doubt",
    "Request",
    "answer",
    "prefer",
    "read",
]
