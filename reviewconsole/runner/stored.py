"""The stored form of a value: what LangGraph's store makes of it, which both ends see alike.

The store changes values (a tuple becomes a list, an exception its text, and strict msgpack turns an
agent's own objects into plain data), so a question is named by what comes out of the store.
"""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Whole
from reviewconsole.protocol.plain import Plain

_serializer = JsonPlusSerializer(allowed_msgpack_modules=None)


class Unstorable(ValueError):
    """LangGraph's store cannot hold a value: too deep, an integer beyond 64 bits, a function."""


def store(value: Any) -> Whole:
    """Write a value as it comes out of LangGraph's store; storing the result again changes nothing.

    Raises:
        Unstorable: the store cannot hold the value; the message says why.
    """
    return _stored(value)[0]


def store_and_load(value: Any) -> tuple[Whole, Any]:
    """Write a value as `store` does, and read it back as `load` does.

    Raises:
        Unstorable: as `store`.
    """
    whole, written, once = _stored(value)
    return whole, once if whole == written else load(whole)


def _stored(value: Any) -> tuple[Whole, Whole, Any]:
    """The stored form of a value, what is written of it first, and what comes out of that."""
    try:
        written = _serializer.dumps_typed(value)
        once = _serializer.loads_typed(written)
        return Whole(*_serializer.dumps_typed(once)), Whole(*written), once
    except (TypeError, ValueError, RecursionError) as error:
        raise Unstorable(f"LangGraph cannot store this {type(value).__name__}: {error}") from error


def load(value: Whole) -> Any:
    """Read a stored value as an agent gets it; strictly, so that no type of the agent is called."""
    return _serializer.loads_typed((value.kind, value.data))


def to_plain(value: Whole) -> Plain:
    """Read a stored value as plain data, with the names of its types."""
    return plain.decode(value.kind, value.data)
