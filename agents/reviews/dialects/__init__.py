"""The formats in which agents ask. To add one: a module with `read` and `resume`, and a line below.

The first dialect that reads a pause has it, so the stricter ones come first; `raw` reads
everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from agents.reviews.dialects import (
    approval,
    breakpoints,
    human_interrupt,
    in_doubt,
    middleware,
    node_interrupt,
    per_call,
    questions,
    raw,
    typed,
)
from agents.reviews.request import (
    ActionDecision,
    AnswerShape,
    Pause,
    PauseKind,
    Request,
    Tool,
)
from agents.reviews.storable import is_too_deep
from reviewconsole.protocol.plain import Plain


class Dialect(Protocol):
    """One format of pauses and their answers."""

    def read(self, pause: Pause) -> Request | None:
        """Make a request of the pause, or None when it is not exactly in this format."""

    def resume(self, request: Request, decisions: Sequence[ActionDecision]) -> Plain:
        """Write decisions that passed every check as the value the agent reads."""


_DIALECTS: Mapping[str, Dialect] = {
    breakpoints.NAME: breakpoints,
    node_interrupt.NAME: node_interrupt,
    middleware.NAME: middleware,
    in_doubt.NAME: in_doubt,
    per_call.NAME: per_call,
    human_interrupt.NAME: human_interrupt,
    approval.NAME: approval,
    typed.NAME: typed,
    questions.NAME: questions,
    raw.NAME: raw,
}
_read_raw = raw.read  # `read` has a parameter of this name


def read(
    value: Plain,
    *,
    kind: PauseKind,
    response_schema: Plain = None,
    tools: Sequence[Mapping[str, Plain]] = (),
    state_schema: Plain = None,
    is_doubted: bool = False,
    raw: bool = False,
) -> Request:
    """Say what a pause asks. Never raises: what no dialect knows is shown as it is.

    `tools` are the agent's tools as its runner described them: `{name, description, args_schema}`;
    `state_schema` is the JSON schema of its state (see `reviews.state_schema`), for what may be
    written at a breakpoint; `is_doubted` that the effect journal says of a call what the question
    says, which an agent could write itself. With `raw` the reviewer answers in text or JSON where
    the dialect was guessed; a published one keeps its rules.
    """
    pause = Pause(value, kind, response_schema, tuple(_tools(tools)), state_schema, is_doubted)
    request = _read(pause)
    return _read_raw(pause) if raw and request.guessed else request


def prefer(request: Request, shape: AnswerShape | None) -> Request:
    """Put a shape first that the agent is known to read; a request without it stays as it is."""
    if shape not in request.shapes:
        return request
    others = (other for other in request.shapes if other is not shape)
    return replace(request, shapes=(shape, *others))


def _read(pause: Pause) -> Request:
    if pause.kind == "interrupt" and is_too_deep(pause.value):
        return _read_raw(pause)
    requests = (dialect.read(pause) for dialect in _DIALECTS.values())
    return next(filter(None, requests))


def dialect_of(request: Request) -> Dialect:
    """The dialect that made the request, and so writes its answer."""
    return _DIALECTS[request.dialect]


def _tools(described: Sequence[Mapping[str, Plain]]) -> list[Tool]:
    tools = []
    for tool in described:
        match tool:
            case {"name": str(name), "args_schema": dict(schema)}:
                tools.append(Tool(name, schema))
    return tools
