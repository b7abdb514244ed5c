"""Frames and bytes: msgpack arrays, checked field by field.

    request frame   [id, [message, …]]              id counts 1, 2, 3 … on each connection
    reply frame     [id, null | [result, …]]        null: every request was done, nothing to tell
    hint frame      [0, [hint, …]]
    message         [code, field, …]                fields in the order of the class

The types in `messages` are the schema, which `layouts` reads. A value's array is `[kind, bytes]` or
`[kind, hashes, [bytes, …]]`, a scope's `[run, attempt]` or the agent's name.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import ormsgpack

from reviewconsole.protocol import messages
from reviewconsole.protocol.exceptions import MalformedFrame
from reviewconsole.protocol.layouts import Layout, is_integer, layout
from reviewconsole.protocol.messages import Hint, Request, Result
from reviewconsole.protocol.parts import join

M = TypeVar("M")
_KEYS = ormsgpack.OPT_NON_STR_KEYS
MOST_REQUESTS = 256  # in one frame


def encode_request(request: Request) -> bytes:
    """Write one request, for `join_requests`.

    Raises:
        MalformedFrame: a field holds what msgpack cannot: an integer beyond 64 bits, an object.
    """
    return _pack(_array(request))


def join_requests(frame_id: int, encoded: Sequence[bytes]) -> bytes:
    """Write a request frame of requests that `encode_request` wrote."""
    return join((_pack(frame_id), join(encoded)))


def encode_requests(frame_id: int, requests: Sequence[Request]) -> bytes:
    """Write a request frame.

    Raises:
        MalformedFrame: as `encode_request`.
    """
    return join_requests(frame_id, [encode_request(request) for request in requests])


def decode_requests(data: bytes) -> tuple[int, tuple[Request, ...]]:
    """Read a request frame: its id (≥ 1) and at least one request.

    Raises:
        MalformedFrame: naming what is wrong and where.
    """
    frame_id, body = _unpack(data)
    if frame_id < 1 or not isinstance(body, list) or not 0 < len(body) <= MOST_REQUESTS:
        raise MalformedFrame(f"a request frame is [id ≥ 1, [request, …]], at most {MOST_REQUESTS}")
    return frame_id, tuple(_load_coded(item, _REQUESTS) for item in body)


def encode_reply(frame_id: int, results: Sequence[Result]) -> bytes:
    """Write the reply to a request frame: null where every request is just `Done`."""
    silent = all(isinstance(result, messages.Done) for result in results)
    return _pack([frame_id, None if silent else [_array(result) for result in results]])


def encode_hints(hints: Sequence[Hint]) -> bytes:
    """Write a hint frame."""
    return _pack([0, [_array(hint) for hint in hints]])


class Reply(NamedTuple):
    """A reply frame as it was read; `results` is None where every request was just done."""

    frame_id: int
    results: tuple[Result, ...] | None


def decode_reply(data: bytes) -> Reply | tuple[Hint, ...]:
    """Read what the console sent: a reply, or hints.

    Raises:
        MalformedFrame: naming what is wrong and where.
    """
    frame_id, body = _unpack(data)
    if body is None and frame_id:
        return Reply(frame_id, None)
    if not isinstance(body, list):
        raise MalformedFrame("a reply frame is [id, null] or [id, [result, …]], a hint [0, […]]")
    if frame_id == 0:
        return tuple(_load_coded(item, _HINTS) for item in body)
    return Reply(frame_id, tuple(_load_coded(item, _RESULTS) for item in body))


def _array(message: Any) -> list[Any]:
    return layout(type(message)).write(message)


def _pack(item: object) -> bytes:
    try:
        return ormsgpack.packb(item, option=_KEYS)
    except (TypeError, ValueError) as error:
        raise MalformedFrame(f"this message cannot be written: {error}") from error


def _unpack(data: bytes) -> tuple[int, Any]:
    try:
        frame = ormsgpack.unpackb(data, option=_KEYS)
    except (ValueError, RecursionError) as error:
        raise MalformedFrame(f"a frame of {len(data)} bytes is not msgpack: {error}") from error
    match frame:
        case [int(frame_id), body] if is_integer(frame_id):
            return frame_id, body
    raise MalformedFrame("a frame is an array of an id and a body")


def _load_coded(item: Any, known: dict[int, Layout[M]]) -> M:
    if not isinstance(item, list) or not item or not isinstance(item[0], int):
        raise MalformedFrame("a message is an array that begins with its code")
    code = item.pop(0)
    if code not in known or not is_integer(code):
        raise MalformedFrame(f"message {code} is unknown here; known: {sorted(known)}")
    return known[code].read(item)


def _by_code(classes: Iterable[type[M]]) -> dict[int, Layout[M]]:
    return {cls.code: layout(cls) for cls in classes}  # type: ignore[attr-defined]  # each has one


_REQUESTS: dict[int, Layout[Request]] = _by_code(typing.get_args(Request))
_RESULTS: dict[int, Layout[Result]] = _by_code(typing.get_args(Result))
_HINTS: dict[int, Layout[Hint]] = _by_code(typing.get_args(Hint))
