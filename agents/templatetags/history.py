"""Template filters for what was: states, what changed in them, and how long things took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django import template

from agents.live import story
from agents.reviews import state_reading
from agents.reviews.conversation import Entry
from agents.reviews.diff import Diff
from reviewconsole.protocol.plain import Plain

register = template.Library()

LONGEST = 20_000  # characters of one text in a history; its checkpoint's JSON has all of it
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@register.filter
def channels(values: Mapping[str, Plain]) -> tuple[state_reading.Channel, ...]:
    """Read a state, for `agents/_state.html`."""
    return state_reading.channels(values or {})


@register.filter
def changed_channels(diff: Diff) -> tuple[state_reading.ChangedChannel, ...]:
    """Gather the changes of a state, for `agents/_state_diff.html`."""
    return state_reading.changed_channels(diff)


@register.filter
def passages(entries: Sequence[Entry]) -> list[story.Passage]:
    """Messages with their calls, for `agents/_message.html`."""
    return story.passages(entries)


@register.filter
def beginning(text: object) -> str:
    """The beginning of a text, so that one message cannot make a page of megabytes."""
    return str(text)[:LONGEST]


@register.filter
def left_out(text: object) -> int:
    """How many characters `beginning` leaves out."""
    return max(len(str(text)) - LONGEST, 0)


@register.filter
def each_once(names: Iterable[str]) -> list[tuple[str, int]]:
    """Names with how often each stands there: a step may run one node thousands of times."""
    return list(Counter(names).items())


@register.filter
def summed(names: Iterable[str]) -> str:
    """The names in a row, as `each_once` counts them."""
    counted = each_once(names)
    return ", ".join(name if times == 1 else f"{name} ({times} times)" for name, times in counted)


@register.filter
def lasted(duration: timedelta | None) -> str:
    """Say how long something took; empty where that is not known."""
    if duration is None:
        return ""
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


@register.filter
def bytesize(number: int | None) -> str:
    """Say how many bytes; empty where that is not known."""
    if number is None:
        return ""
    size, unit = float(number), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit and size < 10 else f"{size:.0f} {_UNITS[unit]}"
