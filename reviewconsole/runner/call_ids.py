"""Which tool calls a question asks about: middleware names no ids, the last AI message does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, ToolCall

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.runner import stored


def asked_about(question: Any, state: Any) -> tuple[str, ...]:
    """The ids of the calls that a question asks about, in its order; "" where one is unknown.

    LangChain's middleware asks about all calls of a message in one question, or about each in one
    that carries its id. A call is found by name and arguments; of calls that are the same and are
    not all asked about, nobody can say which is meant.
    """
    match question:
        case {"type": "tool_approval", "tool_call_id": call_id}:
            return (call_id if isinstance(call_id, str) else "",)
        case {"action_requests": [*requests]}:
            return _matched([_name(request) for request in requests], _last_calls(state))
    return ()


def _matched(requests: Sequence[str | None], calls: Sequence[ToolCall]) -> tuple[str, ...]:
    ids: dict[str | None, list[str]] = {}
    for call in calls:
        ids.setdefault(_name(call), []).append(call["id"] or "")
    wanted = Counter(requests)
    found = {name: iter(ids[name]) for name in ids if name and len(ids[name]) == wanted[name]}
    return tuple(next(found[name]) if name in found else "" for name in requests)


def _name(call: Any) -> str | None:
    """A call or a request by what it would do."""
    match call:
        case {"name": str(tool), "args": dict(args)}:
            return question_digest([tool, stored.to_plain(stored.store(args))])
    return None


def _last_calls(state: Any) -> Sequence[ToolCall]:
    messages = state.get("messages") if isinstance(state, dict) else None
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, AIMessage):
            return message.tool_calls
    return ()
