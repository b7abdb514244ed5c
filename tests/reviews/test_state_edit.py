"""Editing the state: what is on is written, of its type; what is off or untouched is left alone."""

import pytest
from hypothesis import given, strategies as st

from agents.reviews.diff import same
from agents.reviews.fields import MISSING, Kind
from agents.reviews.request import Arguments, Schema
from agents.reviews.state_edit import MAX_SIZE, build, parse
from reviewconsole.protocol.plain import Plain, Typed
from tests.reviews.plain_values import PLAIN, TEXT
from tests.reviews.submitted import submitted

SCHEMA: Schema = {
    "properties": {
        "note": {"default": None, "type": "string"},
        "count": {"default": None, "type": "integer", "maximum": 9},
        "log": {
            "default": None,
            "type": "array",
            "items": {"type": "string"},
            "x-reducer": "add",
        },
        "order": {"default": None, "$ref": "#/$defs/Order"},
        "thing": {"default": None, "$ref": "https://example.com/s"},
    },
    "$defs": {
        "Order": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "on": {"type": "boolean"}},
            "required": ["id"],
        }
    },
}
STATE: Arguments = {
    "note": "Draft.",
    "count": 1,
    "log": ["started"],
    "order": {"id": 2**60, "on": True},
    "secret": "not in the schema",
}


def posted(*on, schema=SCHEMA, state=STATE, **typed):
    """The post of the whole form with these channels on; `__` stands for a dot in a name."""
    post: dict[str, list[str]] = {}
    for form in build(schema, state):
        post |= submitted(form.field)
        if form.channel in on:
            post[form.on_name] = ["1"]
    return post | {f"state.{name.replace('__', '.')}": [text] for name, text in typed.items()}


def form_of(name, schema=SCHEMA, state=STATE):
    return next(form for form in build(schema, state) if form.channel == name)


class TestBuild:
    def test_each_channel_of_the_schema_starts_from_what_stands_there(self):
        forms = build(SCHEMA, STATE)
        assert [(f.channel, f.field.kind, f.current, f.reducer) for f in forms] == [
            ("note", Kind.TEXT, "Draft.", ""),
            ("count", Kind.INTEGER, 1, ""),
            ("log", Kind.ARRAY, ["started"], "add"),
            ("order", Kind.OBJECT, STATE["order"], ""),
            ("thing", Kind.JSON, MISSING, ""),
        ]
        assert [form.on for form in forms] == [False] * 5

    def test_what_is_united_with_what_stands_there_starts_empty(self):
        assert form_of("log").field.fields == ()

    def test_a_channel_without_a_usable_schema_says_why(self):
        assert form_of("thing").note == (
            "It refers to 'https://example.com/s', which is not a part of it."
        )

    def test_without_a_schema_the_channels_are_those_with_a_value(self):
        forms = build(None, {"a": 1.0, "b": {"c": None}, 7: "odd"})
        assert [(f.channel, f.field.kind) for f in forms] == [
            ("a", Kind.NUMBER),
            ("b", Kind.OBJECT),
        ]
        assert build(None, None) == ()

    def test_a_value_too_large_to_be_typed_is_not_in_the_form(self):
        form = form_of("note", state={"note": "x" * (MAX_SIZE + 1)})
        assert (form.field.text, len(str(form.current))) == ("", MAX_SIZE + 1)
        assert form.note == (
            "What stands there is too large to edit here (over 100,000 characters)."
        )

    def test_names_do_not_collide(self):
        order = form_of("order")
        assert order.on_name == "state.order:on"
        assert "state.order.on" in {field.name for field in order.field.walk()}
        assert form_of("a.b:c", {}, {"a.b:c": 1}).on_name == "state.a~1b~2c:on"


