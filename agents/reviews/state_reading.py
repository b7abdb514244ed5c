"""States, and what changed in them, as people read them: messages as messages, the rest as lines.

A state has no bound, a page has: of what is long the beginning is shown, and how long all of it is.
Nothing is cut without a word.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import groupby

from agents.reviews import raw_json
from agents.reviews.conversation import (
    Entry,
    conversation,
    is_conversation,
    is_message,
    message_count,
)
from agents.reviews.diff import Change, ChangeKind, Diff, Span, SpanKind
from agents.reviews.outline import Line, outline
from agents.reviews.paths import Path
from reviewconsole.protocol.plain import Plain, Typed

MESSAGES = 40  # shown of a channel: its last ones
LONG = 20_000  # characters of JSON; of a longer value the beginning is shown
MOST_CHANGES = 100
LONG_CHANGE = 2_000  # characters of one side
_AROUND = 120  # characters of unchanged text that are kept on each side of a change
_EDITS = "hitl_edited_tool_calls"  # what reviewers made of calls, beside the messages


@dataclass(frozen=True, slots=True)
class Cut:
    """A text, or the beginning of one that is `length` characters long."""

    text: str
    length: int

    @property
    def is_cut(self) -> bool:
        """Whether there is more of it."""
        return len(self.text) < self.length


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a state: either messages, or lines, or the beginning of its JSON."""

    name: str
    kind: str  # the type in people's words; "" where `size` says it
    size: str  # how much there is, where that is not seen at once
    entries: tuple[Entry, ...] = ()
    earlier: int = 0  # messages before these
    lines: tuple[Line, ...] = ()
    beginning: Cut | None = None
    is_single: bool = False  # its one line is the value itself, and has no key


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs. `path` leads to it inside its channel.

    `entries` are messages that came or went whole; else `spans` are the words, where both sides are
    text; else `before` and `after` are JSON.
    """

    kind: ChangeKind
    path: Path
    entries: tuple[Entry, ...] = ()
    spans: tuple[Span, ...] = ()
    before: Cut | None = None
    after: Cut | None = None


@dataclass(frozen=True, slots=True)
class ChangedChannel:
    """What changed in one channel."""

    name: str
    differences: tuple[Difference, ...]


def channels(values: Mapping[str, Plain]) -> tuple[Channel, ...]:
    """Read the channels of a state, in its order. Never raises."""
    return tuple(_channel(str(name), value, values) for name, value in values.items())


def changed_channels(diff: Diff, limit: int = MOST_CHANGES) -> tuple[ChangedChannel, ...]:
    """Gather the first changes of a state by channel, in the order of the state."""
    found = groupby(diff.changes[:limit], key=lambda change: change.path[:1])
    return tuple(
        ChangedChannel(str(name[0]) if name else "", tuple(map(_difference, changes)))
        for name, changes in found
    )


def cut(text: str, at_most: int = LONG) -> Cut:
    """The text, or its beginning."""
    return Cut(text[:at_most], len(text))


def _channel(name: str, value: Plain, state: Mapping[str, Plain]) -> Channel:
    if is_conversation(value):
        entries = _entries(name, value, state)
        shown = entries[-MESSAGES:]
        count = message_count(value)
        size = f"{count:,} message{'' if count == 1 else 's'}"
        return Channel(name, "", size, shown, len(entries) - len(shown))
    written = raw_json.dump(value)
    if len(written) > LONG:
        return Channel(name, _kind(value), _count(value), beginning=cut(written))
    lines = outline(value)
    inside = value.payload if isinstance(value, Typed) else value
    if isinstance(inside, list | dict) and inside:
        return Channel(name, _kind(value), _count(value), lines=lines)
    return Channel(name, lines[0].kind, lines[0].size, lines=lines, is_single=True)


def _entries(name: str, value: Plain, state: Mapping[str, Plain]) -> tuple[Entry, ...]:
    read: dict[Hashable, Plain] = {name: value, _EDITS: state.get(_EDITS)}
    return conversation(read, channel=name)


def _difference(change: Change) -> Difference:
    path = change.path[1:]
    if change.kind is not ChangeKind.CHANGED:
        value = change.after if change.kind is ChangeKind.ADDED else change.before
        listed: Plain = [value] if is_message(value) else value
        if is_conversation(listed):
            entries = conversation({"messages": listed})
            return Difference(change.kind, path, entries[:MESSAGES])
    if change.spans:
        return Difference(change.kind, path, spans=tuple(map(_brief, change.spans)))
    sides = (
        None if change.kind is ChangeKind.ADDED else _json(change.before),
        None if change.kind is ChangeKind.REMOVED else _json(change.after),
    )
    return Difference(change.kind, path, before=sides[0], after=sides[1])


def _json(value: Plain) -> Cut:
    return cut(raw_json.dump(value, indent=None), LONG_CHANGE)


def _brief(span: Span) -> Span:
    """A stretch of text with the middle left out, if it is long."""
    text = span.text
    around = _AROUND if span.kind is SpanKind.EQUAL else LONG_CHANGE // 2
    if len(text) <= 2 * around + 40:
        return span
    left = f" … {len(text) - 2 * around:,} characters … "
    return Span(span.kind, text[:around] + left + text[-around:])


def _kind(value: Plain) -> str:
    match value:
        case list():
            return "list"
        case dict():
            return "object"
        case Typed():
            return value.type_name
    return outline(value)[0].kind


def _count(value: Plain) -> str:
    match value:
        case list() | dict() if value:
            noun = "item" if isinstance(value, list) else "key"
            return f"{len(value):,} {noun}{'' if len(value) == 1 else 's'}"
    return ""
