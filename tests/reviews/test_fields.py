"""Errors find the field they are about."""

from agents.reviews.fields import errors_of, with_errors
from agents.reviews.schema_form import build

FORM = build(None, {"to": ["a"], "order": {"id": 1}, "blob": {1: 2}}, "actions.0.args")


def test_an_error_stands_at_its_field():
    errors = {"actions.0.args.to.0": "Must be a number.", "actions.0.args": "Too much."}
    assert errors_of(with_errors(FORM, errors)) == errors


def test_an_error_without_a_field_stands_at_the_nearest_around_it_with_its_path():
    errors = {
        "actions.0.args.cc": "Is required.",
        "actions.0.args.order.lines.0": "Must be text.",
        "actions.0.args.blob.1": "Must be text.",
    }
    assert errors_of(with_errors(FORM, errors)) == {
        "actions.0.args": "cc: Is required.",
        "actions.0.args.order": "lines.0: Must be text.",
        "actions.0.args.blob": "1: Must be text.",
    }


def test_errors_of_other_forms_are_ignored():
    assert with_errors(FORM, {"actions.1.args.to": "No.", "actions.0.argsx": "No."}) == FORM


def test_control_names():
    to = FORM.fields[0]
    assert (to.input_name, to.item_name, to.state_name, to.was_name, to.base_name) == (
        "actions.0.args.to",
        "actions.0.args.to:item",
        "actions.0.args.to:state",
        "actions.0.args.to:was",
        "actions.0.args.to:base",
    )
    blob = FORM.fields[2]
    assert blob.input_name == "actions.0.args.blob:json"
