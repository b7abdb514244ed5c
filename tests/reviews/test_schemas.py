"""Schemas of agents: strict, in people's words, within bounds, and nothing is ever fetched."""

import pytest
from hypothesis import given, strategies as st

from agents.reviews.request import Schema
from agents.reviews.schema_references import MAX_NODES, resolve
from agents.reviews.schemas import errors, part, problem
from reviewconsole.protocol.plain import Plain, Typed
from tests.reviews.plain_values import PLAIN

KEYWORDS = st.sampled_from(
    ["type", "$ref", "properties", "items", "anyOf", "enum", "pattern", "required", "multipleOf"]
)
ALMOST_SCHEMAS = st.dictionaries(KEYWORDS, st.one_of(PLAIN, st.just({"$ref": "#"})), max_size=4)


ROOT: Schema = {
    "properties": {
        "order": {"$ref": "#/$defs/Order"},
        "remote": {"items": {"$ref": "https://example.com/s"}},
        "whole": {"$ref": "#"},
        "inside": {"$ref": "#/$defs/Order/properties/id"},
        "sibling": {"$ref": "#/properties/order"},
        "all": {"$ref": "#/$defs"},
        "bad": {"type": "nonsense"},
    },
    "$defs": {
        "Order": {"properties": {"id": {"type": "integer"}, "lines": {"$ref": "#/$defs/L~1"}}},
        "L/": {"type": "array", "items": {"$ref": "#/$defs/Order"}},
        "Unused": {},
    },
}
DEFINITIONS = {name: ROOT["$defs"][name] for name in ("Order", "L/")}  # what `order` needs


class TestPart:
    def part_of(self, name):
        return part(ROOT, ROOT["properties"][name])

    def test_it_takes_along_what_it_refers_to(self):
        assert self.part_of("order") == (
            {"$ref": "#/$defs/Order", "$defs": DEFINITIONS},
            "",
        )
        assert self.part_of("inside")[0]["$defs"] == DEFINITIONS

    def test_it_means_the_same(self):
        schema, _ = self.part_of("order")
        wrong: Plain = {"lines": [{"id": "7"}]}
        assert errors(wrong, schema) == {("lines", 0, "id"): "Must be a whole number."}

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("remote", "It refers to 'https://example.com/s', which is not a part of it."),
            ("whole", "It refers to '#', which is not a part of it."),
            ("sibling", "It refers to '#/properties/order', which is not a part of it."),
            ("all", "It refers to '#/$defs', which is not a part of it."),
        ],
    )
    def test_what_would_mean_something_else_alone_is_not_used(self, name, reason):
        assert self.part_of(name) == (None, reason)

    def test_a_flaw_is_told(self):
        assert self.part_of("bad")[1].startswith("It is not a JSON schema:")
        assert part({}, 7) == (None, "It is not a JSON schema object.")


class TestProblem:
    @pytest.mark.parametrize(
        "schema",
        [
            {},
            {"type": "object", "properties": {"$ref": {"type": "string"}}},
            {"properties": {"a": {"$ref": "#/$defs/A~1B"}}, "$defs": {"A/B": {"type": "string"}}},
            {"properties": {"next": {"$ref": "#"}}},
            {"const": {"$ref": "https://example.com/"}},
            {"maximum": 2**64},
        ],
    )
    def test_usable(self, schema):
        assert problem(schema) == ""

    @pytest.mark.parametrize(
        ("schema", "text"),
        [
            (None, "It is not a JSON schema object."),
            (
                {"items": {"$ref": "https://example.com/s.json"}},
                "It refers to 'https://example.com/s.json', which is not a part of it.",
            ),
            ({"$dynamicRef": "#a"}, "It refers to '#a', which is not a part of it."),
            ({"$ref": "#/$defs/A"}, "It refers to '#/$defs/A', which is not a part of it."),
            ({"type": 7}, "It is not a JSON schema: 7 is not valid under any of the given schemas"),
            ({"pattern": "("}, "It is not a JSON schema: '(' is not a 'regex'"),
            (
                {"enum": [0] * (MAX_NODES + 1), "anyOf": [{}] * (MAX_NODES + 1)},
                f"It has more than {MAX_NODES} parts or 60 levels.",
            ),
        ],
        ids=["none", "remote", "anchor", "dangling", "type", "pattern", "huge"],
    )
    def test_unusable(self, schema, text):
        assert problem(schema) == text

    def test_too_deep(self):
        schema: Schema = {}
        for _ in range(5000):
            schema = {"items": schema}
        assert problem(schema) == f"It has more than {MAX_NODES} parts or 60 levels."

    @given(st.one_of(PLAIN, ALMOST_SCHEMAS))
    def test_any_value_has_an_answer(self, schema):
        assert isinstance(problem(schema), str)


