"""A value as lines: everything is there, nothing is cut."""

from collections.abc import Hashable

import pytest
from hypothesis import given, strategies as st

from agents.reviews.outline import MAX_LEVELS, Line, outline
from reviewconsole.protocol.plain import Plain, Typed

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def test_each_argument_is_a_line_with_its_key_text_and_type() -> None:
    args: Plain = {"to": "alice@example.com", "amount": 120.0, "id": 2**60, "now": True, "cc": None}
    assert outline(args) == (
        Line("to", "text", "alice@example.com"),
        Line("amount", "number", "120.0"),
        Line("id", "integer", "1152921504606846976"),
        Line("now", "boolean", "true"),
        Line("cc", "null", "null"),
    )


def test_long_text_stands_in_a_block_and_says_its_length() -> None:
    (line,) = outline({"body": "Dear Ada,\n" + "x" * 1190})
    assert (line.block, line.size) == (True, "1,200 characters, 2 lines")
    (line,) = outline({"body": "x" * 101})
    assert (line.block, line.size) == (True, "101 characters")


def test_nested_values_are_lines_within_lines() -> None:
    (line,) = outline({"lines": [{"sku": "A-1"}, "B-2"]})
    first = Line("1", "object", lines=(Line("sku", "text", "A-1"),))
    assert line == Line(
        "lines", "list", size="2 items", lines=(first, Line("2", "text", "B-2")), is_list=True
    )


def test_objects_of_the_same_short_values_read_as_a_table() -> None:
    rows: Plain = [{"sku": "A-1", "amount": 2.5}, {"sku": "B-2", "amount": 10.0}]
    (line,) = outline({"lines": rows})
    assert [(column.key, column.kind) for column in line.columns] == [
        ("sku", "text"),
        ("amount", "number"),
    ]


def test_a_table_may_have_gaps() -> None:
    (line,) = outline({"lines": [{"pages": None}, {"pages": 2}]})
    assert [(column.key, column.kind) for column in line.columns] == [("pages", "integer")]


def test_short_values_of_one_type_are_listed_without_numbers() -> None:
    (line,) = outline({"to": ["ada@example.com", "bob@example.com"]})
    assert [item.text for item in line.items] == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize("items", [["a", 1], ["x" * 101], [["a"]], [""], []])
def test_other_values_are_not_listed(items: list[Plain]) -> None:
    (line,) = outline({"to": items})
    assert line.items == ()


@pytest.mark.parametrize(
    "rows",
    [
        [{"sku": "A-1"}],
        [{"sku": "A-1"}, {"sku": "B-2", "amount": 1}],
        [{"sku": "A-1"}, {"sku": 2}],
        [{"sku": "A-1"}, {"sku": ""}],
        [{"sku": "A-1"}, {"sku": "x" * 101}],
        [{"sku": None}, {"sku": None}],
        [{"sku": ["A-1"]}, {"sku": ["B-2"]}],
        [{str(key): 1 for key in range(7)}] * 2,
        ["A-1", "B-2"],
        [],
    ],
)
def test_other_lists_are_no_table(rows: list[Plain]) -> None:
    (line,) = outline({"lines": rows})
    assert line.columns == ()


def test_empty_text_lists_and_objects_say_that_they_are_empty() -> None:
    assert outline({"a": "", "b": [], "c": {}}) == (
        Line("a", "text", size="empty"),
        Line("b", "list", size="empty"),
        Line("c", "object", size="empty"),
    )


def test_a_value_that_is_no_object_is_one_line() -> None:
    assert outline(5) == (Line("", "integer", "5"),)
    assert outline({}) == (Line("", "object", size="empty"),)


def test_a_typed_value_names_its_type() -> None:
    (line,) = outline({"m": Typed(5, "app", "Money", {"value": 1})})
    assert line == Line("m", "app.Money", lines=(Line("value", "integer", "1"),))


def test_what_is_too_deep_for_lines_is_json() -> None:
    value: Plain = "bottom"
    for _ in range(MAX_LEVELS + 3):
        value = {"in": value}
    (line,) = outline(value)
    while line.lines:
        (line,) = line.lines
    assert (line.block, line.kind) == (True, "JSON")
    assert '"bottom"' in line.text


@given(st.dictionaries(st.text(), VALUES))
def test_every_value_has_an_outline_with_all_its_keys(value: dict[Hashable, Plain]) -> None:
    lines = outline(value)
    assert [line.key for line in lines] == (list(value) or [""])


def test_a_typed_scalar_is_one_line_with_its_type():
    (line,) = outline(Typed(0, "uuid", "UUID", "5c4078ce"))

    assert line == Line("", "uuid.UUID", "5c4078ce")


def test_the_items_of_a_set_stand_in_a_row_with_its_type():
    (line,) = outline({"to": Typed(0, "builtins", "set", ["alice", "bob"])})

    assert (line.kind, line.size) == ("builtins.set", "2 items")
    assert [item.text for item in line.items] == ["alice", "bob"]
