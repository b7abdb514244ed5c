"""Arrays are cut into the bytes of their elements and put together again, byte for byte."""

from typing import Any

import ormsgpack
import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from reviewconsole.protocol import plain
from reviewconsole.protocol.parts import (
    HASH_BYTES,
    MIN_SPLIT_BYTES,
    array_header,
    join,
    part_hash,
    split,
)
from tests.protocol.values import form, storable

FILLER = b"x" * MIN_SPLIT_BYTES  # makes any array long enough to be cut


@given(st.lists(storable, max_size=20))
def test_an_array_is_its_elements(elements: list[Any]) -> None:
    """Each part is the msgpack of one element."""
    _, data = plain.encode([*elements, FILLER])
    parts = split(data)

    assert parts is not None
    assert join(parts) == data
    decoded = [plain.decode("msgpack", part) for part in parts]
    assert [form(item) for item in decoded] == [form(item) for item in [*elements, FILLER]]


@given(st.binary(max_size=200).map(lambda data: b"\xdc\x00\x03" + data + FILLER) | st.binary())
def test_any_bytes_are_cut_exactly_or_not_at_all(data: bytes) -> None:
    """Whatever is sent as parts is stored as it was."""
    parts = split(data)

    assert parts is None or join(parts) == data


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65535, 65536])
def test_headers_are_msgpack_s_own(count: int) -> None:
    """The shortest that the count allows."""
    packed = ormsgpack.packb([None] * count)

    assert packed.startswith(array_header(count))
    assert join([b"\xc0"] * count) == packed
    assert split(packed) == ([b"\xc0"] * count if len(packed) >= MIN_SPLIT_BYTES else None)


@pytest.mark.parametrize(
    "element",
    [
        b"\xc7\x03\x05abc",  # ext 8
        b"\xc8\x00\x03\x05abc",  # ext 16
        b"\xc9\x00\x00\x00\x03\x05abc",  # ext 32
        *(bytes([0xD4 + i, 5]) + bytes(2**i) for i in range(5)),  # fixext
        b"\xc4\x01a",
        b"\xc5\x00\x01a",
        b"\xc6\x00\x00\x00\x01a",  # bin
        b"\xd9\x01a",
        b"\xda\x00\x01a",
        b"\xdb\x00\x00\x00\x01a",  # str
        b"\xdc\x00\x01\xc0",
        b"\xdd\x00\x00\x00\x01\xc0",  # array
        b"\xde\x00\x01\xc0\xc0",
        b"\xdf\x00\x00\x00\x01\xc0\xc0",  # map
        b"\xca" + bytes(4),
        b"\xcb" + bytes(8),  # float
        *(bytes([first]) + bytes(2 ** (first % 4)) for first in range(0xCC, 0xD4)),  # int
    ],
)
def test_every_type_of_msgpack_is_passed(element: bytes) -> None:
    """In every width, also where a shorter one would do."""
    filler = ormsgpack.packb(FILLER)

    assert split(join([element, filler, element])) == [element, filler, element]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        join([b"\xc0"] * 15),  # short
        ormsgpack.packb({"a": "b" * 200}),
        ormsgpack.packb("b" * 200),
        b"\xdc\x00\x01" + ormsgpack.packb(FILLER),  # a header that `join` would write shorter
        b"\x92" + ormsgpack.packb(FILLER),  # an element is missing
        join([ormsgpack.packb(FILLER)]) + b"\xc0",  # one too many
        join([ormsgpack.packb(FILLER), b"\xc1"]),  # no msgpack type
        join([ormsgpack.packb(FILLER)])[:-1],  # cut off
        b"\xdd\xff\xff\xff\xff" + FILLER,
    ],
)
def test_what_stays_whole(data: bytes) -> None:
    """No array, not worth it, or not to be restored byte for byte."""
    assert split(data) is None


def test_a_message_has_one_name_at_every_step() -> None:
    """Which is why a conversation is stored once."""
    serializer = JsonPlusSerializer()
    messages = [HumanMessage("a" * 100, id="1"), AIMessage("b" * 100, id="2")]
    first = split(serializer.dumps_typed(messages[:1])[1])
    second = split(serializer.dumps_typed(messages)[1])

    assert first is not None
    assert second is not None
    assert [part_hash(part) for part in first] == [part_hash(part) for part in second[:1]]


def test_names_never_change() -> None:
    """They are in the databases."""
    assert part_hash(b"part").hex() == "37a680133bd09342f934afb8dd2c7d9e"
    assert len(part_hash(b"")) == HASH_BYTES
