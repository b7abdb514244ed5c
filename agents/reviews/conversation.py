"""The conversation in an agent's state: LangChain messages as plain data.

Source: `langchain_core.messages` (1.x) as LangGraph stores them, and the dict and pair forms that
`add_messages` accepts. A tool's result stands with its call, and so does a reviewer's edit:
LangChain leaves the model's own call in the message and keeps the edited one in
`hitl_edited_tool_calls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from agents.reviews import raw_json
from reviewconsole.protocol.plain import Plain, Typed


class Role(StrEnum):
    """Who speaks."""

    HUMAN = "human"
    AI = "ai"
    TOOL = "tool"
    SYSTEM = "system"
    OTHER = "other"  # a role the console does not know


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came back for a call; `status` is `success` or `error`, in LangChain's words."""

    text: str
    status: str = "success"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model made: proposed, edited and executed are three facts.

    `args` are the model's own. `edited_args` are what a reviewer put in their place, or None.
    `result` is None while there is none. `error` says why the model's call could not even be read.
    """

    id: str
    name: str
    args: Plain
    edited_args: Plain = None
    result: ToolResult | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message. `omitted` names the parts that are not text (`image`, `reasoning`, …).

    `position` is that of the message in its list; results of tools stand with their calls.
    """

    role: Role
    text: str
    id: str = ""
    name: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    omitted: tuple[str, ...] = ()
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class _Message:
    """A message before its calls have met their results."""

    entry: Entry
    answers: str = ""  # the id of the call a tool message belongs to
    status: str = "success"


_ROLES = {
    "human": Role.HUMAN,
    "user": Role.HUMAN,
    "ai": Role.AI,
    "assistant": Role.AI,
    "AIMessageChunk": Role.AI,
    "tool": Role.TOOL,
    "function": Role.TOOL,
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
}
_SHOWN_ELSEWHERE = {"tool_use", "tool_call", "function_call"}  # blocks that repeat `tool_calls`


def conversation(state: Plain, *, channel: str = "messages") -> tuple[Entry, ...]:
    """List the messages of a state, oldest first; empty for a state without any. Never raises."""
    if not isinstance(state, dict) or (messages := _listed(state.get(channel))) is None:
        return ()
    edits = state.get("hitl_edited_tool_calls")
    return _Reading(edits if isinstance(edits, dict) else {}).read(messages)


def is_conversation(value: Plain) -> bool:
    """Whether a channel holds messages, and nothing else."""
    return message_count(value) > 0 and all(map(is_message, _listed(value) or ()))


def message_count(value: Plain) -> int:
    """How many messages a channel holds."""
    return len(_listed(value) or ())


def is_message(value: Plain) -> bool:
    """Whether a value is a message of a role that the console knows, with a role and content."""
    match value:
        case Typed(payload=dict(body)) | dict(body):
            role = body.get("role") or body.get("type")
            return "content" in body and isinstance(role, str) and role in _ROLES
    return False


def _listed(value: Plain) -> list[Plain] | None:
    """The messages of a channel, also as a delta channel or an `Overwrite` stores them."""
    match value:
        case list() | Typed(name="DeltaSnapshot", payload=list()):
            return value.payload if isinstance(value, Typed) else value
        case Typed(name="Overwrite", payload={"value": list(messages)}):
            return messages
    return None


@dataclass(slots=True)
class _Reading:
    """One pass over the messages: entries so far, and where each call waits for its result."""

    edits: Mapping[object, Plain]
    entries: list[Entry] = field(default_factory=list)
    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)  # call id → entry, call

    def read(self, messages: list[Plain]) -> tuple[Entry, ...]:
        for position, value in enumerate(messages):
            message = _message(value, self.edits)
            if message.answers in self.waiting:
                self._attach(message)
            else:
                self._append(replace(message.entry, position=position))
        return tuple(self.entries)

    def _attach(self, message: _Message) -> None:
        at, position = self.waiting.pop(message.answers)
        calls = list(self.entries[at].tool_calls)
        result = ToolResult(message.entry.text, message.status)
        calls[position] = replace(calls[position], result=result)
        self.entries[at] = replace(self.entries[at], tool_calls=tuple(calls))

    def _append(self, entry: Entry) -> None:
        self.entries.append(entry)
        for position, call in enumerate(entry.tool_calls):
            if call.id:
                self.waiting[call.id] = len(self.entries) - 1, position


def _message(value: Plain, edits: Mapping[object, Plain]) -> _Message:
    match value:
        case Typed(payload=dict(body)) | dict(body):
            return _from_dict(body, edits)
        case [str(role), content]:
            return _Message(_entry({"role": role, "content": content}, edits))
        case str():
            return _Message(Entry(Role.HUMAN, value))  # as `add_messages` reads it
    return _Message(Entry(Role.OTHER, _legible(value)))


def _from_dict(body: Mapping[object, Plain], edits: Mapping[object, Plain]) -> _Message:
    if isinstance(inner := body.get("data"), dict) and "content" in inner:
        body = {"type": body.get("type"), **inner}  # the form of `message_to_dict`
    entry = _entry(body, edits)
    if entry.role is not Role.TOOL:
        return _Message(entry)
    return _Message(entry, _text(body.get("tool_call_id")), _text(body.get("status")) or "success")


def _entry(body: Mapping[object, Plain], edits: Mapping[object, Plain]) -> Entry:
    if "content" not in body:
        return Entry(Role.OTHER, _legible(dict(body)))
    role = _text(body.get("role")) or _text(body.get("type"))
    text, omitted = _content(body["content"])
    return Entry(
        _ROLES.get(role, Role.OTHER),
        text,
        _text(body.get("id")),
        _text(body.get("name")),
        (*_tool_calls(body.get("tool_calls"), edits), *_unread(body.get("invalid_tool_calls"))),
        omitted,
    )


def _content(content: Plain) -> tuple[str, tuple[str, ...]]:
    """The text of a message, and the kinds of its other blocks."""
    if not isinstance(content, list):
        return ("" if content is None else _legible(content)), ()
    texts: list[str] = []
    omitted: list[str] = []
    for block in content:
        match block:
            case str(text) | {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": str(kind)}:
                omitted.extend([] if kind in _SHOWN_ELSEWHERE else [kind])
            case _:
                texts.append(_legible(block))
    return "\n".join(texts), tuple(omitted)


def _tool_calls(calls: Plain, edits: Mapping[object, Plain]) -> list[ToolCall]:
    found = []
    for call in calls if isinstance(calls, list) else []:
        match call:
            case {"name": str(name), "args": args, **rest}:
                call_id = _text(rest.get("id"))
                found.append(ToolCall(call_id, name, args, _edited_args(edits.get(call_id))))
            case {"function": {"name": str(name), "arguments": args}, **rest}:  # OpenAI's form
                found.append(ToolCall(_text(rest.get("id")), name, args))
    return found


def _edited_args(edit: Plain) -> Plain:
    return edit.get("args") if isinstance(edit, dict) else None


def _unread(calls: Plain) -> list[ToolCall]:
    """Calls whose arguments the model wrote so badly that LangChain could not read them."""
    return [
        ToolCall(
            _text(call.get("id")),
            _text(call.get("name")),
            call.get("args"),
            error=_text(call.get("error")) or "the arguments could not be read",
        )
        for call in (calls if isinstance(calls, list) else [])
        if isinstance(call, dict)
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _legible(value: Plain) -> str:
    return value if isinstance(value, str) else raw_json.dump(value)
