"""Frames come back as they were written, and nothing else is let in."""

from contextlib import suppress
from typing import Any

import ormsgpack
import pytest
from hypothesis import given, strategies as st

from reviewconsole.protocol import codec
from reviewconsole.protocol.codec import Reply
from reviewconsole.protocol.exceptions import MalformedFrame
from reviewconsole.protocol.messages import (
    Cancel,
    ChannelValue,
    Claim,
    Delivered,
    Done,
    Finished,
    Get,
    Heartbeat,
    Hint,
    Lease,
    List,
    Owner,
    Parts,
    Put,
    RefusalCode,
    Refused,
    Release,
    Request,
    Result,
    Wake,
    Whole,
)
from tests.protocol import messages
from tests.protocol.messages import HINTS, REQUESTS, RESULTS

frame_ids = st.integers(1, 2**63 - 1)


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_request_comes_back(kind: type[Request]) -> None:
    """Each field with its type."""

    @given(frame_ids, st.lists(messages.message(kind), min_size=1, max_size=3).map(tuple))
    def check(frame_id: int, requests: tuple[Request, ...]) -> None:
        data = codec.encode_requests(frame_id, requests)
        assert codec.decode_requests(data) == (frame_id, requests)

    check()


@pytest.mark.parametrize("kind", RESULTS)
def test_every_result_comes_back(kind: type[Result]) -> None:
    """A reply in which all is done is just null."""

    @given(frame_ids, st.lists(messages.message(kind), min_size=1, max_size=3).map(tuple))
    def check(frame_id: int, results: tuple[Result, ...]) -> None:
        expected = Reply(frame_id, None if kind is Done else results)
        assert codec.decode_reply(codec.encode_reply(frame_id, results)) == expected

    check()


@given(st.lists(messages.hints, max_size=3).map(tuple))
def test_every_hint_comes_back(hints: tuple[Hint, ...]) -> None:
    """Under the frame id 0."""
    assert codec.decode_reply(codec.encode_hints(hints)) == hints


def test_codes_are_distinct() -> None:
    """A message is known by its code alone."""
    codes = [kind.code for kind in (*REQUESTS, *RESULTS, *HINTS)]

    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Claim(3), [12, 3]),
        (Heartbeat((Lease(7, 1),)), [11, [[7, 1]]]),
        (Get(Lease(7, 1), "t", "", None), [3, [7, 1], "t", "", None]),
        (
            List(Owner("email"), None, None, None, {"step": 1}, None, 5),
            [4, "email", None, None, None, {"step": 1}, None, 5],
        ),
    ],
)
def test_the_layout_of_a_request(message: Request, expected: list[Any]) -> None:
    """As the protocol's documentation shows it."""
    assert ormsgpack.unpackb(codec.encode_requests(9, [message])) == [9, [expected]]


def test_the_layout_of_values_and_refusals() -> None:
    """A value is known by its length."""
    parts = ChannelValue("c", "1", Parts("msgpack", b"h" * 16, (b"part",)))
    packed = codec.encode_request(Put(Owner("a"), "t", "", "1", None, b"doc", b"{}", (parts,)))
    sent = ["c", "1", ["msgpack", b"h" * 16, [b"part"]]]
    ended = codec.encode_request(Finished(Lease(7, 1), None, Whole("null", b"")))
    refused = codec.encode_reply(9, [Refused(RefusalCode.FENCED, "why")])

    assert ormsgpack.unpackb(packed) == [1, "a", "t", "", "1", None, b"doc", b"{}", [sent]]
    assert ormsgpack.unpackb(ended) == [15, [7, 1], None, ["null", b""], []]
    assert ormsgpack.unpackb(refused) == [9, [[40, "fenced", "why"]]]


GARBAGE: list[Any] = [
    None,
    7,
    "text",
    [],
    {},
    [1],
    [1, [], 3],
    [True, [[12, 3]]],
    [2**63, [[12, 3]]],
    ["1", [[12, 3]]],
    [1, "text"],
    [1, {}],
    [1, 5],
    [1, [5]],
    [1, [[]]],
    [1, [["12", 3]]],
    [1, [[True, 3]]],
    [1, [[999]]],
    [1, [[12]]],
    [1, [[12, 3, 4]]],
    [1, [[12, "3"]]],
    [1, [[12, True]]],
    [1, [[12, 2**63]]],
    [1, [[11, 5]]],
    [1, [[11, [[7]]]]],
    [1, [[11, [[7, True]]]]],
    [1, [[3, 7, "t", "", None]]],
    [1, [[3, [7, 2**63], "t", "", None]]],
    [1, [[4, "a", None, None, None, {7: 1}, None, None]]],
    [1, [[1, "a", "t", "", "1", None, b"", b"", [["c", "1", ["msgpack", b"short", []]]]]]],
    [1, [[1, "a", "t", "", "1", None, b"", b"", [["c", "1", ["msgpack", b"h" * 16, [7]]]]]]],
    [1, [[15, [1, 1], None, ["msgpack", b"h" * 16, []]]]],
]


