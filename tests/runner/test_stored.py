"""The stored form: what comes out of LangGraph's store, the same on both ends."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from typing import Any

import pytest
from hypothesis import given, strategies as st

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.runner import stored
from reviewconsole.runner.stored import Unstorable


@dataclasses.dataclass
class Order:
    id: int


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (("a", 1), ["a", 1]),
        ({"raw": bytearray(b"x")}, {"raw": b"x"}),
        (2**63, 2**63),
        (1.0, 1.0),
        ("\ud800", "?"),
        (ValueError("no"), "ValueError('no')"),
        (Order(7), {"id": 7}),
        (None, None),
    ],
)
def test_what_the_store_makes_of_a_value(value, plain):
    assert stored.to_plain(stored.store(value)) == plain


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.just(uuid.UUID(int=1))
    | st.just(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    | st.sets(st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(values)
def test_storing_again_changes_nothing(value):
    once = stored.store(value)
    again = stored.store(stored.load(once))
    assert question_digest(stored.to_plain(again)) == question_digest(stored.to_plain(once))


@pytest.mark.parametrize("value", [2**64, lambda: 1, {"at": object()}])
def test_what_cannot_be_stored_says_why(value):
    with pytest.raises(Unstorable, match=f"cannot store this {type(value).__name__}: "):
        stored.store(value)


def test_nesting_beyond_what_the_store_reads_cannot_be_stored():
    deep: Any = []
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(Unstorable):
        stored.store(deep)


@given(values)
def test_what_is_stored_and_loaded_is_what_is_loaded_of_it(value):
    whole, back = stored.store_and_load(value)
    assert whole == stored.store(value)
    assert (type(back), repr(back)) == (type(stored.load(whole)), repr(stored.load(whole)))
