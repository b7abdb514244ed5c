"""What came of the calls of a pause: the third fact, beside the proposed and the decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.live.story import Asked
from agents.reviews.conversation import ToolCall, ToolResult, conversation
from reviewconsole.protocol.plain import Plain

_RUNS = ("approve", "edit")


@dataclass(frozen=True, slots=True)
class Ran:
    """A call that ran. `args` is None where the agent's messages do not tell what it ran with."""

    args: Plain
    result: ToolResult


def calls_in(state: Plain) -> Mapping[str, ToolCall]:
    """The calls of an agent's messages, by id; the last one of an id counts."""
    return {call.id: call for entry in conversation(state) for call in entry.tool_calls if call.id}


def ran(asked: Asked, call: ToolCall | None) -> Ran | None:
    """What is known of a call that was to run and has a result; None for any other."""
    if call is None or call.result is None or asked.decided is None:
        return None
    if asked.decided["type"] not in _RUNS or asked.in_doubt:
        return None  # its result is what the reviewer said, or of another time
    told = call.args if call.edited_args is None else call.edited_args
    is_known = told == asked.decided.get("args", asked.args)
    return Ran(told if is_known or call.edited_args is not None else None, call.result)
