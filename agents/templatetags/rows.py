"""The rows of the inbox: each is drawn once, for as long as it says the same.

An open inbox is drawn whenever something changes, and nearly all of its rows are what they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents.live.inbox import Inbox
from agents.live.inbox_rows import Closed, Decided, Waiting
from agents.templatetags.console import elapsed

register = template.Library()

_KEPT = 1000  # rows


@register.simple_tag
def waiting_rows(inbox: Inbox) -> SafeString:
    """Draw the pauses that wait."""
    now, query, opened = timezone.now(), inbox.query, inbox.open
    return _listed(
        _drawn("waiting", row, elapsed(row.created_at, "age", now), query, row.pk == opened)
        for row in inbox.rows
    )


@register.simple_tag
def closed_rows(inbox: Inbox) -> SafeString:
    """Draw the pauses that left the list a moment ago."""
    now, query, opened = timezone.now(), inbox.query, inbox.open
    return _listed(
        _drawn("closed", row, elapsed(row.closed_at, "ago", now), query, row.pk == opened)
        for row in inbox.closed
    )


@register.simple_tag
def decided_rows(decided: Sequence[Decided]) -> SafeString:
    """Draw what was decided last."""
    now = timezone.now()
    return _listed(_drawn("decided", row, elapsed(row.decided_at, "ago", now)) for row in decided)


def _listed(drawn: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}      ", ((row,) for row in drawn))


@lru_cache(_KEPT)
def _drawn(
    name: str, row: Waiting | Closed | Decided, words: str, query: str = "", is_open: bool = False
) -> SafeString:
    """Draw a row; `words` say for how long, or since when.

    Its template is given nothing else and asks for no time: what is drawn anew looks the same.
    """
    shown = {"row": row, "words": words, "query": query, "is_open": is_open}
    return render_to_string(f"agents/live/_row_{name}.html", shown)
