"""Tagged JSON: an injective JSON form of every plain value, and its canonical bytes.

RFC 8785 refuses integers beyond 2^53, NaN, bytes and lone surrogates, and real tool arguments have
them (64-bit ids). What JSON cannot say exactly is written as an object with one reserved key:

    {"$int": "9007199254740993"}        an integer beyond ±2^53
    {"$float": "1.0"}                   an integral, infinite or not-a-number float (1.0 is not 1)
    {"$bytes": "<base64>"}              bytes
    {"$str": "<hex>"}                   text with lone surrogates: UTF-8 that lets them pass
    {"$map": [[key, value], …]}         a dict with keys that are not well-formed text
    {"$type": "module:name", "$code": n, "$value": …, "$method"?: m}   a `Typed` value

A value's own key that begins with `$` is written with the `$` doubled: no value can pose as a tag.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import rfc8785

from reviewconsole.protocol.plain import Plain, Typed

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_SAFE_INT = 2**53 - 1  # RFC 8785 admits what an IEEE double holds exactly
_CODES = range(128)  # msgpack's extension codes for applications
_UNORDERED = {("builtins", "set"), ("builtins", "frozenset")}


def tag(value: Plain) -> Json:
    """Write a plain value as tagged JSON. Two different values never give the same JSON.

    Tuples are written as the lists they are stored as, sets in the order of their elements'
    canonical bytes, so that one set has one form.

    Raises:
        TypeError: the value is not plain (see `plain.Plain`).
        ValueError: it nests too deeply, or holds an integer of more digits than Python prints.
    """
    with _depth_checked():
        return _tag(value)


def untag(value: Json) -> Plain:
    """Read tagged JSON back into a plain value; the inverse of `tag`.

    Raises:
        ValueError: an object has a reserved `$` key and is not a well-formed tag, or the value
            nests too deeply.
    """
    with _depth_checked():
        return _untag(value)


def canonical(value: Plain) -> bytes:
    """The one byte string of a plain value: RFC 8785 of its tagged JSON.

    Raises:
        TypeError, ValueError: as `tag`.
    """
    with _depth_checked():
        return rfc8785.dumps(_tag(value))


def dumps(value: Plain) -> str:
    """Tagged JSON as ASCII text, keeping the order of keys: what the database stores.

    Raises:
        TypeError, ValueError: as `tag`.
    """
    with _depth_checked():
        return json.dumps(_tag(value), allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Plain:
    """Read the text that `dumps` wrote.

    Raises:
        ValueError: the text is not JSON, or not tagged JSON.
    """
    with _depth_checked():
        return _untag(json.loads(text))


@contextmanager
def _depth_checked() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise ValueError("the value nests too deeply; make it flatter") from None


def _tag(value: Any) -> Json:
    match value:
        case None | bool() as literal:
            return literal
        case int():
            return value if -_SAFE_INT <= value <= _SAFE_INT else {"$int": str(value)}
        case float():
            exact = math.isfinite(value) and not value.is_integer()
            return value if exact else {"$float": repr(value)}
        case str():
            return value if _well_formed(value) else {"$str": _surrogates_passed(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case list() | tuple():
            return [_tag(item) for item in value]
        case dict():
            return _tag_dict(value)
        case Typed():
            return _tag_typed(value)
    raise TypeError(f"{type(value).__name__} is not a plain value; decode it first")


def _untag(value: Json) -> Plain:
    match value:
        case list():
            return [_untag(item) for item in value]
        case dict():
            return _untag_dict(value)
    return value


def _tag_dict(value: dict[Any, Plain]) -> Json:
    if all(isinstance(key, str) and _well_formed(key) for key in value):
        return {f"${key}" if key[:1] == "$" else key: _tag(item) for key, item in value.items()}
    pairs: list[Json] = [[_tag(key), _tag(item)] for key, item in value.items()]
    return {"$map": sorted(pairs, key=rfc8785.dumps)}


def _tag_typed(value: Typed) -> Json:
    payload = _tag(value.payload)
    if (value.module, value.name) in _UNORDERED and isinstance(payload, list):
        payload = sorted(payload, key=rfc8785.dumps)
    tagged: dict[str, Json] = {
        "$type": f"{_escaped(value.module)}:{value.name}",
        "$code": value.code,
        "$value": payload,
    }
    if value.method is not None:
        tagged["$method"] = value.method
    return tagged


def _untag_dict(value: dict[str, Json]) -> Plain:
    reserved = [key for key in value if key.startswith("$") and not key.startswith("$$")]
    if not reserved:
        return {key[1:] if key[:2] == "$$" else key: _untag(v) for key, v in value.items()}
    match value:
        case {"$int": str(digits), **rest} if not rest:
            return int(digits)
        case {"$float": str(digits), **rest} if not rest:
            return float(digits)
        case {"$bytes": str(encoded), **rest} if not rest:
            return _unbase64(encoded)
        case {"$str": str(units), **rest} if not rest:
            return bytes.fromhex(units).decode(errors="surrogatepass")
        case {"$map": list(pairs), **rest} if not rest:
            return _untag_map(pairs)
        case {"$type": str(name), "$code": int(code), "$value": payload, **rest}:
            return _untag_typed(name, code, _untag(payload), rest)
    key = reserved[0]
    raise ValueError(f"{key!r} is a reserved key of tagged JSON; write {'$' + key!r} to mean it")


def _untag_map(pairs: list[Json]) -> Plain:
    result: dict[Any, Plain] = {}
    for pair in pairs:
        match pair:
            case [key, item]:
                result[_untag_key(key)] = _untag(item)
            case _:
                raise ValueError("a $map holds pairs of a key and a value")
    return result


def _untag_typed(name: str, code: int, payload: Plain, rest: dict[str, Json]) -> Typed:
    module, separator, qualified = name.partition(":")
    method = rest.pop("$method", None)
    if rest or not separator or not (method is None or isinstance(method, str)):
        raise ValueError(f"{name!r} is not a well-formed $type tag")
    if isinstance(code, bool) or code not in _CODES or not (module or isinstance(payload, bytes)):
        raise ValueError(f"$code {code} of {name!r} is no msgpack extension with such a payload")
    return Typed(code, _unescaped(module), qualified, payload, method)


def _unbase64(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"$bytes is not base64: {error}") from error


def _untag_key(tagged: Json) -> Any:
    key = _as_tuple(_untag(tagged))
    try:
        hash(key)
    except TypeError:
        raise ValueError(f"a key of a $map cannot be {tagged!r}") from None
    return key


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value


def _escaped(module: str) -> str:
    return module.replace("%", "%25").replace(":", "%3A")  # a hostile name stays unambiguous


def _unescaped(module: str) -> str:
    return module.replace("%3A", ":").replace("%25", "%")


def _well_formed(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _surrogates_passed(text: str) -> str:
    return text.encode(errors="surrogatepass").hex()
