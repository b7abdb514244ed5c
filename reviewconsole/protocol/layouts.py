"""Classes as arrays: how each class of the wire is written and read, field by field.

The annotations are the schema: each becomes a check and a conversion, built once per class. Most
fields are as msgpack has them; so an array whose types were seen before, and were right, is taken
as it is, and only what has to be converted or looked into is read field by field.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from reviewconsole.protocol import values
from reviewconsole.protocol.exceptions import MalformedFrame
from reviewconsole.protocol.parts import HASH_BYTES
from reviewconsole.protocol.values import Lease, Owner, Parts, Whole

M = TypeVar("M")
Convert: TypeAlias = Callable[[Any], Any]

_LEAST, _MOST = -(2**63), 2**63 - 1  # what a database column takes


def is_integer(field: object) -> bool:
    """Whether it is an integer of 64 bits with a sign."""
    return type(field) is int and _LEAST <= field <= _MOST  # bool is an int, and is not one here


class Layout(Generic[M]):
    """The array of one class: its `code` first, where it has one, then its fields in order."""

    def __init__(self, cls: type[M]) -> None:
        """Take the class, a dataclass; see `layout`."""
        hints = typing.get_type_hints(cls)
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        self._cls = cls
        self._fields = {name: _field(hints[name]) for name in names}
        code: int | None = getattr(cls, "code", None)
        self._code = [] if code is None else [code]
        self._get = _getter(names)
        self._writers = [
            (place, field.write)
            for place, field in enumerate(self._fields.values(), len(self._code))
            if field.write is not None
        ]
        # By the types of an array's items, all of them right: which of them are to be read. As many
        # as there are ways to leave something out, whoever sends them.
        self._readers: dict[tuple[type, ...], list[tuple[int, Convert]]] = {}

    def write(self, message: M) -> list[Any]:
        """The array of an instance, for msgpack."""
        array = [*self._code, *self._get(message)]
        for place, write in self._writers:
            array[place] = write(array[place])
        return array

    def read(self, fields: Any) -> M:
        """The instance with these fields, without the code. An array is used up.

        Raises:
            MalformedFrame: naming the first field that is wrong.
        """
        if type(fields) is not list:
            raise self._wrong_length()
        kinds = tuple(map(type, fields))
        readers = self._readers.get(kinds)
        if readers is None:
            return self._first_of_its_kinds(kinds, fields)
        place = 0
        try:
            for place, read in readers:
                fields[place] = read(fields[place])
        except MalformedFrame as error:
            raise self._named(place, error) from None
        return self._cls(*fields)

    def _first_of_its_kinds(self, kinds: tuple[type, ...], fields: list[Any]) -> M:
        if len(fields) != len(self._fields):
            raise self._wrong_length()
        readers = []
        for place, field in enumerate(self._fields.values()):
            try:
                fields[place] = field.read(fields[place])
            except MalformedFrame as error:
                raise self._named(place, error) from None
            if kinds[place] not in field.plain:
                readers.append((place, field.read))
        self._readers[kinds] = readers
        return self._cls(*fields)

    def _named(self, place: int, error: MalformedFrame) -> MalformedFrame:
        return MalformedFrame(f"{self._cls.__name__}.{list(self._fields)[place]}: {error}")

    def _wrong_length(self) -> MalformedFrame:
        names = ", ".join(self._fields)
        return MalformedFrame(f"{self._cls.__name__} has {len(self._fields)} fields: {names}")


def layout(cls: type[M]) -> Layout[M]:
    """The layout of a class, made once."""
    return _layout(cls)  # type: ignore[arg-type]  # a class is hashable


_layout = cache(Layout)


class _Field(NamedTuple):
    read: Convert  # checks one and converts it
    plain: frozenset[type] = frozenset()  # what `read` returns as it is, whatever it holds
    write: Convert | None = None  # None: msgpack writes it as it is


def _field(annotation: Any) -> _Field:
    if annotation == values.Value:
        return _Field(_read_value, write=_write_value)
    if annotation == values.Scope:
        return _Field(_read_scope, write=_write_scope)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return _optional(_field(inner))
    if origin is tuple:
        return _sequence(_field(arguments[0]))
    if origin is dict:
        return _Field(_read_dict)
    if annotation is Whole:
        return _Field(_read_whole, write=_write_value)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _Field(lambda field: _read_enum(annotation, field), write=attrgetter("value"))
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        of_class = layout(annotation)
        return _Field(of_class.read, write=of_class.write)
    return _exactly(annotation)


def _exactly(wanted: type) -> _Field:
    if wanted is int:
        return _Field(_read_int)

    def read(field: Any) -> Any:
        if wanted is float and type(field) is int:
            return float(field)
        if type(field) is not wanted:
            raise MalformedFrame(f"{wanted.__name__} expected, {type(field).__name__} received")
        return field

    return _Field(read, frozenset({wanted}))


def _read_int(field: Any) -> int:
    if type(field) is not int:
        raise MalformedFrame(f"int expected, {type(field).__name__} received")
    if not _LEAST <= field <= _MOST:
        raise MalformedFrame(f"{field} is beyond 64 bits with a sign")
    return field


def _optional(inner: _Field) -> _Field:
    read, plain, write = inner
    return _Field(
        lambda field: None if field is None else read(field),
        plain | {types.NoneType},
        write and (lambda field: None if field is None else write(field)),
    )


def _sequence(inner: _Field) -> _Field:
    read, _, write = inner

    def read_all(field: Any) -> Any:
        if not isinstance(field, list):
            raise MalformedFrame(f"array expected, {type(field).__name__} received")
        return tuple(map(read, field))

    return _Field(read_all, write=write and (lambda field: list(map(write, field))))


def _read_dict(field: Any) -> dict[str, Any]:
    if not isinstance(field, dict) or not all(isinstance(key, str) for key in field):
        raise MalformedFrame("map with text keys expected")
    return field


def _read_enum(wanted: type[StrEnum], field: Any) -> StrEnum:
    try:
        return wanted(field)
    except ValueError:
        raise MalformedFrame(f"{field!r} is none of {[str(member) for member in wanted]}") from None


def _read_value(field: Any) -> values.Value:
    if type(field) is list and len(field) == 2:
        kind, data = field
        if type(kind) is str and type(data) is bytes:
            return Whole(kind, data)
    elif type(field) is list and len(field) == 3:
        kind, hashes, new = field
        is_typed = type(kind) is str and type(hashes) is bytes and type(new) is list
        if is_typed and len(hashes) % HASH_BYTES == 0:
            return Parts(kind, hashes, _read_parts(new))
    raise MalformedFrame("a value is [kind, bytes] or [kind, hashes of 16 bytes, [bytes, …]]")


_read_parts = _sequence(_exactly(bytes)).read


def _read_whole(field: Any) -> Whole:
    value = _read_value(field)
    if not isinstance(value, Whole):
        raise MalformedFrame("this value travels whole: [kind, bytes]")
    return value


def _write_value(value: values.Value) -> tuple[Any, ...]:
    if isinstance(value, Whole):
        return value.kind, value.data
    return value.kind, value.hashes, value.new


def _read_scope(field: Any) -> values.Scope:
    if type(field) is str:
        return Owner(field)
    if type(field) is list and len(field) == 2 and is_integer(field[0]) and is_integer(field[1]):
        return Lease(*field)
    raise MalformedFrame("a scope is [run, attempt] or the agent's name")


def _write_scope(scope: values.Scope) -> str | tuple[int, int]:
    return scope.agent if isinstance(scope, Owner) else (scope.run, scope.attempt)


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these attributes of an object."""
    match names:
        case []:
            return lambda _: ()
        case [name]:
            return lambda message: (getattr(message, name),)
    return attrgetter(*names)
