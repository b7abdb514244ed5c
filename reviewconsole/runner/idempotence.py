"""Whether a tool may run twice: what its author says of it, in its metadata."""

from __future__ import annotations

from langchain_core.tools import BaseTool

_MARKS = ("idempotent", "idempotentHint", "readOnlyHint")  # the last two are MCP's


def is_idempotent(tool: BaseTool) -> bool:
    """Whether the author of a tool says that running it twice does no harm."""
    metadata = tool.metadata or {}
    return any(metadata.get(mark) is True for mark in _MARKS)