class TestErrors:
    @pytest.mark.parametrize(
        ("schema", "value"),
        [
            ({"type": "integer"}, 2**63),
            ({"type": "integer", "maximum": 9007199254740993}, 9007199254740993),
            ({"type": "number"}, 1.5),
            ({"type": "string", "format": "date-time"}, "2026-11-21T09:30:00Z"),
            ({"type": "string", "pattern": "^(?!0)[0-9]+$"}, "10"),
            ({"type": "array", "uniqueItems": True}, [1, 1.0, True, "1"]),
            ({"properties": {"next": {"$ref": "#"}}}, {"next": {"next": {}}}),
            ({"patternProperties": {"^x-": {"type": "integer"}}}, {"x-a": 1, "y": "b"}),
            ({"additionalProperties": False, "patternProperties": {"^x-": {}}}, {"x-a": 1}),
        ],
        ids=ascii,
    )
    def test_what_fits(self, schema, value):
        assert errors(value, schema) == {}

    def test_checks_left_half_way_are_not_nested(self):
        assert errors([1] * 300, {"items": {"not": {"type": "string"}}}) == {}

    @pytest.mark.parametrize(
        ("schema", "value", "found"),
        [
            ({"type": "string"}, 1, {(): "Must be text."}),
            ({"type": "integer"}, True, {(): "Must be a whole number."}),
            ({"type": "integer"}, "7", {(): "Must be a whole number."}),
            ({"type": ["number", "null"]}, "7", {(): "Must be a number or null."}),
            ({"type": "number"}, float("nan"), {(): "Must be a number."}),
            ({"type": "object"}, {1: 2}, {(): "Must be an object."}),
            ({"type": "string"}, b"x", {(): "Must be text."}),
            ({"type": "object"}, Typed(2, "m", "A", {}), {(): "Must be an object."}),
            (
                {"maximum": 9007199254740992},
                9007199254740993,
                {(): "Must be 9007199254740992 or less."},
            ),
            ({"minimum": 1}, 0, {(): "Must be 1 or more."}),
            ({"exclusiveMinimum": 0}, 0, {(): "Must be more than 0."}),
            ({"exclusiveMaximum": 0}, 0, {(): "Must be less than 0."}),
            ({"multipleOf": 5}, 7, {(): "Must be a multiple of 5."}),
            ({"minLength": 2}, "a", {(): "Must have at least 2 characters."}),
            ({"maxLength": 1}, "abc", {(): "Must have at most 1 character; has 3."}),
            ({"minItems": 1}, [], {(): "Must have at least 1 item."}),
            ({"maxItems": 1}, [1, 2], {(): "Must have at most 1 item; has 2."}),
            ({"uniqueItems": True}, ["a", "a"], {(): "Must not have the same item twice."}),
            ({"enum": ["a", 1]}, "b", {(): 'Must be one of "a", 1.'}),
            ({"const": 1}, 2, {(): "Must be 1."}),
            ({"pattern": "^a"}, "b", {(): "Must match the pattern ^a."}),
            ({"format": "date"}, "soon", {(): "Must be a date such as 2026-11-21."}),
            ({"format": "uuid"}, "soon", {(): "Must be a UUID."}),
            ({"not": {}}, 1, {(): "Does not fit the schema (not)."}),
            (
                {"required": ["a", "b"], "additionalProperties": False},
                {"c": 1},
                {("a",): "Is required.", ("b",): "Is required.", ("c",): "Is not known here."},
            ),
            (
                {"properties": {"to": {"items": {"type": "string"}}}},
                {"to": ["a", 7]},
                {("to", 1): "Must be text."},
            ),
            (
                {"additionalProperties": {"type": "integer"}},
                {"a": "x"},
                {("a",): "Must be a whole number."},
            ),
            (
                {"anyOf": [{"type": "string"}, {"type": "null"}]},
                1,
                {(): "Must be text or null."},
            ),
            (
                {"anyOf": [{"type": "object", "required": ["a"]}, {"type": "null"}]},
                {},
                {("a",): "Is required."},
            ),
            (
                {
                    "oneOf": [
                        {"properties": {"type": {"const": "approve"}}},
                        {"properties": {"type": {"const": "edit"}}, "required": ["args"]},
                    ]
                },
                {"type": "edit"},
                {("args",): "Is required."},
            ),
            (
                {"anyOf": [{"minimum": 5}, {"multipleOf": 2}]},
                3,
                {(): "Fits none of the forms that are allowed here."},
            ),
        ],
        ids=ascii,
    )
    def test_what_does_not_fit(self, schema, value, found):
        assert errors(value, schema) == found

    @pytest.mark.parametrize(
        ("schema", "value", "message"),
        [
            (
                {"pattern": "^(a|a)*$"},
                "a" * 60 + "b",
                "The pattern '^(a|a)*$' takes too long.",
            ),
            (
                {
                    "$ref": "#/$defs/d0",
                    "$defs": {
                        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(25)
                    }
                    | {"d25": {}},
                },
                1,
                "Is too large to be checked against this schema.",
            ),
            (
                {"$ref": "#"},
                1,
                "Is nested too deeply, or its schema refers to itself without end.",
            ),
            (
                {"$ref": "https://example.com/s.json"},
                1,
                "Cannot be checked against the schema (_WrappedReferencingError).",
            ),
        ],
        ids=["pattern", "doubling", "loop", "remote"],
    )
    def test_what_cannot_be_checked_is_not_right(self, schema, value, message):
        assert errors(value, schema) == {(): message}

    @given(PLAIN, ALMOST_SCHEMAS)
    def test_any_value_against_any_schema_has_an_answer(self, value, schema):
        assert isinstance(errors(value, schema), dict)


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("#", {"$defs": {"A/B": True}, "allOf": [{"type": "null"}]}),
        ("#/$defs/A~1B", True),
        ("#/%24defs/A~1B", True),
        ("#/allOf/0", {"type": "null"}),
        ("#/allOf/1", None),
        ("#/allOf/x", None),
        ("#/allOf", None),
        ("#anchor", None),
        ("other#/$defs", None),
    ],
)
def test_references_lead_into_the_schema_only(reference: str, target: Plain):
    root: Schema = {"$defs": {"A/B": True}, "allOf": [{"type": "null"}]}
    assert resolve(reference, root) == target
