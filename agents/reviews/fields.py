"""The tree of a form: what a page draws, and what a post is read into.

A page draws each field by its `kind`, with these inputs (`name` stands for the field's name):

    text, long_text, integer, number, date    input or textarea `name`, holding `text`
    choice                                    select or radios `name`, one for each of `choices`
    const                                     no input; the only possible value is shown
    json                                      textarea `name:json`, holding `text`
    object                                    the inputs of `fields`
    array                                     hidden `name:item` = "" once, and hidden `name:item` =
                                              `item.key` for each item; the inputs of the items
    any but choice, with several `states`     `name:state`: a select, or hidden for an object or
                                              array; and hidden `name:was` = `state`

Buttons are submits named `op`: `add:name` (a new item, or sets an unset object or array),
`null:name` and `remove:name` (an item, or unsets), and for the whole form `json:name` and
`form:name`. A textarea starts with a newline of its own, which HTML drops. The whole form may carry
a hidden `name:base`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Final

from reviewconsole.protocol.plain import Plain


class Kind(StrEnum):
    """How a field is drawn."""

    TEXT = "text"  # one line
    LONG_TEXT = "long_text"  # several lines
    INTEGER = "integer"  # a text input: browsers round integers beyond 2^53
    NUMBER = "number"  # a text input: the number as it is written
    DATE = "date"  # YYYY-MM-DD
    CHOICE = "choice"  # one of a few values, or unset
    CONST = "const"  # nothing to choose
    OBJECT = "object"
    ARRAY = "array"
    JSON = "json"  # what has no form, or was asked for as JSON; `reason` says why


class State(StrEnum):
    """Whether a place holds a value: null and missing are different answers."""

    VALUE = "value"
    NULL = "null"
    MISSING = "missing"


class Nothing(Enum):
    """What stands where no value is."""

    MISSING = "missing"  # the key is absent
    INVALID = "invalid"  # what was typed is not a value


MISSING: Final = Nothing.MISSING
INVALID: Final = Nothing.INVALID


@dataclass(frozen=True, slots=True)
class Choice:
    """One option: `key` is what is posted. Null, "not set" and "Choose…" are options too."""

    key: str
    value: Plain | Nothing
    label: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a value in a form.

    `name` is the stable name of its input; `path` where its value stands now (they differ after an
    item before it was removed). `value` is what the inputs mean. `title` and `description` are the
    schema's words, so the agent's claim; `hint` is the console's.
    """

    name: str
    path: str
    label: str
    kind: Kind
    value: Plain | Nothing
    text: str = ""
    error: str = ""
    state: State = State.VALUE
    states: tuple[State, ...] = (State.VALUE,)
    choices: tuple[Choice, ...] = ()
    fields: tuple[Field, ...] = ()
    key: str = ""  # of an item: what `name:item` of its array holds
    removable: bool = False  # an item that can be taken out
    growable: bool = False  # an array that can take another item
    title: str = ""
    description: str = ""
    hint: str = ""
    reason: str = ""
    base: str = ""

    @property
    def input_name(self) -> str:
        """The name of the main input."""
        return f"{self.name}:json" if self.kind is Kind.JSON else self.name

    @property
    def state_name(self) -> str:
        """The name of the select or hidden input of the state."""
        return f"{self.name}:state"

    @property
    def was_name(self) -> str:
        """The name of the hidden input that says which state was shown."""
        return f"{self.name}:was"

    @property
    def item_name(self) -> str:
        """The name of the hidden inputs that list an array's items."""
        return f"{self.name}:item"

    @property
    def base_name(self) -> str:
        """The name of the hidden input that carries `base`, where `base` is not empty."""
        return f"{self.name}:base"

    def walk(self) -> Iterator[Field]:
        """This field and every one below it, outer first."""
        yield self
        for child in self.fields:
            yield from child.walk()


def errors_of(form: Field) -> dict[str, str]:
    """The errors of a form, by the path of the value they are about."""
    return {field.path: field.error for field in form.walk() if field.error}


def with_errors(form: Field, errors: Mapping[str, str]) -> Field:
    """Write errors, by path, beside the fields they are about.

    An error about a place that has no field of its own is told at the nearest field around it, with
    its path. Errors of other forms are ignored.
    """
    below = {path: text for path, text in errors.items() if _is_within(path, form.path)}
    if not below:
        return form
    children = tuple(with_errors(child, below) for child in form.fields)
    told = {path for path in below if any(_is_within(path, c.path) for c in form.fields)}
    own = [
        text if path == form.path else f"{path[len(form.path) :].lstrip('.')}: {text}"
        for path, text in below.items()
        if path not in told
    ]
    return replace(form, fields=children, error=" ".join(filter(None, [form.error, *own])))


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}.")
