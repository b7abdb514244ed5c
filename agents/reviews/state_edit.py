"""A form for channels of the agent's state, drawn by the server, and the update back.

Each channel has a checkbox, `state.<channel>:on`, and a form of `reviews.fields` whose names begin
with `state.<channel>`. Only the channels that are on are written; the others keep what was typed.
The form starts from what stands there, except where an update is united with it (a reducer) or it
is too large to be typed: there it starts empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from agents.reviews import schema_form
from agents.reviews.fields import MISSING, Field, Nothing, with_errors
from agents.reviews.paths import join
from agents.reviews.request import Schema
from agents.reviews.schema_walk import Post
from agents.reviews.state_schema import Channel, channels
from agents.reviews.storable import unstorable, walk
from reviewconsole.protocol.plain import Plain, Typed

PREFIX = "state"
MAX_SIZE = 100_000  # characters, about, of a value that a form starts from

_TOO_LARGE = f"What stands there is too large to edit here (over {MAX_SIZE:,} characters)."


@dataclass(frozen=True, slots=True)
class ChannelForm:
    """One channel: what stands in it, whether it is to be written, and with what.

    `current` is MISSING where nothing stands. `reducer` names the function that unites the update
    with it, empty where the update takes its place. `note` says why there is no form for it, or why
    the form starts empty. `field` shows what was typed, with the errors.
    """

    channel: str
    field: Field
    current: Plain | Nothing
    reducer: str = ""
    note: str = ""
    on: bool = False

    @property
    def on_name(self) -> str:
        """The name of the checkbox; its value is `1`."""
        return f"{self.field.name}:on"


class ParsedState(NamedTuple):
    """What a post means for the state.

    `update` maps the channels that are on to their new values; None while no channel is on, while
    something is wrong (`errors`, by the path `state.<channel>…`), or while nothing is submitted yet
    (`is_final` is False: a button of one of the forms was pressed). `channels` shows all again.
    """

    channels: tuple[ChannelForm, ...]
    update: dict[str, Plain] | None
    errors: dict[str, str]
    is_final: bool


def build(schema: Plain, state: Plain) -> tuple[ChannelForm, ...]:
    """Make the form of every channel that may be written.

    The channels are those of the agent's state schema; where that is not known, those that have a
    value in the state, and their types are kept from it.
    """
    return tuple(_Part(channel, state).form() for channel in _known(schema, state))


def parse(schema: Plain, state: Plain, post: Post) -> ParsedState:
    """Read what was posted of the form of this schema and state. Never guesses a channel or value.

    Checks each value against its channel's schema, and that LangGraph can store it.
    """
    forms: list[ChannelForm] = []
    update: dict[str, Plain] = {}
    errors: dict[str, str] = {}
    is_final = True
    for part in (_Part(channel, state) for channel in _known(schema, state)):
        form = part.form()
        if not part.is_in(post):
            forms.append(form)
            continue
        read = part.parse(post)
        is_final &= read.is_final
        if form.on_name not in post:
            forms.append(replace(form, field=_unmarked(read.form)))
            continue
        forms.append(replace(form, field=read.form, on=True))
        errors |= read.errors
        if not isinstance(read.value, Nothing):
            update[form.channel] = read.value
    is_sent = bool(update) and not errors and is_final
    return ParsedState(tuple(forms), update if is_sent else None, errors, is_final)


class _Part:
    """One channel of one state."""

    def __init__(self, channel: Channel, state: Plain) -> None:
        members: Mapping[Any, Plain] = state if isinstance(state, dict) else {}
        self.name = join(PREFIX, channel.name)
        self._channel = channel
        self._current: Plain | Nothing = members.get(channel.name, MISSING)
        self._is_large = _is_large(self._current)
        starts_empty = self._is_large or bool(channel.reducer)
        self._start = MISSING if starts_empty else self._current

    @property
    def _schema(self) -> Schema | None:
        """The schema of an update, unless the value has types that JSON Schema has no word for."""
        return None if _has_objects(self._start) else self._channel.schema

    def is_in(self, post: Post) -> bool:
        """Whether anything was posted of this channel."""
        own = (f"{self.name}.", f"{self.name}:")
        return self.name in post or any(name.startswith(own) for name in post)

    def form(self) -> ChannelForm:
        field = schema_form.build(self._schema, self._start, self.name)
        note = self._channel.problem or (_TOO_LARGE if self._is_large else "")
        return ChannelForm(self._channel.name, field, self._current, self._channel.reducer, note)

    def parse(self, post: Post) -> schema_form.Parsed:
        read = schema_form.parse(self._schema, self._start, post, self.name)
        if isinstance(read.value, Nothing) or not read.is_final:
            return read
        found = {join(self.name, *path): message for path, message in unstorable(read.value)}
        form = with_errors(read.form, found)
        return read._replace(errors={**found, **read.errors}, form=form)


def _known(schema: Plain, state: Plain) -> tuple[Channel, ...]:
    if known := channels(schema):
        return known
    named = state if isinstance(state, dict) else ()
    return tuple(Channel(name) for name in named if isinstance(name, str))


def _is_large(value: Plain | Nothing) -> bool:
    """Whether a value is too large for a form; looks no further than it must."""
    size = 0
    for _, item in walk(value) if not isinstance(value, Nothing) else ():
        size += len(item) if isinstance(item, str | bytes) else 1
        if size > MAX_SIZE:
            return True
    return False


def _has_objects(value: Plain | Nothing) -> bool:
    if isinstance(value, Nothing):
        return False
    return any(isinstance(item, Typed | bytes) for _, item in walk(value))


def _unmarked(form: Field) -> Field:
    return replace(form, error="", fields=tuple(map(_unmarked, form.fields)))
