"""A diff is complete: it leads from the old value to the new one. And it is small."""

import copy
from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from agents.reviews.diff import (
    MAX_CHANGES,
    Change,
    ChangeKind,
    Diff,
    Span,
    SpanKind,
    diff,
    same,
    text_spans,
)
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain, Typed
from tests.reviews.plain_values import PLAIN, TEXT

ADDED, REMOVED, CHANGED = ChangeKind.ADDED, ChangeKind.REMOVED, ChangeKind.CHANGED

SMALL = st.one_of(st.integers(0, 2), st.sampled_from(["", "a b", "a c", "b"]))
ALIKE: st.SearchStrategy[Plain] = st.recursive(
    SMALL,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from("abc"), inner),
        st.builds(Typed, st.just(2), st.just("m"), st.sampled_from("AB"), inner),
    ),
    max_leaves=15,
)


def applied(before, found):
    """The new value, made of the old one and the changes alone."""
    value = [copy.deepcopy(before)]
    for change in reversed(found.changes):
        if change.kind is REMOVED:
            container, key = _place(value, change.before_path)
            del container[key]
    for change in found.changes:
        if change.kind is ADDED:
            container, key = _place(value, change.after_path)
            if isinstance(container, list):
                container.insert(key, change.after)
            else:
                container[key] = change.after
    for change in found.changes:
        if change.kind is CHANGED:
            container, key = _place(value, change.after_path)
            container[key] = change.after
    return value[0]


def _place(root, path):
    """What holds the place a path leads to, and its key there; types are looked through."""
    container, key = root, 0
    for step in path:
        container, key = container[key], step
        while isinstance(container, Typed):
            container = container.payload
    return container, key


def without_types(value):
    """Payloads in the place of types, which cannot be changed in place."""
    match value:
        case Typed():
            return {"type": value.name, "payload": without_types(value.payload)}
        case list():
            return [without_types(item) for item in value]
        case dict():
            return {key: without_types(item) for key, item in value.items()}
    return value


@given(ALIKE, ALIKE)
def test_the_changes_lead_from_the_old_value_to_the_new(one, other):
    before, after = without_types(one), without_types(other)
    assert same(applied(before, diff(before, after)), after)


@given(PLAIN, PLAIN)
def test_nothing_differs_only_between_equal_values(before, after):
    assert bool(diff(before, after)) == (not same(before, after))


@given(PLAIN)
def test_a_value_does_not_differ_from_itself(value):
    assert diff(value, copy.deepcopy(value)) == Diff(())


@given(ALIKE, ALIKE)
def test_the_same_input_gives_the_same_output(before, after):
    assert diff(before, after) == diff(copy.deepcopy(before), copy.deepcopy(after))


@given(TEXT, TEXT)
def test_words_spell_both_texts(before, after):
    spans = text_spans(before, after)
    assert "".join(s.text for s in spans if s.kind is not SpanKind.ADDED) == before
    assert "".join(s.text for s in spans if s.kind is not SpanKind.REMOVED) == after
    assert all(span.text for span in spans)


@pytest.mark.parametrize("at", [0, 3, 49])
def test_one_item_inserted_among_fifty_is_one_change(at):
    before: list[Plain] = [{"id": n} for n in range(50)]
    after: list[Plain] = [*before[:at], "new", *before[at:]]
    assert diff(before, after).changes == (Change(ADDED, None, (at,), None, "new"),)
    assert diff(after, before).changes == (Change(REMOVED, (at,), None, "new"),)


def test_an_edited_item_beside_a_new_one_is_an_edit():
    alice: Arguments = {"name": "Alice", "age": 30}
    bob: Arguments = {"name": "Bob", "age": 40}
    after: Plain = [{"name": "Carol", "age": 50}, {**alice, "age": 31}, bob]
    assert diff([alice, bob], after).changes == (
        Change(ADDED, None, (0,), None, {"name": "Carol", "age": 50}),
        Change(CHANGED, (0, "age"), (1, "age"), 30, 31),
    )


