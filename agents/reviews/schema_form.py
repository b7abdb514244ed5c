"""A form from a JSON schema, drawn by the server, and the typed value back.

`build` makes the tree of fields that a page draws (`fields` says how); `parse` reads a post into a
value, and into the same tree with what was typed and what is wrong with it. Both are one walk over
the schema: at each place the text comes from the post, or from the value where nothing is posted.

What a person did not touch stays exactly what it was: `1.0` stays a float, a 64-bit id stays exact,
an absent key stays absent, keys the schema does not know are kept. Without a schema, types are kept
from the value. It works without JavaScript: adding and removing are submit buttons.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from agents.reviews import raw_json, schemas
from agents.reviews.diff import same
from agents.reviews.fields import INVALID, Field, Kind, Nothing, errors_of, with_errors
from agents.reviews.paths import join
from agents.reviews.request import Schema
from agents.reviews.schema_walk import Post, Walk
from reviewconsole.protocol.plain import Plain


class Parsed(NamedTuple):
    """What a post means.

    `value` is INVALID while something in it cannot be read. `errors` are by the path of the value.
    `form` shows the same again, as typed, with the errors. `is_final` is False when a button of the
    form itself was pressed (add, remove, …): there is nothing to submit yet.
    """

    value: Plain | Nothing
    errors: dict[str, str]
    form: Field
    is_final: bool


def build(schema: Schema | None, value: Plain | Nothing, prefix: str) -> Field:
    """Make the form of a value; MISSING makes an empty one. Inputs' names begin with `prefix`."""
    return Walk(schema or {}).root(value, prefix, None)


def build_json(value: Plain, prefix: str) -> Field:
    """Make the form of a value as one JSON text."""
    return Field(prefix, prefix, "", Kind.JSON, value, raw_json.dump(value))


def parse(schema: Schema | None, before: Plain | Nothing, post: Post, prefix: str) -> Parsed:
    """Read what was posted of the form of `before` with this schema and prefix.

    Checks the value against the schema. Inputs that did not arrive are errors: nothing is guessed.
    """
    given = post.get(f"{prefix}:base", [""])[-1]
    try:
        origin = raw_json.load(given) if given else before
    except raw_json.NotJson:
        form = replace(build(schema, before, prefix), error="The form arrived damaged. Try again.")
        return Parsed(INVALID, errors_of(form), form, is_final=True)
    form = replace(Walk(schema or {}, post).root(origin, prefix, post), base=given)
    button = _button(post, prefix)
    value = form.value
    if isinstance(value, Nothing):
        pass
    elif button == f"json:{prefix}":
        form = build_json(value, prefix)
    elif button == f"form:{prefix}":
        # What comes next is compared with what this form shows, so the form carries it along.
        is_before = not isinstance(before, Nothing) and same(value, before)
        base = "" if is_before else raw_json.dump(value, indent=None)
        form = replace(build(schema, value, prefix), base=base)
    elif not button and schema:
        found = schemas.errors(value, schema).items()
        form = with_errors(form, {join(prefix, *path): message for path, message in found})
    return Parsed(value, errors_of(form), form, is_final=not button)


def _button(post: Post, prefix: str) -> str:
    """The button of this form that was pressed, as `verb:name`; empty for none."""
    button = post.get("op", [""])[-1]
    name = button.partition(":")[2]
    return button if name == prefix or name.startswith(f"{prefix}.") else ""
