"""Frames and bytes: msgpack arrays, checked field by field.

    request frame   [id, [message, …]]              id counts 1, 2, 3 … on each connection
    reply frame     [id, null | [result, …]]        null: every request was done, nothing to tell
    hint frame      [0, [hint, …]]
    message         [code, field, …]                fields in the order of the class

The types in `messages` are the schema: each field's annotation becomes a check and a conversion,
built once per class. A value's array is `[kind, bytes]` or `[kind, hashes, [bytes, …]]`, a scope's
`[run, attempt]` or the agent's name.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, TypeVar

import ormsgpack

from reviewconsole.protocol import messages
from reviewconsole.protocol.exceptions import MalformedFrame
from reviewconsole.protocol.messages import Hint, Lease, Owner, Parts, Request, Result, Whole
from reviewconsole.protocol.parts import HASH_BYTES, join

M = TypeVar("M")
_KEYS = ormsgpack.OPT_NON_STR_KEYS
MOST_REQUESTS = 256  # in one frame
_INTEGERS = range(-(2**63), 2**63)  # what a database column takes


def encode_request(request: Request) -> bytes:
    """Write one request, for `join_requests`.

    Raises:
        MalformedFrame: a field holds what msgpack cannot: an integer beyond 64 bits, an object.
    """
    return _pack(_dump(request))


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
    return _pack([frame_id, None if silent else [_dump(result) for result in results]])


def encode_hints(hints: Sequence[Hint]) -> bytes:
    """Write a hint frame."""
    return _pack([0, [_dump(hint) for hint in hints]])


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
        case [int(frame_id), body] if _is_integer(frame_id):
            return frame_id, body
    raise MalformedFrame("a frame is an array of an id and a body")


# Messages to arrays --------------------------------------------------------------------------


def _dump(message: Any) -> list[Any]:
    cls: type = type(message)
    names = _field_names(cls)
    fields = [_dump_field(getattr(message, name)) for name in names]
    return [message.code, *fields] if hasattr(cls, "code") else fields


def _dump_field(value: Any) -> Any:
    match value:
        case Owner():
            return value.agent
        case tuple():
            return [_dump_field(item) for item in value]
        case StrEnum():
            return value.value
    return _dump(value) if dataclasses.is_dataclass(value) else value


@cache
def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


# Arrays to messages --------------------------------------------------------------------------


def _load_coded(item: Any, known: dict[int, type[M]]) -> M:
    match item:
        case [int(code), *fields] if code in known and _is_integer(code):
            return _load(known[code], fields)
        case [int(code), *_]:
            raise MalformedFrame(f"message {code} is unknown here; known: {sorted(known)}")
    raise MalformedFrame("a message is an array that begins with its code")


def _load(cls: type[M], fields: Any) -> M:
    readers = _readers(cls)  # type: ignore[arg-type]  # a class is hashable
    if not isinstance(fields, list) or len(fields) != len(readers):
        raise MalformedFrame(f"{cls.__name__} has {len(readers)} fields: {', '.join(readers)}")
    values = []
    for (name, read), field in zip(readers.items(), fields, strict=True):
        try:
            values.append(read(field))
        except MalformedFrame as error:
            raise MalformedFrame(f"{cls.__name__}.{name}: {error}") from None
    return cls(*values)


@cache
def _readers(cls: type) -> dict[str, Callable[[Any], Any]]:
    hints = typing.get_type_hints(cls)
    return {name: _reader(hints[name]) for name in _field_names(cls)}


def _reader(annotation: Any) -> Callable[[Any], Any]:
    if annotation == messages.Value:
        return _read_value
    if annotation == messages.Scope:
        return _read_scope
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return _optional(_reader(inner))
    if origin is tuple:
        return _sequence(_reader(arguments[0]))
    if origin is dict:
        return _read_dict
    if annotation is Whole:
        return _read_whole
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return lambda field: _read_enum(annotation, field)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return lambda field: _load(annotation, field)
    return _exactly(annotation)


def _exactly(wanted: type) -> Callable[[Any], Any]:
    def read(field: Any) -> Any:
        if wanted is float and type(field) is int:
            return float(field)
        if type(field) is not wanted:
            raise MalformedFrame(f"{wanted.__name__} expected, {type(field).__name__} received")
        if wanted is int and not _is_integer(field):
            raise MalformedFrame(f"{field} is beyond 64 bits with a sign")
        return field

    return read


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda field: None if field is None else read(field)


def _sequence(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read_all(field: Any) -> Any:
        if not isinstance(field, list):
            raise MalformedFrame(f"array expected, {type(field).__name__} received")
        return tuple(read(item) for item in field)

    return read_all


def _read_dict(field: Any) -> dict[str, Any]:
    if not isinstance(field, dict) or not all(isinstance(key, str) for key in field):
        raise MalformedFrame("map with text keys expected")
    return field


def _read_enum(wanted: type[StrEnum], field: Any) -> StrEnum:
    try:
        return wanted(field)
    except ValueError:
        raise MalformedFrame(f"{field!r} is none of {[str(member) for member in wanted]}") from None


def _read_value(field: Any) -> messages.Value:
    match field:
        case [str(kind), bytes(data)]:
            return Whole(kind, data)
        case [str(kind), bytes(hashes), list(new)] if len(hashes) % HASH_BYTES == 0:
            return Parts(kind, hashes, _sequence(_exactly(bytes))(new))
    raise MalformedFrame("a value is [kind, bytes] or [kind, hashes of 16 bytes, [bytes, …]]")


def _read_whole(field: Any) -> Whole:
    value = _read_value(field)
    if not isinstance(value, Whole):
        raise MalformedFrame("this value travels whole: [kind, bytes]")
    return value


def _read_scope(field: Any) -> messages.Scope:
    match field:
        case str(agent):
            return Owner(agent)
        case [int(run), int(attempt)] if _is_integer(run) and _is_integer(attempt):
            return Lease(run, attempt)
    raise MalformedFrame("a scope is [run, attempt] or the agent's name")


def _is_integer(field: object) -> bool:
    return type(field) is int and field in _INTEGERS  # bool is an int, and is not one here


def _by_code(classes: Iterable[type[M]]) -> dict[int, type[M]]:
    return {cls.code: cls for cls in classes}  # type: ignore[attr-defined]  # every message has one


_REQUESTS: dict[int, type[Request]] = _by_code(typing.get_args(Request))
_RESULTS: dict[int, type[Result]] = _by_code(typing.get_args(Result))
_HINTS: dict[int, type[Hint]] = _by_code(typing.get_args(Hint))
