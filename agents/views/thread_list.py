"""The list of threads, with its search."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Q
from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from agents.models import Agent, Thread
from agents.views.access import ConsoleRequest, console_page, page

PAGE = 50  # rows


@require_safe
@console_page
def thread_list(request: ConsoleRequest) -> HttpResponse:
    """Threads, newest first; `q` searches id and title; `agent`, `status` and place in the URL."""
    asked = request.GET
    found = Thread.objects.select_related("agent").defer("snapshot", "agent__spec")
    for word in asked.get("q", "").split():
        found = found.filter(Q(title__icontains=word) | Q(thread_id__icontains=word))
    if agent := asked.get("agent"):
        found = found.filter(agent__name=agent)
    if (status := asked.get("status")) in Thread.Status.values:
        found = found.filter(status=status)
    if place := _place(asked.get("before", "")):
        when, pk = place
        found = found.filter(Q(updated_at__lt=when) | Q(updated_at=when, pk__lt=pk))
    rows = list(found.order_by("-updated_at", "-pk")[: PAGE + 1])
    return page(
        request,
        "agents/thread_list.html",
        threads=rows[:PAGE],
        before=_written(rows[PAGE - 1]) if len(rows) > PAGE else "",
        is_first_page=place is None,
        agents=list(Agent.objects.values_list("name", flat=True)),
        statuses=Thread.Status,
    )


def _place(text: str) -> tuple[datetime, int] | None:
    """The last row of the page before, as `_written` has it; None for the first page."""
    when, _, pk = text.partition(",")
    try:
        moment = parse_datetime(when)
        if moment is None or moment.tzinfo is None or not (pk.isascii() and pk.isdecimal()):
            return None
        return (moment.astimezone(UTC), int(pk)) if len(pk) < 19 else None
    except (ValueError, OverflowError):  # no date, or one before or after all others
        return None


def _written(row: Thread) -> str:
    return f"{row.updated_at.isoformat()},{row.pk}"
