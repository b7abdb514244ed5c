"""Template filters for what a reviewer reads and compares."""

from __future__ import annotations

from django import template

from agents.reviews import outline as outlines, raw_json, show
from agents.reviews.fields import Nothing
from agents.reviews.paths import Path
from reviewconsole.protocol.plain import Plain

register = template.Library()


@register.filter
def outline(value: Plain) -> tuple[outlines.Line, ...]:
    """Lay a plain value out as lines, for `agents/_outline.html`."""
    return outlines.outline(value)


@register.filter
def place(path: Path) -> str:
    """Write the path of a change for people: `lines / 2 / sku`, counting items from 1."""
    steps = [str(step + 1) if isinstance(step, int) else str(step) for step in path]
    return " / ".join(steps) or "the whole value"


@register.filter
def visible_text(text: object) -> str:
    """Show what an agent said where no markup can stand: titles, attributes, options."""
    return show.escape_hidden(str(text))


@register.filter
def json_or_nothing(value: Plain | Nothing) -> str:
    """Write a plain value as JSON for people; empty where there is none."""
    return "" if isinstance(value, Nothing) else raw_json.dump(value)
