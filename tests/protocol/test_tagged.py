"""Tagged JSON says every plain value, exactly and in one way."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, strategies as st

from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.plain import Typed
from tests.protocol.values import any_text, anything, confusable, form


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (2**53 - 1, "9007199254740991"),
        (2**53, '{"$int":"9007199254740992"}'),
        (-(10**30), '{"$int":"-1000000000000000000000000000000"}'),
        (0.1, "0.1"),
        (1.0, '{"$float":"1.0"}'),
        (-0.0, '{"$float":"-0.0"}'),
        (1e300, '{"$float":"1e+300"}'),
        (math.inf, '{"$float":"inf"}'),
        (math.nan, '{"$float":"nan"}'),
        ("é\0", '"\\u00e9\\u0000"'),
        ("\ud800", '{"$str":"eda080"}'),
        (b"\xff\0", '{"$bytes":"/wA="}'),
        ([1, [2]], "[1,[2]]"),
        ((1, (2,)), "[1,[2]]"),
        ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
        ({"$int": 1, "$$": 2}, '{"$$int":1,"$$$":2}'),
        ({2: "b", 1: "a"}, '{"$map":[[1,"a"],[2,"b"]]}'),
        ({"\ud800": 1}, '{"$map":[[{"$str":"eda080"},1]]}'),
        ({(1, "a"): 1}, '{"$map":[[[1,"a"],1]]}'),
        (
            Typed(2, "decimal", "Decimal", ["1.5"]),
            '{"$type":"decimal:Decimal","$code":2,"$value":["1.5"]}',
        ),
        (
            Typed(3, "datetime", "datetime", "…", "fromisoformat"),
            '{"$type":"datetime:datetime","$code":3,"$value":"\\u2026","$method":"fromisoformat"}',
        ),
        (Typed(9, "", "", b"?"), '{"$type":":","$code":9,"$value":{"$bytes":"Pw=="}}'),
    ],
)
def test_the_form_of_each_kind(value: Any, expected: str) -> None:
    """These texts are stored and hashed: they never change."""
    assert tagged.dumps(value) == expected


@given(anything)
def test_every_value_comes_back(value: Any) -> None:
    """With its types, whatever Python takes for equal."""
    assert form(tagged.untag(tagged.tag(value))) == form(value)
    assert form(tagged.loads(tagged.dumps(value))) == form(value)


@given(confusable, confusable)
def test_two_values_never_share_their_bytes(one: Any, other: Any) -> None:
    """A fingerprint is taken of them."""
    assert (tagged.canonical(one) == tagged.canonical(other)) == (form(one) == form(other))


@given(any_text, any_text)
def test_two_texts_never_share_their_bytes(one: str, other: str) -> None:
    """Two lone surrogates in a row are not the character they would make together."""
    assert (tagged.canonical(one) == tagged.canonical(other)) == (one == other)


@given(anything)
def test_canonical_bytes_are_json_and_ignore_the_order_of_keys(value: Any) -> None:
    """RFC 8785 of the tagged form."""
    canonical = tagged.canonical(value)

    assert json.loads(canonical) == tagged.tag(value)
    if isinstance(value, dict):
        assert tagged.canonical(dict(reversed(value.items()))) == canonical


def test_a_set_has_one_form() -> None:
    """Its order is another in each process."""
    one = Typed(0, "builtins", "set", [3, "a", 1.0])
    other = Typed(0, "builtins", "set", ["a", 1.0, 3])

    assert tagged.dumps(one) == tagged.dumps(other)
    assert tagged.canonical(one) != tagged.canonical(Typed(0, "builtins", "list", [3, "a", 1.0]))


@pytest.mark.parametrize("value", [object(), {1, 2}, [bytearray()], {"a": 1j}])
def test_what_is_not_plain_is_named(value: Any) -> None:
    """The caller forgot to decode it."""
    with pytest.raises(TypeError, match="is not a plain value; decode it first"):
        tagged.tag(value)


def nested(depth: int) -> Any:
    """A list in a list in a list …"""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("write", [tagged.tag, tagged.canonical, tagged.dumps, tagged.untag])
def test_a_value_nested_too_deeply_is_refused(write: Any) -> None:
    """A hostile agent may store one."""
    with pytest.raises(ValueError, match="nests too deeply"):
        write(nested(5000))


def test_a_text_nested_too_deeply_is_refused() -> None:
    """So may a hostile form post one."""
    with pytest.raises(ValueError, match="nests too deeply"):
        tagged.loads("[" * 100_000)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$int", "$float", "$bytes", "$str", "$map", "$type", "$code", "$value"]
            )
            | st.text(st.sampled_from("$a"), max_size=3),
            inner
            | st.sampled_from(["", ":", "a:b", "12", "nan", "zz", 0, 3, 200, True, [[{}, 1]]]),
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(json_values)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """And what was read can be hashed; it can be stored, or the store says why not."""
    try:
        read = tagged.untag(value)
    except ValueError:
        return
    tagged.canonical(read)
    with suppress(plain.UnreadableValue):
        plain.encode(read)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"$int": 1}',
        '{"$int": "1", "a": 1}',
        '{"$int": "one"}',
        '{"$float": "one"}',
        '{"$bytes": "?"}',
        '{"$str": "zz"}',
        '{"$str": "ff"}',
        '{"$map": [[1]]}',
        '{"$map": [[{"a": 1}, 1]]}',
        '{"$map": [[[{"a": 1}], 1]]}',
        '{"$type": "no separator", "$code": 1, "$value": 1}',
        '{"$type": "a:b", "$code": 1, "$value": 1, "$method": 1}',
        '{"$type": "a:b", "$code": 1, "$value": 1, "more": 1}',
        '{"$type": "a:b", "$code": 128, "$value": 1}',
        '{"$type": "a:b", "$code": true, "$value": 1}',
        '{"$type": ":", "$code": 9, "$value": 5}',
        '{"$unknown": 1}',
    ],
)
def test_what_is_no_tag(text: str) -> None:
    """A reserved key is never taken for the agent's own."""
    with pytest.raises(ValueError, match=r"\S"):
        tagged.loads(text)


def test_the_remedy_for_a_reserved_key() -> None:
    """A person who writes JSON by hand is told how to mean it."""
    with pytest.raises(
        ValueError, match=r"'\$ref' is a reserved key .* write '\$\$ref' to mean it"
    ):
        tagged.loads('{"$ref": "#/a"}')
