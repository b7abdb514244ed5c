"""The walk over a schema, a value and a post that makes a form's fields, from the leaves up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from agents.reviews import raw_json
from agents.reviews.fields import INVALID, MISSING, Field, Kind, Nothing, State
from agents.reviews.input_text import NotAValue, read_text, shown_text
from agents.reviews.paths import join
from agents.reviews.request import Schema
from agents.reviews.schema_choices import NONE_YET, choices_of
from agents.reviews.schema_shape import Shape, inferred, shape_of
from reviewconsole.protocol.plain import Plain

MAX_FIELDS = 250  # drawn in one form: Django refuses posts of more than 1000 inputs
MAX_LEVELS = 8  # of fields within fields
_MAX_POSTED = 5000  # read from one post, where a person may have added to what was drawn
_MAX_ITEMS = 1000  # of one posted list
_ITEM_KEY = re.compile(r"0|[1-9][0-9]{0,5}")
_NOT_SENT = "Nothing arrived for this field. Try again."

Post: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field stands, and what is known of it before its schema is read."""

    name: str
    path: str
    label: str = ""
    level: int = 0
    required: bool = True
    trail: frozenset[str] = frozenset()
    key: str = ""
    removable: bool = False

    def below(self, step: str | int, position: int | None = None, **known: Any) -> _Place:
        """The place of a member or an item."""
        where = step if position is None else position
        name, path = join(self.name, step), join(self.path, where)
        return _Place(name, path, str(where), self.level + 1, **known)


