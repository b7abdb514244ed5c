"""The list of threads: search, filters and place, all in its address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from agents.models import Agent, Decision, Thread
from agents.models.thread import ThreadQuerySet
from agents.views.access import ConsoleRequest, console_page, page
from agents.views.keyset import window

PAGE = 50  # rows
DELETED = "deleted"  # a filter beside the statuses: what became of the thread itself
FILTERS = ("q", "agent", "status", "by", "from", "to")
PLACE = ("before", "after")


@require_safe
@console_page
def thread_list(request: ConsoleRequest) -> HttpResponse:
    """Threads, newest first.

    `q` searches id, title, metadata and messages; `agent`, `status` (also `deleted`), `by` (who
    decided in it), `from` and `to` (days of the last change, UTC) narrow it; `before` or `after`
    say where a page begins. Nine queries, ten with a search, whatever there is.
    """
    asked = {name: text for name in (*FILTERS, *PLACE) if (text := request.GET.get(name))}
    agents = dict(Agent.objects.values_list("name", "pk"))
    people = dict(_deciders())
    found = _filtered(asked, agents, people)
    shown = window(found, before=asked.get("before", ""), after=asked.get("after", ""), size=PAGE)
    return page(
        request,
        "agents/thread_list.html",
        threads=shown,
        is_filtered=any(name in asked for name in FILTERS),
        agents=list(agents),
        people=list(people),
        statuses=Thread.Status,
    )


def _deciders() -> Any:
    decided = Decision.objects.filter(decided_by=OuterRef("pk"))
    return User.objects.filter(Exists(decided)).order_by("username").values_list("username", "pk")


def _filtered(
    asked: Mapping[str, str], agents: Mapping[str, int], people: Mapping[str, int]
) -> ThreadQuerySet:
    found = Thread.objects.select_related("agent").defer("snapshot", "metadata", "agent__spec")
    found = found.matching(asked.get("q", ""))
    if asked.get("status") == DELETED:
        found = found.exclude(deleted_at=None)
    else:
        found = found.kept()
        if (status := asked.get("status")) in Thread.Status.values:
            found = found.filter(status=status)
    if "agent" in asked:
        found = found.filter(agent=agents.get(asked["agent"], 0))
    if "by" in asked:
        made = Decision.objects.filter(decided_by=people.get(asked["by"], 0))
        found = found.filter(Exists(made.filter(interrupt__thread=OuterRef("pk"))))
    if since := _day(asked.get("from", "")):
        found = found.filter(updated_at__gte=since)
    if until := _day(asked.get("to", "")):
        found = found.filter(updated_at__lt=until + timedelta(days=1))
    return found


def _day(text: str) -> datetime | None:
    """The first moment of a day; None where the text is none, or one at the end of all time."""
    try:
        day = parse_date(text)
        return datetime.combine(day, time.min, UTC) if day and day.year < 9999 else None
    except ValueError:
        return None
