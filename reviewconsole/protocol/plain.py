"""Stored LangGraph values as plain data, without importing or calling anything they name.

LangGraph's serializer (`langgraph.checkpoint.serde.jsonplus`, checkpoint 4.3) writes msgpack with
extension codes 0 to 7. Its own decoder imports and calls what a blob names; this one keeps the name
and the payload, so that a hostile blob is only ever data.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

import ormsgpack

Plain: TypeAlias = (
    "bool | int | float | str | bytes | list[Plain] | dict[Hashable, Plain] | Typed | None"
)
"""What a stored value is once decoded; dict keys may be of any hashable plain type."""

_KEYS = ormsgpack.OPT_NON_STR_KEYS
_NAMED = range(6)  # codes 0 to 5: (module, name, payload[, method])
_NUMPY, _DELTA = 6, 7


class UnreadableValue(ValueError):
    """The bytes are not a value this decoder can read (encrypted, pickled or damaged)."""


@dataclass(frozen=True, slots=True, eq=True)
class Typed:
    """A value of a named Python type, as stored: never imported, never called.

    `code` is the msgpack extension code, `module` and `name` say the type, `payload` is what its
    constructor would get and `method` the alternative constructor of code 3 and 5. A payload whose
    layout is unknown is kept as raw bytes with an empty `module`.
    """

    code: int
    module: str
    name: str
    payload: Any
    method: str | None = None

    def __hash__(self) -> int:
        """Hash by type only: payloads may be lists, and typed keys are rare."""
        return hash((self.code, self.module, self.name))

    @property
    def type_name(self) -> str:
        """The dotted name of the type, or `ext-<code>` where the blob names none."""
        return f"{self.module}.{self.name}" if self.module else f"ext-{self.code}"


def decode(kind: str, data: bytes) -> Plain:
    """Read a value as LangGraph's `dumps_typed` wrote it: (kind, data).

    Lists stay lists, tuples used as keys stay tuples, extension objects become `Typed`.

    Raises:
        UnreadableValue: the kind is unknown (`pickle`, `msgpack+aes`, …) or the bytes are damaged.
    """
    match kind:
        case "null" | "empty":
            return None
        case "bytes" | "bytearray":
            return bytes(data)
        case "msgpack":
            return _unpack(data)
        case _:
            raise UnreadableValue(f"a value stored as {kind!r} cannot be read by the console")


def encode(value: Plain) -> tuple[str, bytes]:
    """Write a plain value so that LangGraph's serializer reads it; the inverse of `decode`.

    Raises:
        UnreadableValue: the value cannot be stored (an integer beyond 64 bits, nesting too deep).
    """
    if value is None:
        return "null", b""
    if isinstance(value, bytes):
        return "bytes", value
    return "msgpack", _pack(value)


def _unpack(data: bytes) -> Plain:
    try:
        value: Plain = ormsgpack.unpackb(data, ext_hook=_read_extension, option=_KEYS)
    except (ValueError, RecursionError) as error:
        raise UnreadableValue(f"damaged msgpack value of {len(data)} bytes: {error}") from error
    return value


def _read_extension(code: int, data: bytes) -> Typed:
    if code < 0:
        raise UnreadableValue(f"extension {code} is msgpack's own, and LangGraph writes none")
    if code == _DELTA:
        return Typed(code, "langgraph", "DeltaSnapshot", _unpack(data))
    if code == _NUMPY:
        return Typed(code, "numpy", "ndarray", _unpack(data))
    if code in _NAMED:
        match _unpack(data):
            case [str(module), str(name), payload] if module:
                return Typed(code, module, name, payload)
            case [str(module), str(name), payload, str(method)] if module:
                return Typed(code, module, name, payload, method)
    return Typed(code, "", "", bytes(data))


def _pack(value: Plain) -> bytes:
    try:
        return ormsgpack.packb(value, default=_write_extension, option=_PACK)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableValue(f"this value cannot be stored: {error}") from error


# Dataclasses are passed through so that `Typed` reaches `_write_extension`; surrogates become `?`
# exactly as LangGraph writes them.
_PACK = _KEYS | ormsgpack.OPT_PASSTHROUGH_DATACLASS | ormsgpack.OPT_REPLACE_SURROGATES


def _write_extension(value: object) -> ormsgpack.Ext:
    if not isinstance(value, Typed):
        raise TypeError(f"{type(value).__name__} is not plain data")
    return ormsgpack.Ext(value.code, _extension_body(value))


def _extension_body(value: Typed) -> bytes:
    if not value.module:
        return bytes(value.payload)
    if value.code in (_NUMPY, _DELTA):
        return _pack(value.payload)
    body: tuple[Any, ...] = (value.module, value.name, value.payload)
    return _pack(list(body if value.method is None else (*body, value.method)))
