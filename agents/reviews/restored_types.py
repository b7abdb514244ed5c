"""The types of which LangGraph's strict store makes objects again; of others the data is left.

Source: `langgraph.checkpoint.serde._msgpack` (checkpoint 4.3), as our runner uses it. No class of
an agent is ever called for an answer, whatever a person wrote.
"""

from __future__ import annotations

from typing import Final

from reviewconsole.protocol.plain import Typed

RESTORED: Final = frozenset(
    (module, name)
    for module, names in (
        ("builtins", "set frozenset"),
        ("collections", "deque"),
        ("datetime", "datetime date time timedelta timezone"),
        ("decimal", "Decimal"),
        ("ipaddress", "IPv4Address IPv4Interface IPv4Network"),
        ("ipaddress", "IPv6Address IPv6Interface IPv6Network"),
        ("langchain_core.documents.base", "Document"),
        ("langchain_core.messages.ai", "AIMessage AIMessageChunk"),
        ("langchain_core.messages.base", "BaseMessage BaseMessageChunk"),
        ("langchain_core.messages.chat", "ChatMessage ChatMessageChunk"),
        ("langchain_core.messages.function", "FunctionMessage FunctionMessageChunk"),
        ("langchain_core.messages.human", "HumanMessage HumanMessageChunk"),
        ("langchain_core.messages.modifier", "RemoveMessage"),
        ("langchain_core.messages.system", "SystemMessage SystemMessageChunk"),
        ("langchain_core.messages.tool", "ToolMessage ToolMessageChunk"),
        ("langgraph.store.base", "GetOp Item"),
        ("langgraph.types", "Command Interrupt Overwrite PregelTask Send StateSnapshot"),
        ("langgraph.types", "TimeoutPolicy"),
        ("pathlib", "Path PosixPath WindowsPath"),
        ("pathlib._local", "Path PosixPath WindowsPath"),
        ("re", "compile"),
        ("uuid", "UUID"),
        ("zoneinfo", "ZoneInfo"),
    )
    for name in names.split()
)
METHODS: Final = frozenset({("datetime", "datetime", "fromisoformat")})

_BY_METHOD, _NUMPY = 3, 6  # msgpack extension codes


def is_restored(value: Typed) -> bool:
    """Whether the agent would get an object of this type, and not the data within."""
    if value.code == _BY_METHOD:
        return (value.module, value.name, value.method) in METHODS
    return value.code == _NUMPY or (value.module, value.name) in RESTORED