class Walk:
    """One walk. `root` is called once; what is posted is passed down, None where nothing is yet."""

    def __init__(self, root_schema: Schema, post: Post | None = None) -> None:
        self._root = root_schema
        self._made = 0  # fields so far: schemas whose references fan out would make them for ever
        verb, _, name = (post or {}).get("op", [""])[-1].partition(":")
        self._button = verb, name

    def root(self, before: Plain | Nothing, prefix: str, post: Post | None) -> Field:
        """Make the field of the whole value."""
        return self._field(self._root, before, _Place(prefix, prefix), post)

    def _field(
        self, schema: Schema | bool, before: Plain | Nothing, place: _Place, post: Post | None
    ) -> Field:
        shape = shape_of(schema, self._root, before, key=place.label, trail=place.trail)
        if reason := self._json_instead(shape, before, place, post):
            shape = replace(shape, kind=Kind.JSON, reason=reason)
        field = Field(
            place.name,
            place.path,
            place.label,
            shape.kind,
            INVALID,
            key=place.key,
            removable=place.removable,
            title=_text(shape.schema.get("title")),
            description=_text(shape.schema.get("description")),
            hint=_hint(shape.schema, place.required),
            reason=shape.reason,
        )
        if shape.kind is Kind.CHOICE:
            return self._choice(field, shape, before, place.required, post)
        field = self._with_state(field, shape, before, place.required, post)
        if field.error:
            return field
        if field.state is not State.VALUE:
            return replace(field, value=None if field.state is State.NULL else MISSING)
        match shape.kind:
            case Kind.OBJECT:
                return self._object(field, shape, before, place, _shown_before(field, post))
            case Kind.ARRAY:
                items = before if isinstance(before, list) else []
                return self._array(field, shape, items, place, _shown_before(field, post))
        return self._single(field, before, place.required, post)

    def _json_instead(
        self, shape: Shape, before: Plain | Nothing, place: _Place, post: Post | None
    ) -> str:
        """Why a place that could have a form is edited as JSON; empty when it is not."""
        self._made += 1
        if shape.kind is Kind.JSON:
            return ""
        if post is not None and f"{place.name}:json" in post:
            return "Shown as JSON."
        if shape.kind not in (Kind.OBJECT, Kind.ARRAY):
            return ""
        if place.level >= MAX_LEVELS:
            return "It is nested too deeply for a form."
        inside = before if isinstance(before, dict | list) else shape.schema.get("properties", ())
        limit = MAX_FIELDS if post is None else _MAX_POSTED
        if self._made + len(inside) > limit:
            return f"The form would have more than {limit} fields."
        return ""

    def _with_state(
        self,
        field: Field,
        shape: Shape,
        before: Plain | Nothing,
        required: bool,
        post: Post | None,
    ) -> Field:
        """Say whether the place holds a value, null or nothing: by button, by post, by value."""
        states = [State.VALUE]
        states += [State.NULL] if shape.nullable else []
        states += [] if required else [State.MISSING]
        state = State.VALUE
        if before is MISSING and not required:
            state = State.MISSING
        elif before is None and shape.nullable:
            state = State.NULL
        field = replace(field, state=state, states=tuple(states))
        if post is None or len(states) == 1:
            return field
        posted = post.get(field.state_name, [""])[-1]
        match self._button:
            case ("add", field.name):
                posted = State.VALUE
            case ("null", field.name):
                posted = State.NULL
            case ("remove", field.name):
                posted = State.MISSING
        if posted not in states:
            return replace(field, error=_NOT_SENT)
        typed = post.get(field.input_name, [""])[-1]
        if posted == post.get(field.was_name, [""])[-1] and typed.strip():
            posted = State.VALUE  # typed into a field that was shown empty, and is so set
        return replace(field, state=State(posted))

    def _object(
        self,
        field: Field,
        shape: Shape,
        before: Plain | Nothing,
        place: _Place,
        post: Post | None,
    ) -> Field:
        """Make the fields of the schema's properties, then of keys it does not name.

        A required key that a given value lacks stays absent until somebody sets it.
        """
        members = _mapping(before)
        is_new = not isinstance(before, dict)
        properties = _mapping(shape.schema.get("properties"))
        needed = _sequence(shape.schema.get("required"))
        others = shape.schema.get("additionalProperties", True)
        known = {
            key: (schema, key in needed and (is_new or key in members))
            for key, schema in properties.items()
        }
        extra = {key: (others, others is not False) for key in members if key not in known}
        children = {
            key: self._field(
                schema,
                members.get(key, MISSING),
                place.below(key, required=required, trail=shape.trail),
                post,
            )
            for key, (schema, required) in {**known, **extra}.items()
        }
        order = dict.fromkeys([*members, *children])  # keys stay in the order they came in
        values = {key: children[key].value for key in order}
        field = replace(field, fields=tuple(children.values()))
        if INVALID in values.values():
            return field
        found = {key: value for key, value in values.items() if not isinstance(value, Nothing)}
        return replace(field, value=found)

    def _array(
        self,
        field: Field,
        shape: Shape,
        items: Sequence[Plain],
        place: _Place,
        post: Post | None,
    ) -> Field:
        """Make the fields of the items that are left, and of one that was just added."""
        leading = _sequence(shape.schema.get("prefixItems"))
        others = shape.schema.get("items", True)
        growable = not leading and others is not False
        indices = list(range(len(items))) if post is None else _posted_items(field, post)
        if indices is None:
            return replace(field, error=_NOT_SENT)
        new = max([*indices, len(items) - 1]) + 1
        if growable and self._button == ("add", field.name):
            indices.append(new)
        children: list[Field] = []
        for index in indices:
            if growable and self._button == ("remove", join(field.name, index)):
                continue
            at = len(children)
            before = items[index] if index < len(items) else MISSING
            schema = leading[at] if at < len(leading) else others
            if before is MISSING and not isinstance(schema, dict):
                schema = inferred(items[-1]) if items else {}  # more of the same
            where = place.below(index, at, trail=shape.trail, key=str(index), removable=growable)
            children.append(self._field(schema, before, where, None if index == new else post))
        values = [child.value for child in children if not isinstance(child.value, Nothing)]
        value = values if len(values) == len(children) else INVALID
        return replace(field, fields=tuple(children), growable=growable, value=value)

    def _single(
        self, field: Field, before: Plain | Nothing, required: bool, post: Post | None
    ) -> Field:
        """Read the one input of a text, a number or a JSON text."""
        if post is None:
            value = INVALID if before is MISSING else before
            return replace(field, text=shown_text(field.kind, before), value=value)
        texts = post.get(field.input_name)
        if not texts:
            return replace(field, error=_NOT_SENT)
        field = replace(field, text=texts[-1])
        if before is MISSING and required and not texts[-1].strip():
            return replace(field, error="" if self._button[0] else "Is required.")
        try:
            return replace(field, value=read_text(field.kind, texts[-1], before))
        except NotAValue as error:
            return replace(field, error=str(error))

    def _choice(
        self, field: Field, shape: Shape, before: Plain | Nothing, required: bool, post: Post | None
    ) -> Field:
        """Read what was picked; where nothing can be picked, there is nothing to read."""
        choices = choices_of(shape.options, before, nullable=shape.nullable, required=required)
        possible = [choice for choice in choices if choice.key != NONE_YET]
        if len(possible) == 1:
            only = possible[0]
            return replace(field, kind=Kind.CONST, text=only.label, value=only.value)
        picked = next(choice.key for choice in choices if choice.selected)
        error = ""
        if post is not None:
            posted = post.get(field.name, [_NOT_SENT])[-1]
            known = any(choice.key == posted for choice in choices)
            picked, error = (posted, "") if known else (picked, _NOT_SENT)
            if picked == NONE_YET and not self._button[0]:
                error = error or "Choose one."
        chosen = tuple(replace(choice, selected=choice.key == picked) for choice in choices)
        value = next(choice.value for choice in chosen if choice.selected)
        return replace(field, choices=chosen, value=INVALID if error else value, error=error)


def _shown_before(field: Field, post: Post | None) -> Post | None:
    """The post, unless this object or list is set only now: then nothing of it was posted."""
    was_shown = post is None or post.get(field.was_name, [State.VALUE])[-1] == State.VALUE
    return post if was_shown else None


def _posted_items(field: Field, post: Post) -> list[int] | None:
    """The items that are left of a list; None when their list is missing or damaged."""
    sent, *keys = post.get(field.item_name) or [_NOT_SENT]
    sound = len(keys) == len(set(keys)) <= _MAX_ITEMS and all(map(_ITEM_KEY.fullmatch, keys))
    return [int(key) for key in keys] if not sent and sound else None


def _hint(schema: Schema, required: bool) -> str:
    """What the console can say of a schema's limits in a few words."""
    hints = []
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None or most is not None:
        ends = (least, "from {}"), (most, "up to {}")
        hints.append(" ".join(text.format(end) for end, text in ends if end is not None))
    if "maxLength" in schema:
        hints.append(f"at most {schema['maxLength']} characters")
    if isinstance(reducer := schema.get("x-reducer"), str):  # see `state_schema`
        hints.append(f"{reducer} unites it with what stands there")
    if "default" in schema and not required:
        default = raw_json.dump(schema["default"], indent=None)
        hints.append(f"if not set: {default}")
    return ", ".join(hints)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