class TestParse:
    def test_only_what_is_on_is_written(self):
        read = parse(SCHEMA, STATE, posted("note", note="Better.", count="7"))
        assert (read.update, read.errors, read.is_final) == ({"note": "Better."}, {}, True)
        assert [form.channel for form in read.channels if form.on] == ["note"]
        assert next(form for form in read.channels if form.channel == "count").field.text == "7"

    def test_nothing_on_is_no_update(self):
        assert parse(SCHEMA, STATE, posted(note="Better.")).update is None
        assert parse(SCHEMA, STATE, {}) == (build(SCHEMA, STATE), None, {}, True)

    def test_types_are_the_schemas_and_integers_stay_exact(self):
        post = posted("order", "thing", order__id=str(2**60 + 1)) | {
            "state.thing:json": ['[1, 1.0, {"$bytes": "AA=="}]']
        }
        update: Arguments = {**(parse(SCHEMA, STATE, post).update or {})}
        assert same(update, {"order": {"id": 2**60 + 1, "on": True}, "thing": [1, 1.0, b"\0"]})

    def test_an_item_is_added_to_what_is_united(self):
        read = parse(SCHEMA, STATE, posted("log", op="") | {"op": ["add:state.log"]})
        assert (read.update, read.is_final) == (None, False)
        post = posted("log") | {"state.log:item": ["", "0"], "state.log.0": ["edited"]}
        assert parse(SCHEMA, STATE, post).update == {"log": ["edited"]}

    @pytest.mark.parametrize(
        ("channel", "typed", "errors"),
        [
            ("count", {"count": "ten"}, {"state.count": "Must be a whole number, such as 42."}),
            ("count", {"count": "10"}, {"state.count": "Must be 9 or less."}),
            ("order", {"order__id": ""}, {"state.order.id": "Must be a whole number, such as 42."}),
            (
                "order",
                {"order__id": str(2**64)},
                {"state.order.id": "Needs more than 64 bits and cannot be stored."},
            ),
            ("thing", {"thing:json": "["}, {"state.thing": "Line 1, column 2: Expecting value."}),
            ("thing", {}, {"state.thing": "Is required."}),
        ],
    )
    def test_what_is_wrong_is_told_in_its_place(self, channel, typed, errors):
        read = parse(SCHEMA, STATE, posted(channel, "note", **typed))
        assert (read.update, read.errors) == (None, errors)
        form = next(form for form in read.channels if form.channel == channel)
        assert {f.path: f.error for f in form.field.walk() if f.error} == errors

    def test_what_is_off_is_not_wrong(self):
        read = parse(SCHEMA, STATE, posted("note", count="ten"))
        assert (read.update, read.errors) == ({"note": "Draft."}, {})
        count = next(form for form in read.channels if form.channel == "count")
        assert (count.field.text, count.field.error) == ("ten", "")

    def test_an_object_stays_one_whatever_the_schema_says(self):
        when = Typed(1, "datetime", "date", [2026, 11, 22])
        state: Plain = {"order": {"due": when}}
        assert parse(SCHEMA, state, posted("order", state=state)).update == state

    def test_an_object_that_would_not_stay_one_is_refused(self):
        state: Plain = {"order": Typed(5, "shop", "Order", {"id": 1})}
        assert parse(SCHEMA, state, posted("order", state=state)).errors == {
            "state.order": "Would reach the agent as plain data and not as shop.Order."
        }

    def test_a_channel_that_is_not_there_is_not_written(self):
        post = posted("note") | {"state.secret:on": ["1"], "state.secret": ["mine"]}
        assert parse(SCHEMA, STATE, post).update == {"note": "Draft."}

    @given(st.dictionaries(TEXT.filter(lambda name: name[:2] != "__"), PLAIN, max_size=3))
    def test_what_is_not_touched_stays_what_it_was(self, state):
        post = posted(*state, schema=None, state=state)
        read = parse(None, state, post)
        update: Arguments = {**(read.update or {})}
        assert read.errors or same(update, state)  # refused: what cannot be stored

    @given(PLAIN, PLAIN, st.dictionaries(TEXT, st.lists(TEXT, max_size=2), max_size=3))
    def test_anything_posted_is_read(self, schema, state, post):
        assert parse(schema, state, post).update is None
