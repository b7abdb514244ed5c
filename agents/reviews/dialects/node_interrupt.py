"""A node that stopped itself: `raise NodeInterrupt("…")`.

Source: `langgraph.errors.NodeInterrupt` (deprecated in langgraph 1.0). It takes no answer: the node
runs again from its start and stops again unless the state has changed. So the reviewer changes the
state and runs it again, or skips it.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.reviews.dialects import questions, raw
from agents.reviews.request import Action, ActionDecision, DecisionType, Pause, Request
from reviewconsole.protocol.plain import Plain

NAME = "node_interrupt"

_NOTE = (
    "The node takes no answer. It looks at the state again when it runs again, "
    "and stops again unless something in it has changed."
)


def read(pause: Pause) -> Request | None:
    """Read the message, whatever value it is; what can be decided is whether the node runs."""
    if pause.kind != "node_interrupt":
        return None
    asked = questions.read(pause) or raw.read(pause)
    action = Action("the node", allowed=(DecisionType.APPROVE, DecisionType.SKIP))
    return Request(NAME, (action,), asked.headline, pause.value, asked.question, note=_NOTE)


def resume(request: Request, decisions: Sequence[ActionDecision]) -> Plain:
    """Send nothing: there is no answer to read."""
    return None
