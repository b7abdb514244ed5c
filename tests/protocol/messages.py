"""Any message of the wire: strategies built from the types of its fields."""

import dataclasses
import typing
from enum import StrEnum
from types import NoneType
from typing import Any

from hypothesis import strategies as st

from reviewconsole.protocol import messages
from reviewconsole.protocol.messages import Hint, Lease, Owner, Parts, Request, Result, Whole
from reviewconsole.protocol.parts import HASH_BYTES
from tests.protocol.values import well_formed

wholes = st.builds(Whole, well_formed, st.binary(max_size=20))
parts = st.builds(
    Parts,
    well_formed,
    st.integers(0, 3).flatmap(
        lambda n: st.binary(min_size=n * HASH_BYTES, max_size=n * HASH_BYTES)
    ),
    st.lists(st.binary(max_size=10), max_size=3).map(tuple),
)
integers = st.integers(-(2**63), 2**63 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False) | well_formed,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(well_formed, inner, max_size=2),
    max_leaves=3,
)
FIELDS: dict[Any, Any] = {
    int: integers,
    float: st.floats(allow_nan=False),
    str: well_formed,
    bytes: st.binary(max_size=20),
    bool: st.booleans(),
    Whole: wholes,
    messages.Value: wholes | parts,
    messages.Scope: st.builds(Lease, integers, integers) | st.builds(Owner, well_formed),
    dict[str, Any]: st.dictionaries(well_formed, json_values, max_size=2),
}


def field(annotation: Any) -> Any:
    """Whatever a field of this type may hold."""
    if annotation in FIELDS:
        return FIELDS[annotation]
    arguments = typing.get_args(annotation)
    if NoneType in arguments:
        return st.none() | field(next(a for a in arguments if a is not NoneType))
    if typing.get_origin(annotation) is tuple:
        return st.lists(field(arguments[0]), max_size=2).map(tuple)
    if issubclass(annotation, StrEnum):
        return st.sampled_from(annotation)
    return message(annotation)


def message(kind: type) -> Any:
    """Any message of this class."""
    hints = typing.get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    return st.builds(kind, **{name: field(hints[name]) for name in names})


REQUESTS = typing.get_args(Request)
RESULTS = typing.get_args(Result)
HINTS = typing.get_args(Hint)
requests: st.SearchStrategy[Request] = st.one_of([message(kind) for kind in REQUESTS])
results: st.SearchStrategy[Result] = st.one_of([message(kind) for kind in RESULTS])
hints: st.SearchStrategy[Hint] = st.one_of([message(kind) for kind in HINTS])
