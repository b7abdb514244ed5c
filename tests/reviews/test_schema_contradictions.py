"""A schema that no value fits is told as such; one that some value fits never is."""

import pytest
from hypothesis import assume, given, strategies as st

from agents.reviews.request import Schema
from agents.reviews.schema_contradictions import contradiction
from agents.reviews.schemas import errors, problem
from tests.reviews.plain_values import PLAIN

NEEDED: Schema = {"type": "object", "required": ["a"]}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "integer", "minimum": 5, "maximum": 1}, ": minimum is 5 and maximum is 1."),
        (
            {"type": "number", "exclusiveMinimum": 1, "maximum": 1},
            ": exclusiveMinimum is 1 and maximum is 1.",
        ),
        (
            {"type": "string", "minLength": 2, "maxLength": 1},
            ": minLength is 2 and maxLength is 1.",
        ),
        ({"type": "array", "minItems": 2, "maxItems": 1}, ": minItems is 2 and maxItems is 1."),
        ({"type": "string", "enum": [1, None]}, ": none of its choices is of its type."),
        ({"type": "integer", "const": True}, ": none of its choices is of its type."),
        ({"enum": []}, ": it has no choices."),
        ({**NEEDED, "additionalProperties": False}, ": it requires 'a' and does not allow it."),
        ({**NEEDED, "properties": {"a": False}}, " at a: it allows nothing."),
        (
            {"allOf": [{"type": "string"}, {"type": "integer"}]},
            ": it must be integer and string at once.",
        ),
        (
            {
                **NEEDED,
                "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {**NEEDED, "properties": {"a": {"enum": []}}}},
            },
            " at a.a: it has no choices.",
        ),
        (
            {"type": "string", "allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"type": "null"}}},
            ": it must be null and string at once.",
        ),
    ],
    ids=lambda part: ascii(part)[:60],
)
def test_contradictions_are_told(schema, reason):
    assert problem(schema) == f"No value fits it{reason}"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"minimum": 5, "maximum": 1},
        {"type": ["integer", "string"], "minimum": 5, "maximum": 1},
        {"type": "integer", "minimum": 1, "maximum": 1},
        {"type": "integer", "enum": [1.0, "a"]},
        {"type": "object", "properties": {"a": False}},
        {"required": ["a"], "properties": {"a": False}},
        {**NEEDED, "additionalProperties": False, "patternProperties": {"a": {}}},
        {"allOf": [{"type": "integer"}, {"type": "number"}]},
        {"anyOf": [{"enum": []}, {}]},
        {**NEEDED, "properties": {"a": {"$ref": "#"}}},
    ],
    ids=lambda part: ascii(part)[:60],
)
def test_what_some_value_fits_is_not(schema):
    assert problem(schema) == ""


def test_references_that_fan_out_end():
    fan: Schema = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 20} for n in range(40)}
    assert problem({"$ref": "#/$defs/d0", "$defs": {**fan, "d40": {}}}) == ""


SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["integer", "number", "string", "array", "object", "null"]),
            "minimum": st.integers(0, 2),
            "exclusiveMaximum": st.integers(0, 2),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "enum": st.lists(st.sampled_from([0, 1.0, "", None, True]), max_size=2, unique_by=repr),
            "required": st.lists(st.sampled_from(["a", "b"]), max_size=1),
            "additionalProperties": st.booleans(),
        },
    ),
    lambda inner: st.one_of(
        st.builds(lambda one, two: {"allOf": [one, two]}, inner, inner),
        st.builds(
            lambda one: {"type": "object", "required": ["a"], "properties": {"a": one}}, inner
        ),
    ),
    max_leaves=4,
)
VALUES = st.one_of(PLAIN, st.just({"a": 0}), st.sampled_from([0, 1, 2, "", [], [0], {}]))


@given(SCHEMAS, VALUES)
def test_no_value_fits_what_is_called_a_contradiction(schema, value):
    assume(contradiction(schema))
    assert errors(value, schema)
