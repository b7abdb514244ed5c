"""Frames that break the protocol: each ends its connection with its code, and no other."""

from typing import Any

import ormsgpack
import pytest
from channels.db import database_sync_to_async

from agents.models import Checkpoint, Runner
from reviewconsole.protocol import codec
from reviewconsole.protocol.messages import VERSION, Beat, Done, Heartbeat
from tests.consumers.runner_socket import connected, greeted
from tests.factories import AGENT, make_hello, make_token
from tests.services.saving import put

pytestmark = pytest.mark.django_db(transaction=True)

HEARTBEAT = [11, []]


def packed(frame) -> dict[str, Any]:
    return {"bytes": ormsgpack.packb(frame)}


BREACHES: dict[str, tuple[dict[str, Any], int]] = {
    "text": ({"text": "hello"}, 4400),
    "nothing": ({"bytes": b""}, 4400),
    "no msgpack": ({"bytes": b"\xc1"}, 4400),
    "cut off": ({"bytes": ormsgpack.packb([2, [HEARTBEAT]])[:-1]}, 4400),
    "no array": (packed({"id": 2}), 4400),
    "no requests": (packed([2, []]), 4400),
    "no id": (packed(["2", [HEARTBEAT]]), 4400),
    "a truth for an id": (packed([True, [HEARTBEAT]]), 4400),
    "a hint": (packed([0, [HEARTBEAT]]), 4400),
    "a reply": (packed([2, None]), 4400),
    "unknown message": (packed([2, [[99]]]), 4400),
    "a result": (packed([2, [[41]]]), 4400),
    "a field too few": (packed([2, [[11]]]), 4400),
    "a field too many": (packed([2, [[11, [], 1]]]), 4400),
    "a field of another type": (packed([2, [[12, "1"]]]), 4400),
    "a lease of another type": (packed([2, [[13, [1, 2.0]]]]), 4400),
    "hashes cut off": (
        packed([2, [[2, AGENT, "t", "", "1ef", "t", "", False, [[0, "c", ["k", b"x", []]]]]]]),
        4400,
    ),
    "an integer of 64 bits": (packed([2, [[12, 2**63]]]), 4400),
    "nested to the end": ({"bytes": b"\x91" * 5000}, 4400),
    "an id skipped": (packed([3, [HEARTBEAT]]), 4409),
    "an id repeated": (packed([1, [HEARTBEAT]]), 4409),
    "a second hello": ({"bytes": codec.encode_requests(2, [make_hello()])}, 4409),
    "a second hello among others": (
        {"bytes": codec.encode_requests(2, [Heartbeat(()), make_hello()])},
        4409,
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
async def test_a_broken_frame_ends_its_connection_and_no_other(secret, breach):
    frame, code = BREACHES[breach]
    _, others = await database_sync_to_async(make_token)("other")
    async with greeted(others, "other") as (other, _), greeted(secret) as (socket, _):
        await socket.send_input({"type": "websocket.receive"} | frame)
        assert (await socket.closed_with())[0] == code
        assert await other.ask(Heartbeat(()), put("1efa")) == [Beat((), ()), Done()]


FIRST = {
    "no hello": (codec.encode_requests(1, [Heartbeat(())]), 4409),
    "hello and more": (codec.encode_requests(1, [make_hello(), Heartbeat(())]), 4409),
    "two hellos": (codec.encode_requests(1, [make_hello(), make_hello("other")]), 4409),
    "a hello that is not the first": (codec.encode_requests(2, [make_hello()]), 4409),
    "an older version": (codec.encode_requests(1, [make_hello(version=0)]), 4426),
    "a newer version": (codec.encode_requests(1, [make_hello(version=VERSION + 1)]), 4426),
    "a version in words": (packed([1, [[10, "one"]]])["bytes"], 4400),
}


@pytest.mark.parametrize("first", FIRST)
async def test_a_connection_that_begins_otherwise_is_ended(secret, first):
    data, code = FIRST[first]
    async with connected(secret) as socket:
        await socket.send_to(bytes_data=data)
        assert (await socket.closed_with())[0] == code
    assert await Runner.objects.acount() == 0


async def test_the_reason_of_a_close_says_what_was_wrong(secret):
    async with greeted(secret) as (socket, _):
        await socket.send_to(bytes_data=ormsgpack.packb([2, [[12, "1"]]]))
        assert await socket.closed_with() == (4400, "Claim.free: int expected, str received")


async def test_a_frame_above_the_limit_is_closed_with_4413(secret, settings):
    settings.RUNNER_MAX_FRAME_BYTES = 5000
    async with greeted(secret) as (socket, _):
        await socket.send_to(bytes_data=b"\x00" * 5001)
        assert await socket.closed_with() == (
            4413,
            "a frame of 5001 bytes exceeds the limit of 5000; "
            "raise RUNNER_MAX_FRAME_BYTES or keep less in the state",
        )


async def test_what_was_sent_after_a_breach_is_not_done(secret):
    async with greeted(secret) as (socket, _):
        await socket.send_to(bytes_data=ormsgpack.packb([2, [[99]]]))
        await socket.send_to(bytes_data=codec.encode_requests(2, [put("1efa")]))
        assert (await socket.closed_with())[0] == 4400
    assert await Checkpoint.objects.acount() == 0
