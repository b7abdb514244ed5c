"""The formats in which agents ask. To add one: a module with `read` and `resume`, and a line below.

The first dialect that reads a pause has it, so the stricter ones come first; `raw` reads
everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from agents.reviews.dialects import breakpoints, middleware, questions, raw, typed
from agents.reviews.request import ActionDecision, Pause, PauseKind, Request, Tool
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
    middleware.NAME: middleware,
    typed.NAME: typed,
    questions.NAME: questions,
    raw.NAME: raw,
}


def read(
    value: Plain,
    *,
    kind: PauseKind,
    response_schema: Plain = None,
    tools: Sequence[Mapping[str, Plain]] = (),
) -> Request:
    """Say what a pause asks. Never raises: what no dialect knows is shown as it is.

    `tools` are the agent's tools as its runner described them: `{name, description, args_schema}`.
    """
    pause = Pause(value, kind, response_schema, tuple(_tools(tools)))
    if kind == "interrupt" and is_too_deep(value):
        return raw.read(pause)
    for dialect in _DIALECTS.values():
        if (request := dialect.read(pause)) is not None:
            return request
    raise AssertionError("the raw dialect reads every pause")


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
