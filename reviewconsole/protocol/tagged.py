"""Tagged JSON: an injective JSON form of every plain value, and its canonical bytes.

RFC 8785 refuses integers beyond 2^53, NaN, bytes and lone surrogates, and real tool arguments have
them (64-bit ids). What JSON cannot say exactly is written as an object with one reserved key:

    {"$int": "9007199254740993"}        an integer beyond ±2^53
    {"$float": "1.0"}                   an integral, infinite or not-a-number float (1.0 is not 1)
    {"$bytes": "<base64>"}              bytes
    {"$str": "<utf-16 in hex>"}         text with lone surrogates
    {"$map": [[key, value], …]}         a dict with keys that are not well-formed text
    {"$type": name, "$code": n, "$value": …, "$method"?: m}   a `Typed` value

A value's own key that begins with `$` is written with the `$` doubled, so no value can pose as a tag.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, TypeAlias

import rfc8785

from reviewconsole.protocol.plain import Plain, Typed

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_SAFE_INT = 2**53 - 1  # RFC 8785 admits what an IEEE double holds exactly
_UNORDERED = {("builtins", "set"), ("builtins", "frozenset")}


def tag(value: Plain) -> Json:
    """Write a plain value as tagged JSON. Two different values never give the same JSON.

    Sets are written in the order of their elements' canonical bytes, so one set has one form.

    Raises:
        TypeError: the value is not plain (see `plain.Plain`).
    """
    match value:
        case None | bool():
            return value
        case int():
            return value if -_SAFE_INT <= value <= _SAFE_INT else {"$int": str(value)}
        case float():
            plain = math.isfinite(value) and not value.is_integer()
            return value if plain else {"$float": repr(value)}
        case str():
            return value if _well_formed(value) else {"$str": _utf16(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case list() | tuple():
            return [tag(item) for item in value]
        case dict():
            return _tag_dict(value)
        case Typed():
            return _tag_typed(value)
    raise TypeError(f"{type(value).__name__} is not a plain value; decode it first")


def untag(value: Json) -> Plain:
    """Read tagged JSON back into a plain value; the inverse of `tag`.

    Raises:
        ValueError: an object has a reserved `$` key and is not a well-formed tag.
    """
    match value:
        case list():
            return [untag(item) for item in value]
        case dict():
            return _untag_dict(value)
    return value


def canonical(value: Plain) -> bytes:
    """The one byte string of a plain value: RFC 8785 of its tagged JSON."""
    return rfc8785.dumps(tag(value))  # type: ignore[arg-type]  # its alias names no recursive type


def dumps(value: Plain) -> str:
    """Tagged JSON as ASCII text, keeping the order of keys: what the database stores."""
    return json.dumps(tag(value), allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Plain:
    """Read the text that `dumps` wrote.

    Raises:
        ValueError: the text is not JSON, or not tagged JSON.
    """
    return untag(json.loads(text))


def _tag_dict(value: dict[Any, Plain]) -> Json:
    if all(isinstance(key, str) and _well_formed(key) for key in value):
        return {f"${key}" if key.startswith("$") else key: tag(item) for key, item in value.items()}
    pairs: list[Json] = [[tag(_as_list(key)), tag(item)] for key, item in value.items()]
    return {"$map": sorted(pairs, key=rfc8785.dumps)}  # type: ignore[arg-type]  # as above


def _tag_typed(value: Typed) -> Json:
    payload = tag(value.payload)
    if (value.module, value.name) in _UNORDERED and isinstance(payload, list):
        payload = sorted(payload, key=rfc8785.dumps)  # type: ignore[arg-type]  # as above
    tagged: dict[str, Json] = {
        "$type": f"{value.module}:{value.name}",
        "$code": value.code,
        "$value": payload,
    }
    if value.method is not None:
        tagged["$method"] = value.method
    return tagged


def _untag_dict(value: dict[str, Json]) -> Plain:
    reserved = [key for key in value if key.startswith("$") and not key.startswith("$$")]
    if not reserved:
        return {key[1:] if key.startswith("$$") else key: untag(v) for key, v in value.items()}
    match value:
        case {"$int": str(digits), **rest} if not rest:
            return int(digits)
        case {"$float": str(digits), **rest} if not rest:
            return float(digits)
        case {"$bytes": str(encoded), **rest} if not rest:
            return _unbase64(encoded)
        case {"$str": str(units), **rest} if not rest:
            return bytes.fromhex(units).decode("utf-16-be", "surrogatepass")
        case {"$map": list(pairs), **rest} if not rest:
            return _untag_map(pairs)
        case {"$type": str(name), "$code": int(code), "$value": payload, **rest}:
            return _untag_typed(name, code, untag(payload), rest)
    raise ValueError(
        f"{reserved[0]!r} is a reserved key of tagged JSON; write it {'$' + reserved[0]!r} to mean it"
    )


def _untag_map(pairs: list[Json]) -> Plain:
    result: dict[Any, Plain] = {}
    for pair in pairs:
        match pair:
            case [key, item]:
                result[_as_key(untag(key))] = untag(item)
            case _:
                raise ValueError("a $map holds pairs of a key and a value")
    return result


def _untag_typed(name: str, code: int, payload: Plain, rest: dict[str, Json]) -> Typed:
    module, separator, qualified = name.partition(":")
    method = rest.pop("$method", None)
    if rest or not separator or not (method is None or isinstance(method, str)):
        raise ValueError(f"{name!r} is not a well-formed $type tag")
    return Typed(code, module, qualified, payload, method)


def _unbase64(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"$bytes is not base64: {error}") from error


def _as_list(key: Any) -> Plain:
    return [_as_list(item) for item in key] if isinstance(key, tuple) else key  # type: ignore[no-any-return]  # keys are plain


def _as_key(value: Plain) -> Any:
    return tuple(_as_key(item) for item in value) if isinstance(value, list) else value


def _well_formed(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _utf16(text: str) -> str:
    return text.encode("utf-16-be", "surrogatepass").hex()
