"""Forms from schemas: what is not touched stays what it was, what is typed is read or refused."""

import pytest
from hypothesis import given, strategies as st

from agents.reviews.diff import same
from agents.reviews.fields import INVALID, MISSING, Field, Kind, State
from agents.reviews.raw_json import dump
from agents.reviews.request import Arguments, Schema
from agents.reviews.schema_form import build, build_json, parse
from agents.reviews.schema_walk import MAX_FIELDS, MAX_LEVELS
from reviewconsole.protocol.plain import Plain
from tests.reviews.plain_values import ARGUMENTS, PLAIN, TEXT
from tests.reviews.submitted import submitted

EMAIL: Schema = {
    "type": "object",
    "properties": {
        "to": {"type": "array", "items": {"type": "string"}},
        "subject": {"type": "string"},
        "body": {"type": "string"},
        "cc": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "priority": {"enum": ["low", "high", 1], "default": "low"},
        "copies": {"type": "integer"},
        "fee": {"type": "number"},
        "urgent": {"type": "boolean"},
        "due": {"type": "string", "format": "date"},
        "version": {"const": 2},
        "sender": {"$ref": "#/$defs/Person"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
    },
    "required": ["to", "subject"],
    "$defs": {
        "Person": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "id": {"type": "integer"}},
            "required": ["name"],
        },
        "Item": {
            "type": "object",
            "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}},
            "required": ["sku", "count"],
        },
    },
}
PROPOSED: Arguments = {
    "to": ["alice@example.com"],
    "subject": "Offer",
    "body": "Dear Alice,\n\nyours\r\n",
    "cc": None,
    "priority": "high",
    "copies": 2**62 + 1,
    "fee": 120.0,
    "urgent": False,
    "due": "2026-11-21",
    "version": 2,
    "sender": {"name": "Bob", "id": 7},
    "items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}],
    "x-trace": [1, 1.0, None, b"\0"],
}
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {},
            {"type": "string"},
            {"type": "string", "format": "date"},
            {"type": "integer"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"type": ["string", "null"]},
            {"enum": ["a", 1, 1.0, True, None]},
            {"const": 1},
            {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
            {"$ref": "#"},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda properties, required, others: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": others,
            },
            st.dictionaries(TEXT, inner, max_size=3),
            st.lists(TEXT, max_size=2),
            st.one_of(st.booleans(), inner),
        ),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda items: {"type": "array", "prefixItems": [items]}, inner),
        st.builds(lambda inner: {"allOf": [inner]}, inner),
        st.builds(lambda branches: {"oneOf": branches}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


def read_post(schema, before, post):
    """Parse the post of a form whose names begin with `args`."""
    return parse(schema, before, post, "args")


def form_of(value=PROPOSED, schema=EMAIL):
    return build(schema, value, "args")


def json_form_of(value):
    """The same form as one JSON text."""
    return build_json(value, "args")


def typing(typed, value=PROPOSED, schema=EMAIL):
    """Parse the form of a value after some inputs were changed, by name below `args`."""
    changed = {f"args.{name}": text for name, text in typed.items()}
    return read_post(schema, value, submitted(form_of(value, schema), changed))


def pressing(button, value=PROPOSED, schema=EMAIL, form=None):
    """Parse the form after one of its own buttons was pressed."""
    post = submitted(form or form_of(value, schema), {"op": button})
    return read_post(schema, value, post)


def field_of(form, name):
    """One field of a form, by the name of its input below `args`."""
    return next(field for field in form.walk() if field.name == f"args.{name}")


class TestUntouched:
    def test_the_value_stays_exactly_what_it_was(self):
        parsed = typing({})
        assert same(parsed.value, PROPOSED)
        assert list(parsed.value) == list(PROPOSED)
        assert (parsed.errors, parsed.is_final) == ({}, True)

    @given(ARGUMENTS)
    def test_without_a_schema(self, value):
        parsed = typing({}, value, None)
        assert same(parsed.value, value)
        assert parsed.errors == {}

    def test_of_any_depth_and_size_that_can_be_stored(self):
        deep: Plain = [1.0, 2**63, {1: b"x"}]
        for level in range(198):
            deep = {"a": deep} if level % 2 else [deep]
        value: Arguments = {"deep": deep, "large": "x\n" * 500_000}
        assert same(typing({}, value, None).value, value)
        assert same(read_post(None, value, submitted(json_form_of(value))).value, value)

    @given(SCHEMAS, PLAIN)
    def test_whatever_the_schema_says(self, schema, value):
        parsed = typing({}, value, schema)
        assert same(parsed.value, value)

    @given(SCHEMAS, PLAIN)
    def test_shown_again_it_is_the_same_form(self, schema, value):
        form = form_of(value, schema)
        again = read_post(schema, value, submitted(form)).form
        assert submitted(again) == submitted(form)

    @given(PLAIN)
    def test_as_json(self, value):
        parsed = read_post(None, value, submitted(json_form_of(value)))
        assert same(parsed.value, value)

    @given(SCHEMAS)
    def test_an_empty_form_is_built_of_any_schema(self, schema):
        form = build(schema, MISSING, "args")
        assert isinstance(read_post(schema, MISSING, submitted(form)).form, Field)


class TestKinds:
    @pytest.mark.parametrize(
        ("name", "kind", "text"),
        [
            ("to", Kind.ARRAY, ""),
            ("subject", Kind.TEXT, "Offer"),
            ("body", Kind.LONG_TEXT, "Dear Alice,\n\nyours\n"),
            ("cc", Kind.TEXT, ""),
            ("priority", Kind.CHOICE, ""),
            ("copies", Kind.INTEGER, "4611686018427387905"),
            ("fee", Kind.NUMBER, "120.0"),
            ("urgent", Kind.CHOICE, ""),
            ("due", Kind.DATE, "2026-11-21"),
            ("sender", Kind.OBJECT, ""),
            ("x-trace.3", Kind.JSON, '{\n  "$bytes": "AA=="\n}'),
        ],
    )
    def test_a_field_is_drawn_by_its_schema_and_value(self, name, kind, text):
        field = field_of(form_of(), name)
        assert (field.kind, field.text) == (kind, text)

    def test_a_required_constant_needs_no_input(self):
        field = build({"const": 2, "title": "Version"}, MISSING, "args")
        assert (field.kind, field.text, field.value) == (Kind.CONST, "2", 2)

    def test_null_and_missing_are_different(self):
        cc = field_of(form_of(), "cc")
        assert (cc.state, cc.value) == (State.NULL, None)
        assert cc.states == (State.VALUE, State.NULL, State.MISSING)
        absent = field_of(form_of({"to": [], "subject": ""}), "cc")
        assert (absent.state, absent.value) == (State.MISSING, MISSING)

    @pytest.mark.parametrize(
        ("schema", "value", "reason"),
        [
            ({"type": "integer"}, "7", "Its type is not the schema's."),
            ({"type": "integer"}, 7.5, "It is not a whole number, as its schema says."),
            ({"type": "number"}, float("nan"), "Its type is not the schema's."),
            ({"type": "number"}, True, "Its type is not the schema's."),
            ({"type": "string"}, "a\u202eb", "It holds characters that cannot be seen or typed."),
            ({"type": "object"}, {1: 2}, "It has keys that a form cannot show."),
            ({}, b"x", "It is a value of bytes, for which there is no form."),
            ({"allOf": [{}, {}]}, 1, "Its schema combines several schemas."),
            ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "Its type is not the schema's."),
            (
                {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                [],
                "It may be of several types.",
            ),
            ({"$ref": "#"}, 1, "Its schema refers to itself."),
            ({"$ref": "#/$defs/A"}, 1, "Its schema refers to #/$defs/A, which is not there."),
        ],
    )
    def test_what_has_no_form_is_json_and_says_why(self, schema, value, reason):
        field = build(schema, value, "args")
        assert (field.kind, field.text, field.reason) == (Kind.JSON, dump(value), reason)

    def test_a_union_is_decided_by_the_value(self):
        schema = {"properties": {"a": {"anyOf": [{"type": "number"}, {"type": "string"}]}}}
        assert field_of(form_of({"a": "120.00"}, schema), "a").kind is Kind.TEXT
        assert field_of(form_of({"a": 120.0}, schema), "a").kind is Kind.NUMBER

    def test_constants_of_a_union_are_a_choice(self):
        schema = {"oneOf": [{"const": "a"}, {"const": "b"}]}
        field = build(schema, "b", "args")
        assert [(c.label, c.selected) for c in field.choices] == [("a", False), ("b", True)]

    def test_a_recursive_schema_ends(self):
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
        schema = {"$ref": "#/$defs/Node", "$defs": {"Node": node}}
        form = form_of({"next": {"next": None}}, schema)
        field = field_of(form, "next")
        assert (field.kind, field.reason) == (Kind.JSON, "Its schema refers to itself.")

    def test_a_large_list_is_json(self):
        items: Plain = list(range(MAX_FIELDS))
        field = field_of(form_of({"a": 1, "items": items}, None), "items")
        assert (field.kind, field.text) == (Kind.JSON, dump(items))

    def test_references_that_fan_out_end(self):
        fan = {f"d{n}": {"properties": {}, "required": list("abcdefgh")} for n in range(20)}
        for n in range(19):
            below: Schema = {"$ref": f"#/$defs/d{n + 1}"}
            fan[f"d{n}"]["properties"] = dict.fromkeys("abcdefgh", below)
        schema: Schema = {"$ref": "#/$defs/d0", "$defs": fan}
        form = build(schema, MISSING, "args")
        assert len(list(form.walk())) < 2 * MAX_FIELDS
        assert read_post(schema, MISSING, submitted(form)).value is INVALID
        assert read_post(schema, MISSING, {}).value is INVALID

    def test_deep_nesting_is_json(self):
        value: Arguments = {"a": 1}
        for _ in range(MAX_LEVELS):
            value = {"a": value}
        deepest = list(form_of(value, None).walk())[-1]
        assert (deepest.kind, deepest.text) == (Kind.JSON, '{\n  "a": 1\n}')

    def test_the_schema_tells_titles_and_limits(self):
        schema = {
            "properties": {
                "n": {
                    "type": "integer",
                    "title": "Number",
                    "description": "How many.",
                    "minimum": 1,
                    "maximum": 9,
                    "default": 3,
                }
            }
        }
        field = field_of(form_of({}, schema), "n")
        assert (field.label, field.title, field.description, field.hint) == (
            "n",
            "Number",
            "How many.",
            "from 1 up to 9, if not set: 3",
        )


class TestTyped:
    @pytest.mark.parametrize(
        ("name", "typed", "key", "value"),
        [
            ("subject", "Better offer", "subject", "Better offer"),
            ("subject", "", "subject", ""),
            ("body", "One\r\nTwo", "body", "One\r\nTwo"),
            ("copies", " 9007199254740993 ", "copies", 9007199254740993),
            ("copies", "-1", "copies", -1),
            ("fee", "99", "fee", 99.0),
            ("fee", "1e3", "fee", 1000.0),
            ("fee", "9007199254740993", "fee", 9007199254740993),
            ("priority", "2", "priority", 1),
            ("priority", "missing", "priority", MISSING),
            ("urgent", "0", "urgent", True),
            ("due", "2027-01-01", "due", "2027-01-01"),
            ("to.0", "bob@example.com", "to", ["bob@example.com"]),
            ("cc", "carol@example.com", "cc", "carol@example.com"),
            ("cc:state", "missing", "cc", MISSING),
            ("cc:state", "value", "cc", ""),
            ("x-trace.1", "2", "x-trace", [1, 2.0, None, b"\0"]),
            ("x-trace.2:json", '"x"', "x-trace", [1, 1.0, "x", b"\0"]),
        ],
    )
    def test_what_is_typed_is_read_by_its_type(self, name, typed, key, value):
        expected = {**PROPOSED, key: value}
        if value is MISSING:
            del expected[key]
        assert same(typing({name: typed}).value, expected)

    @pytest.mark.parametrize(
        ("before", "name", "typed", "after"),
        [
            ({"a": 1}, "a", "2", 2),
            ({"a": 1.0}, "a", "2", 2.0),
            ({"a": True}, "a", "1", False),
            ({"a": "1"}, "a", "2", "2"),
            ({"a": None}, "a:json", "2", 2),
            ({"a": [1.0, "x"]}, "a.0", "2", [2.0, "x"]),
            ({"a": {"b": [2**62]}}, "a.b.0", str(2**62 + 1), {"b": [2**62 + 1]}),
        ],
    )
    def test_without_a_schema_types_are_kept_from_the_value(self, before, name, typed, after):
        assert same(typing({name: typed}, before, None).value, {"a": after})

    def test_line_ends_are_kept_where_the_text_has_its_own(self):
        assert typing({"body": "a\r\nb"}, {"body": "x\ny"}, None).value == {"body": "a\nb"}
        assert typing({"body": "a\r\nb"}, {"body": "x\r\ny"}, None).value == {"body": "a\r\nb"}

    def test_unsetting_beats_the_text_that_was_there(self):
        parsed = typing({"cc:state": "null"}, {**PROPOSED, "cc": "carol@example.com"})
        assert parsed.value["cc"] is None

    @pytest.mark.parametrize(
        ("name", "typed", "error"),
        [
            ("copies", "two", "Must be a whole number, such as 42."),
            ("copies", "2.0", "Must be a whole number, such as 42."),
            ("copies", "\u0661", "Must be a whole number, such as 42."),
            ("fee", "120,50", "Must be a number, such as 12.5."),
            ("fee", "nan", "Must be a number, such as 12.5."),
            ("fee", "1e999", "This number is too large."),
            ("priority", "9", "Nothing arrived for this field. Try again."),
            ("cc:state", "gone", "Nothing arrived for this field. Try again."),
            ("items:item", "0", "Nothing arrived for this field. Try again."),
        ],
    )
    def test_what_cannot_be_read_is_refused_in_its_place(self, name, typed, error):
        parsed = typing({name: typed})
        assert parsed.value is INVALID
        place = name.partition(":")[0]
        assert parsed.errors == {f"args.{place}": error}

    def test_what_was_typed_is_shown_again(self):
        parsed = typing({"copies": "two", "subject": "Better offer", "cc": "carol@example.com"})
        shown = {f.name: f.text for f in parsed.form.walk()}
        assert shown["args.copies"] == "two"
        assert shown["args.subject"] == "Better offer"
        assert shown["args.cc"] == "carol@example.com"
        assert field_of(parsed.form, "copies").error == "Must be a whole number, such as 42."

    def test_what_does_not_fit_the_schema_is_told_in_its_place(self):
        schema = {"properties": {"n": {"type": "integer", "maximum": 9}}}
        parsed = typing({"n": "10"}, {"n": 1}, schema)
        assert parsed.value == {"n": 10}
        assert parsed.errors == {"args.n": "Must be 9 or less."}
        assert field_of(parsed.form, "n").text == "10"

    @pytest.mark.parametrize("name", ["args.subject", "args.items:item", "args.items.0.sku"])
    def test_an_input_that_did_not_arrive_is_not_guessed(self, name):
        post = submitted(form_of())
        del post[name]
        parsed = read_post(EMAIL, PROPOSED, post)
        assert parsed.value is INVALID
        assert parsed.errors == {
            name.removesuffix(":item"): "Nothing arrived for this field. Try again."
        }

    def test_an_empty_form_asks_for_what_is_required(self):
        form = build(EMAIL["$defs"]["Item"], MISSING, "args")
        parsed = read_post(EMAIL["$defs"]["Item"], MISSING, submitted(form))
        assert parsed.errors == {"args.sku": "Is required.", "args.count": "Is required."}

    def test_a_required_choice_is_not_made_for_the_reviewer(self):
        schema = {"properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
        form = build({**schema, "type": "object"}, MISSING, "args")
        post = submitted(form)
        assert read_post(schema, MISSING, post).errors == {"args.ok": "Choose one."}
        post["args.ok"] = ["1"]
        assert read_post(schema, MISSING, post).value == {"ok": False}

    def test_a_value_outside_its_choices_can_be_kept_and_is_told(self):
        schema = {"properties": {"p": {"enum": ["a", "b"]}}, "required": ["p"]}
        field = field_of(form_of({"p": "z"}, schema), "p")
        assert [c.label for c in field.choices] == ['"z" (not allowed)', "a", "b"]
        parsed = typing({}, {"p": "z"}, schema)
        assert (parsed.value, parsed.errors) == (
            {"p": "z"},
            {"args.p": 'Must be one of "a", "b".'},
        )


class TestButtons:
    def test_an_item_is_added_empty(self):
        parsed = pressing("add:args.to")
        assert not parsed.is_final
        assert parsed.errors == {}
        to = field_of(parsed.form, "to")
        assert [(item.name, item.text) for item in to.fields] == [
            ("args.to.0", "alice@example.com"),
            ("args.to.1", ""),
        ]
        post = submitted(parsed.form, {"args.to.1": "bob@example.com"})
        value = read_post(EMAIL, PROPOSED, post).value
        assert value["to"] == ["alice@example.com", "bob@example.com"]

    def test_an_item_is_removed_and_the_others_keep_their_names(self):
        parsed = pressing("remove:args.items.0")
        (item,) = field_of(parsed.form, "items").fields
        assert (item.name, item.path, item.label) == ("args.items.1", "args.items.0", "0")
        value = read_post(EMAIL, PROPOSED, submitted(parsed.form)).value
        assert value["items"] == [{"sku": "b", "count": 2}]

    def test_an_error_after_a_removed_item_stands_at_the_item_it_is_about(self):
        form = pressing("remove:args.items.0").form
        parsed = read_post(EMAIL, PROPOSED, submitted(form, {"args.items.1.count": "x"}))
        assert parsed.errors == {"args.items.0.count": "Must be a whole number, such as 42."}
        assert field_of(parsed.form, "items.1.count").error

    def test_a_new_item_never_takes_the_name_of_a_removed_one(self):
        form = pressing("remove:args.items.1").form
        form = pressing("add:args.items", form=form).form
        names = [item.name for item in field_of(form, "items").fields]
        assert names == ["args.items.0", "args.items.2"]

    def test_without_a_schema_a_new_item_is_like_the_last(self):
        value = {"items": [{"sku": "a", "count": 1}]}
        form = pressing("add:args.items", value, None).form
        typed = {"args.items.1.sku": "b", "args.items.1.count": "2"}
        parsed = read_post(None, value, submitted(form, typed))
        assert parsed.value == {"items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]}

    def test_an_absent_object_is_set_and_unset(self):
        value = {"to": [], "subject": ""}
        form = pressing("add:args.sender", value).form
        sender = field_of(form, "sender")
        assert (sender.state, [child.label for child in sender.fields]) == (
            State.VALUE,
            ["name", "id"],
        )
        parsed = read_post(EMAIL, value, submitted(form, {"args.sender.name": "Bob"}))
        assert parsed.value["sender"] == {"name": "Bob"}
        form = pressing("remove:args.sender", value, form=form).form
        assert read_post(EMAIL, value, submitted(form)).value == value

    def test_a_nullable_list_is_set_to_null_and_back(self):
        items = {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}
        schema = {"properties": {"a": items}, "required": ["a"]}
        form = pressing("null:args.a", {"a": [1]}, schema).form
        assert read_post(schema, {"a": [1]}, submitted(form)).value == {"a": None}
        form = pressing("add:args.a", {"a": None}, schema).form
        assert [item.text for item in field_of(form, "a").fields] == [""]

    def test_what_was_typed_survives_a_button(self):
        post = submitted(form_of(), {"op": "add:args.to", "args.copies": "two"})
        form = read_post(EMAIL, PROPOSED, post).form
        assert field_of(form, "copies").text == "two"

    def test_a_tuple_has_no_buttons(self):
        schema = {"properties": {"a": {"type": "array", "prefixItems": [{"type": "string"}]}}}
        field = field_of(form_of({"a": ["x"]}, schema), "a")
        assert (field.growable, field.fields[0].removable) == (False, False)
        form = pressing("add:args.a", {"a": ["x"]}, schema).form
        assert len(field_of(form, "a").fields) == 1

    def test_the_buttons_of_another_form_are_not_mine(self):
        assert pressing("add:argsother.to").is_final

    @pytest.mark.parametrize("keys", [["", "0", "0"], ["", "x"], ["", "01"], ["", "-1"], []])
    def test_a_damaged_list_of_items_is_refused(self, keys):
        post = {**submitted(form_of()), "args.items:item": keys}
        parsed = read_post(EMAIL, PROPOSED, post)
        assert parsed.errors == {"args.items": "Nothing arrived for this field. Try again."}


class TestJsonView:
    def test_to_json_and_back(self):
        form = pressing("json:args").form
        assert (form.kind, form.text) == (Kind.JSON, dump(PROPOSED))
        form = pressing("form:args", form=form).form
        assert submitted(form) == submitted(form_of())

    def test_what_was_typed_as_json_becomes_the_form(self):
        value = {"a": 1, "list": [1]}
        typed = {"args:json": '{"a": 1.0, "list": [1, 2], "new": "x"}', "op": "form:args"}
        post = submitted(json_form_of(value), typed)
        form = read_post(None, value, post).form
        parsed = read_post(None, value, submitted(form, {"args.a": "3"}))
        assert same(parsed.value, {"a": 3.0, "list": [1, 2], "new": "x"})

    def test_broken_json_stays_as_it_was_typed(self):
        post = submitted(json_form_of({}), {"args:json": "{", "op": "form:args"})
        parsed = read_post(None, {}, post)
        assert (parsed.value, parsed.form.kind, parsed.form.text) == (INVALID, Kind.JSON, "{")
        assert parsed.errors == {
            "args": "Line 1, column 2: Expecting property name enclosed in double quotes."
        }

    def test_broken_input_keeps_the_form(self):
        post = submitted(form_of(), {"args.copies": "two", "op": "json:args"})
        parsed = read_post(EMAIL, PROPOSED, post)
        assert parsed.form.kind is Kind.OBJECT
        assert field_of(parsed.form, "copies").error

    def test_json_is_checked_against_the_schema(self):
        post = submitted(json_form_of(PROPOSED), {"args:json": '{"to": [1]}'})
        parsed = read_post(EMAIL, PROPOSED, post)
        assert parsed.errors == {"args": "to.0: Must be text. subject: Is required."}

    def test_a_damaged_base_is_refused(self):
        post = submitted(form_of(), {"args:base": "{"})
        parsed = read_post(EMAIL, PROPOSED, post)
        assert parsed.errors == {"args": "The form arrived damaged. Try again."}


class TestNames:
    @given(st.lists(TEXT, max_size=5, unique=True))
    def test_no_two_fields_share_a_name(self, keys):
        form = form_of({key: {"a": 1, "a.b": [1]} for key in keys}, None)
        names = [field.name for field in form.walk()]
        assert len(names) == len(set(names))

    def test_a_key_cannot_pose_as_a_control(self):
        value = {"to": ["a"], "to:item": "9"}
        assert typing({}, value, None).value == value
