"""The column for anything an agent can say."""

import json
from typing import Any

import pytest
from django.core import serializers
from hypothesis import HealthCheck, given, settings, strategies as st

from agents.models import Thread
from reviewconsole.protocol import tagged
from reviewconsole.protocol.plain import Typed
from tests.factories import make_agent

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary()
KEYS = st.text(st.characters()) | st.integers() | st.none() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    SCALARS | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@pytest.fixture
def thread(db):
    return Thread.objects.create(agent=make_agent())


def kept(thread, value):
    thread.snapshot = value
    thread.save()
    return Thread.objects.get(pk=thread.pk).snapshot


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_every_plain_value_comes_back_as_it_was(thread, value):
    found = kept(thread, value)
    assert (found, tagged.canonical(found)) == (value, tagged.canonical(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (0, "0"),
        ("null", '"null"'),
        ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
        ("\0\ud800é", '{"$str":"00eda080c3a9"}'),
        ("\0é", '"\\u0000\\u00e9"'),
        (1.0, '{"$float":"1.0"}'),
        (Typed(5, "app", "Money", 1), '{"$type":"app:Money","$code":5,"$value":1}'),
    ],
)
def test_the_column_holds_tagged_json_in_ascii(thread, value, text, django_assert_num_queries):
    kept(thread, value)
    with django_assert_num_queries(1):
        found: Any = Thread.objects.extra(select={"raw": "snapshot"})
        rows = found.values_list("raw", flat=True)
        assert rows.get() == text


def test_none_is_null_and_can_be_asked_for(thread):
    kept(thread, None)
    assert Thread.objects.filter(snapshot=None).get() == thread
    kept(thread, [])
    assert Thread.objects.filter(snapshot=None).count() == 0


def test_values_are_found_by_equality(thread):
    kept(thread, {"id": 2**60})
    assert Thread.objects.filter(snapshot={"id": 2**60}).get() == thread


def test_a_value_that_is_not_plain_is_refused(thread):
    with pytest.raises(TypeError, match="object is not a plain value"):
        kept(thread, {"a": object()})


def test_a_fixture_holds_the_value_and_gives_it_back(thread):
    kept(thread, {"id": 2**60, "nul": "\0"})
    (row,) = json.loads(serializers.serialize("json", [thread]))
    assert row["fields"]["snapshot"] == '{"id":{"$int":"1152921504606846976"},"nul":"\\u0000"}'