MESSAGES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=8, unique_by=lambda item: item[0]
).map(lambda items: [{"id": str(number), "content": content} for number, content in items])


@given(MESSAGES, MESSAGES)
def test_items_with_ids_are_never_taken_for_each_other(before, after):
    found = diff(before, after)
    assert same(applied(before, found), after)
    assert "id" not in {change.path[-1] for change in found.changes}


def test_a_message_is_found_by_its_id():
    def message(number: int, content: str) -> Plain:
        fields: Arguments = {"id": f"m{number}", "content": content}
        return Typed(5, "langchain_core.messages.ai", "AIMessage", fields, "model_validate_json")

    before: Plain = [message(number, f"old {number}") for number in range(6)]
    after: Plain = [message(number, f"new {number}") for number in range(2, 6)]
    changes = diff(before, after).changes
    assert [(change.kind, change.before_path) for change in changes[:2]] == [
        (REMOVED, (0,)),
        (REMOVED, (1,)),
    ]
    assert [(change.before_path, change.after_path) for change in changes[2:]] == [
        ((number, "content"), (number - 2, "content")) for number in range(2, 6)
    ]


def test_changes_far_apart_are_few():
    before: Plain = [{"id": n, "text": "hello"} for n in range(1500)]
    after = copy.deepcopy(before)
    assert isinstance(after, list)
    after.insert(5, "new")
    after[1400] = {"id": 1399, "text": "bye"}
    assert [change.path for change in diff(before, after).changes] == [(5,), (1400, "text")]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (1, 1.0, [Change(CHANGED, (), (), 1, 1.0)]),
        (1, True, [Change(CHANGED, (), (), 1, True)]),
        ({"a": None}, {}, [Change(REMOVED, ("a",), None, None)]),
        ({}, {"a": None}, [Change(ADDED, None, ("a",), None, None)]),
        (
            {1: "x"},
            {"1": "x"},
            [Change(REMOVED, (1,), None, "x"), Change(ADDED, None, ("1",), None, "x")],
        ),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": [1]}, {"a": {"0": 1}}, [Change(CHANGED, ("a",), ("a",), [1], {"0": 1})]),
        (
            Typed(2, "m", "A", {"x": 1}),
            Typed(2, "m", "A", {"x": 2}),
            [Change(CHANGED, ("x",), ("x",), 1, 2)],
        ),
        (
            Typed(2, "m", "A", 1),
            Typed(2, "m", "B", 1),
            [Change(CHANGED, (), (), Typed(2, "m", "A", 1), Typed(2, "m", "B", 1))],
        ),
    ],
    ids=ascii,
)
def test_changes(before: Plain, after: Plain, changes: Sequence[Change]):
    assert list(diff(before, after).changes) == changes


def test_text_changes_by_words():
    (change,) = diff({"body": "Pay 1 EUR now"}, {"body": "Pay 100 EUR now"}).changes
    assert change.spans == (
        Span(SpanKind.EQUAL, "Pay"),
        Span(SpanKind.REMOVED, " 1"),
        Span(SpanKind.ADDED, " 100"),
        Span(SpanKind.EQUAL, " EUR now"),
    )
    assert change.path == ("body",)


def test_many_changes_are_cut_and_say_so():
    found = diff(dict.fromkeys(range(1000), 1), dict.fromkeys(range(1000), 2))
    assert (len(found.changes), found.truncated) == (MAX_CHANGES, True)


def test_the_work_is_bounded():
    """Unbounded, each of these would take hours: the time limit of the suite is the measure."""
    assert diff([[0] * n for n in range(1500)], [[1] * n for n in range(1500)]).truncated
    assert diff("a b " * 50_000, "b a " * 50_000).changes[0].spans != ()
    deep: Plain = 1
    for _ in range(200):
        deep = [deep]
    assert len(diff([deep], [[deep]]).changes) == 1
