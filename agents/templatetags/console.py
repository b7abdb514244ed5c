"""Template tags of the console: shapes for states, times, and what agents said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import template
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.live.inbox_rows import Closed, Person, Waiting
from agents.models import Interrupt
from agents.reviews import markdown, markup, raw_json, show
from agents.reviews.look_alikes import look_alike
from reviewconsole.protocol.plain import Plain

register = template.Library()

# One shape a meaning, so that colour is never all there is.
_SHAPES = {
    "pending": "waiting", "interrupted": "waiting", "in-doubt": "waiting",
    "applied": "check", "succeeded": "check", "online": "check", "approve": "check",
    "reject": "cross", "refused": "cross",
    "failed": "failed", "error": "failed",
    "running": "running", "busy": "running",
    "waiting": "queued", "queued": "queued",
    "recorded": "queued", "delivered": "queued", "answered": "queued",
    "edit": "edit", "respond": "respond",
    "idle": "idle",
}  # fmt: skip
_QUESTIONS = ("question", "typed", "raw")  # dialects that ask for words, not for a verdict
_WORDS = {"pending": "waiting"}  # what people call a state, where it is not the model's word

_MINUTE, _HOUR, _DAY = 60, 3600, 86400  # seconds


@register.simple_tag
def icon(name: str, state: str = "") -> SafeString:
    """Draw a shape of `static/img/icons.svg`; decoration only, the words stand beside it."""
    return format_html(
        '<svg class="icon"{} aria-hidden="true"><use href="{}#{}"/></svg>',
        format_html(' data-state="{}"', state) if state else "",
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def status(state: str, word: str = "") -> SafeString:
    """Draw a state as a badge of shape and word; `state` is a status or a decision type."""
    return format_html(
        '<span class="badge" data-state="{}">{}{}</span>',
        state,
        icon(_SHAPES.get(state, "ended")),
        (word or _WORDS.get(state, state)).capitalize(),
    )


@register.simple_tag
def glyph(interrupt: Interrupt | Waiting | Closed) -> SafeString:
    """Draw the shape of a pause, with its kind and state in words for screen readers."""
    if isinstance(interrupt, Closed) or interrupt.status != Interrupt.Status.PENDING:
        shape = _SHAPES.get(interrupt.status, "ended")
        return _glyph(shape, interrupt.status, Interrupt.Status(interrupt.status).label)
    if interrupt.kind == Interrupt.Kind.BREAKPOINT:
        return _glyph("breakpoint", "pending", "Breakpoint")
    if interrupt.kind == Interrupt.Kind.NODE_INTERRUPT:
        return _glyph("breakpoint", "pending", "Stopped node")
    if interrupt.dialect in _QUESTIONS:
        return _glyph("question", "pending", "Question")
    return _glyph("waiting", "pending", "Tool call")


def _glyph(name: str, state: str, words: str) -> SafeString:
    return format_html('{}<span class="visually-hidden">{}: </span>', icon(name, state), words)


@register.simple_tag(takes_context=True)
def rail_link(context: template.Context, name: str, label: str, keys: str) -> SafeString:
    """Draw a link of the rail; the one whose section is open says so."""
    match = getattr(context.get("request"), "resolver_match", None)
    section = "interrupt" if name == "inbox" else name.removesuffix("-list")
    here = match is not None and match.url_name in {
        name, *(f"{section}-{part}" for part in ("detail", "draft", "decide", "dismiss")),
    }  # fmt: skip
    return format_html(
        '<a class="rail-link" href="{}" data-key="{}"{}>{}<span>{}</span>{}</a>',
        reverse(name),
        keys,
        SafeString(' aria-current="page"') if here else "",
        icon(section + "s" if name != "inbox" else "inbox"),
        label,
        _count(context) if name == "inbox" else "",
    )


def _count(context: template.Context) -> SafeString:
    shown = {"waiting": context.get("waiting", 0)}
    return SafeString(render_to_string("agents/live/inbox_count.html", shown))


@register.simple_tag
def ago(when: datetime | None) -> SafeString:
    """Say how long ago something was; the exact time stands in the tooltip."""
    return _time(when, "ago")


@register.simple_tag
def age(when: datetime | None) -> SafeString:
    """Say for how long something has lasted."""
    return _time(when, "age")


def _time(when: datetime | None, form: str) -> SafeString:
    if when is None:
        return SafeString("")
    return moment(when, form, elapsed(when, form, timezone.now()))


@register.simple_tag
def moment(when: datetime, form: str, words: str) -> SafeString:
    """Draw a time with what `elapsed` says of it."""
    # `console.js` keeps the words true, and puts the tooltip into the reader's own time zone.
    return format_html(
        '<time datetime="{}" title="{}" data-form="{}">{}</time>',
        when.astimezone(UTC).isoformat(timespec="seconds"),
        when.astimezone(UTC).strftime("%-d %B %Y, %H:%M:%S UTC"),
        form,
        words,
    )


def elapsed(when: datetime, form: str, now: datetime) -> str:
    """Say how long ago something was (`ago`), or for how long it has lasted (`age`)."""
    seconds = max(0, int((now - when).total_seconds()))
    if seconds < _MINUTE:
        return "just now" if form == "ago" else "now"
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {word}" + (" ago" if form == "ago" else "")
    raise AssertionError(f"{seconds} s has no form")


@register.filter
def visible(text: object) -> SafeString:
    """Show what an agent said: escaped, set apart from its surroundings, nothing in it hidden."""
    return SafeString(markup.inline(str(text)))


@register.filter
def visible_block(text: object) -> SafeString:
    """Show what an agent said at length: hidden characters counted, a long text folded."""
    return SafeString(markup.block(str(text)))


@register.filter
def hidden_note(text: object) -> SafeString:
    """Say how many characters of a text are hidden, for fields, which show text as it is."""
    return SafeString(markup.hidden_note(str(text)))


@register.filter
def agent_markdown(text: object) -> SafeString:
    """Show what an agent formatted, as a block: by allowlist, with links that have to be opened."""
    return SafeString(markdown.render(str(text)))


@register.simple_tag
def tool_name(name: str, tools: Iterable[Mapping[str, Any]]) -> SafeString:
    """Name a tool, with a warning if it is not one of the agent's, or may be taken for another.

    `tools` are the agent's, as `Agent.tools` has them; none are known of an agent that told none.
    """
    known = [str(tool.get("name", "")) for tool in tools]
    if other := look_alike(name, known):
        warning = f"looks like {show.escape_hidden(other)}, which is another tool"
    elif known and name not in known:
        warning = "not a tool of this agent"
    else:
        return visible(name)
    return format_html('{} <span class="flag">{}</span>', visible(name), warning)


@register.filter
def json(value: Plain) -> str:
    """Write a plain value as JSON for people; hidden characters are escaped in it."""
    return raw_json.dump(value)


@register.filter
def json_line(value: Plain) -> str:
    """Write a plain value as JSON on one line."""
    return raw_json.dump(value, indent=None)


@register.filter
def who(user: User | Person | None) -> str:
    """Name a person, or the console's own terminal."""
    return (user.first_name or user.get_username()) if user else "the terminal"


@register.filter
def took(start: datetime, end: datetime) -> str:
    """Say how long something took."""
    seconds = (end - start).total_seconds()
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(int(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


@register.filter
def arguments(schema: Any) -> list[dict[str, Any]]:
    """List the arguments of a tool for people. The schema is an agent's: it may be anything."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    required = schema.get("required") if isinstance(schema, dict) else None
    return [
        {
            "name": name,
            "type": _type(facts),
            "required": name in required if isinstance(required, list) else False,
            "description": facts.get("description") if isinstance(facts, dict) else "",
        }
        for name, facts in (properties.items() if isinstance(properties, dict) else ())
    ]


def _type(facts: Any) -> str:
    match facts:
        case {"enum": list(values)}:
            return " | ".join(raw_json.dump(value, indent=None) for value in values[:8])
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": str(name)}:
            return name
        case {"type": list(names)}:
            return " | ".join(map(str, names))
        case {"anyOf": list(options)} | {"oneOf": list(options)}:
            return " | ".join(dict.fromkeys(map(_type, options)))
        case {"$ref": str(reference)}:
            return reference.rpartition("/")[2]
    return "anything"