@pytest.mark.parametrize("frame", [*GARBAGE, [0, [[12, 3]]], [-1, [[12, 3]]], [1, []], [1, None]])
def test_what_is_no_request_frame(frame: Any) -> None:
    """The error says where."""
    with pytest.raises(MalformedFrame):
        codec.decode_requests(ormsgpack.packb(frame, option=ormsgpack.OPT_NON_STR_KEYS))


@pytest.mark.parametrize("frame", [*GARBAGE, [0, None], [0, 5], [0, [5]], [0, [[12, 3]]]])
def test_what_is_no_reply_frame(frame: Any) -> None:
    """The same from the other side."""
    with pytest.raises(MalformedFrame):
        codec.decode_reply(ormsgpack.packb(frame, option=ormsgpack.OPT_NON_STR_KEYS))


def test_the_error_names_the_field() -> None:
    """Whoever writes a runner in another language will need it."""
    with pytest.raises(
        MalformedFrame, match=r"^Heartbeat.held: Lease.attempt: int expected, str received$"
    ):
        codec.decode_requests(ormsgpack.packb([1, [[11, [[7, "1"]]]]]))
    with pytest.raises(MalformedFrame, match=r"^message 60 is unknown here; known: \[1, 2, "):
        codec.decode_requests(ormsgpack.packb([1, [[60]]]))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_malformed(data: bytes) -> None:
    """The only exception is the documented one."""
    for decode in (codec.decode_requests, codec.decode_reply):
        with suppress(MalformedFrame):
            decode(data)


frames = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70) | st.text(max_size=2) | st.binary(max_size=17),
    lambda inner: (
        st.lists(inner, max_size=9)
        | st.dictionaries(st.text(max_size=1) | st.integers(-9, 9), inner, max_size=2)
    ),
    max_leaves=20,
)


@given(st.lists(frames, max_size=3) | st.tuples(st.integers(0, 2), st.lists(frames, max_size=2)))
def test_any_msgpack_is_a_frame_or_malformed(frame: Any) -> None:
    """Of nearly the right shape."""
    data = ormsgpack.packb(frame, option=ormsgpack.OPT_NON_STR_KEYS)
    for decode in (codec.decode_requests, codec.decode_reply):
        with suppress(MalformedFrame):
            decode(data)


@given(messages.requests, st.data())
def test_a_damaged_frame_is_a_frame_or_malformed(request: Request, data: st.DataObject) -> None:
    """One byte changed, or the end cut off."""
    intact = codec.encode_requests(1, [request])
    position = data.draw(st.integers(0, len(intact) - 1))
    changed = bytes([data.draw(st.integers(0, 255))])
    for damaged in (intact[:position], intact[:position] + changed + intact[position + 1 :]):
        with suppress(MalformedFrame):
            codec.decode_requests(damaged)


@pytest.mark.parametrize(
    "request_", [Claim(2**64), Release(Lease(-(2**64), 1)), Get(Owner("\ud800"), "t", "", None)]
)
def test_what_msgpack_cannot_hold_is_refused(request_: Request) -> None:
    """Before anything is sent."""
    with pytest.raises(MalformedFrame, match="cannot be written"):
        codec.encode_request(request_)


def test_frames_may_be_joined_of_requests_written_before() -> None:
    """So that each is written once, and its size is known."""
    requests: list[Request] = [Claim(1), Delivered(Lease(1, 2))]
    encoded = [codec.encode_request(request) for request in requests]

    assert codec.join_requests(300, encoded) == codec.encode_requests(300, requests)


def test_hints_need_no_fields() -> None:
    """The shortest frame there is."""
    assert codec.encode_hints([Wake()]) == b"\x92\x00\x91\x91\x3c"
    assert codec.decode_reply(codec.encode_hints([Cancel(Lease(1, 1))])) == (Cancel(Lease(1, 1)),)
