"""Stored values are read as data: exactly, and without importing or calling what they name."""

import sys
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Typed, UnreadableValue
from tests.protocol.values import form, storable


class Colour(Enum):
    """An enumeration of the agent's."""

    RED = "red"


@dataclass
class Order:
    """A dataclass of the agent's."""

    number: int


class Customer(BaseModel):
    """A pydantic model of the agent's."""

    name: str


HERE = __name__


@given(storable)
def test_every_value_comes_back(value: Any) -> None:
    """With its types; a tuple within a value is a list, as LangGraph stores it."""
    assert form(plain.decode(*plain.encode(value))) == form(value)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """What was read can be written again."""
    try:
        value = plain.decode("msgpack", data)
    except UnreadableValue:
        return
    assert form(plain.decode(*plain.encode(value))) == form(value)


@given(storable, st.data())
def test_damaged_bytes_are_read_or_refused(value: Any, data: st.DataObject) -> None:
    """One byte changed, or the end cut off."""
    _, intact = plain.encode([value])
    position = data.draw(st.integers(0, len(intact) - 1))
    changed = bytes([data.draw(st.integers(0, 255))])
    for damaged in (intact[:position], intact[:position] + changed + intact[position + 1 :]):
        with suppress(UnreadableValue):
            plain.encode(plain.decode("msgpack", damaged))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (b"bytes", b"bytes"),
        (bytearray(b"bytes"), b"bytes"),
        ((1, (2,)), [1, [2]]),
        ({1: "int", (1, "a"): "tuple"}, {1: "int", (1, "a"): "tuple"}),
        ("\ud800", "?"),
        (Decimal("1.50"), Typed(0, "decimal", "Decimal", "1.50")),
        (uuid.UUID(int=1), Typed(0, "uuid", "UUID", "0" * 31 + "1")),
        (Path("a/b"), Typed(1, "pathlib", "PosixPath", ["a", "b"])),
        (date(2026, 1, 2), Typed(1, "datetime", "date", [2026, 1, 2])),
        (timedelta(1, 2, 3), Typed(1, "datetime", "timedelta", [1, 2, 3])),
        (
            datetime(2026, 1, 2, tzinfo=UTC),
            Typed(3, "datetime", "datetime", "2026-01-02T00:00:00+00:00", "fromisoformat"),
        ),
        (deque([1]), Typed(0, "collections", "deque", [1])),
        (frozenset({1}), Typed(0, "builtins", "frozenset", [1])),
        (Colour.RED, Typed(0, HERE, "Colour", "red")),
        (Order(7), Typed(2, HERE, "Order", {"number": 7})),
        (
            Customer(name="Ann"),
            Typed(5, HERE, "Customer", {"name": "Ann"}, "model_validate_json"),
        ),
        (Send("node", {"a": 1}), Typed(1, "langgraph.types", "Send", ["node", {"a": 1}])),
        (
            Interrupt({"q": 1}, id="abc"),
            Typed(
                2,
                "langgraph.types",
                "Interrupt",
                {"value": {"q": 1}, "id": "abc", "response_schema": None},
            ),
        ),
        (_DeltaSnapshot([1]), Typed(7, "langgraph", "DeltaSnapshot", [1])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_langgraph_stores(value: Any, expected: Any) -> None:
    """Names and payloads are kept; what is written back, LangGraph reads as the same object."""
    serializer = JsonPlusSerializer(
        allowed_msgpack_modules=[(HERE, "Colour"), (HERE, "Order"), (HERE, "Customer")]
    )
    stored = serializer.dumps_typed(value)

    decoded = plain.decode(*stored)
    assert decoded == expected
    assert serializer.loads_typed(plain.encode(decoded)) == (
        b"bytes" if isinstance(value, bytearray) else serializer.loads_typed(stored)
    )


def test_messages_keep_their_type_and_fields() -> None:
    """What a conversation is made of."""
    decoded = plain.decode(*JsonPlusSerializer().dumps_typed([HumanMessage("hi", id="1")]))

    assert isinstance(decoded, list)
    (message,) = decoded
    assert isinstance(message, Typed)
    assert message.type_name == "langchain_core.messages.human.HumanMessage"
    assert {key: message.payload[key] for key in ("content", "type", "id")} == {
        "content": "hi",
        "type": "human",
        "id": "1",
    }


def test_nothing_that_a_value_names_is_imported() -> None:
    """Not even a module that exists."""
    blob = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(["antigravity", "fly", "echo PWNED"])))

    assert plain.decode("msgpack", blob) == Typed(0, "antigravity", "fly", "echo PWNED")
    assert "antigravity" not in sys.modules


def test_an_extension_without_a_known_layout_is_kept_as_bytes() -> None:
    """Written back, it is what it was."""
    blob = ormsgpack.packb([ormsgpack.Ext(1, ormsgpack.packb("no tuple")), ormsgpack.Ext(99, b"?")])
    decoded = plain.decode("msgpack", blob)

    assert decoded == [Typed(1, "", "", b"\xa8no tuple"), Typed(99, "", "", b"?")]
    assert [item.type_name for item in decoded if isinstance(item, Typed)] == ["ext-1", "ext-99"]
    assert plain.encode(decoded) == ("msgpack", blob)


@pytest.mark.parametrize("kind", ["pickle", "msgpack+aes", "json", ""])
def test_other_kinds_are_refused_by_name(kind: str) -> None:
    """A pickle would run code; what is encrypted cannot be read."""
    with pytest.raises(UnreadableValue, match=f"stored as '{kind.replace('+', '.')}'"):
        plain.decode(kind, b"data")


def deep(levels: int) -> bytes:
    """Extension objects nested in each other, for which msgpack itself has no limit."""
    blob = ormsgpack.packb(1)
    for _ in range(levels):
        blob = ormsgpack.packb(ormsgpack.Ext(7, blob))
    return blob


@pytest.mark.parametrize("data", [deep(2000), b"\x91" * 2000 + b"\xc0"])
def test_a_value_nested_too_deeply_is_refused(data: bytes) -> None:
    """A hostile agent may store one."""
    with pytest.raises(UnreadableValue, match="damaged msgpack value"):
        plain.decode("msgpack", data)


@pytest.mark.parametrize("value", [2**64, [-(2**63) - 1], {"a": object()}, {"a": {1j: 1}}])
def test_what_cannot_be_stored_is_refused(value: Any) -> None:
    """As LangGraph refuses it, before anything is sent."""
    with pytest.raises(UnreadableValue, match="cannot be stored"):
        plain.encode(value)


def test_a_list_nested_too_deeply_cannot_be_stored() -> None:
    """Neither by LangGraph."""
    value: Any = []
    for _ in range(300):
        value = [value]

    with pytest.raises(UnreadableValue, match="cannot be stored"):
        plain.encode(value)
