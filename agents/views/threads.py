"""Threads: the list with its search, one thread, and ending its run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from agents.exceptions import Conflict, RunEnded
from agents.live import Topic
from agents.models import Agent, Interrupt, Run, Thread
from agents.services import failures, runs
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


@require_safe
@console_page
def thread_detail(request: ConsoleRequest, pk: int) -> HttpResponse:
    """One thread; `?messages=all` tells its story from the start."""
    shown: dict[str, Any] = {"messages": "all"} if request.GET.get("messages") == "all" else {}
    return page(request, "agents/thread_detail.html", Topic("thread", pk, shown))


@require_POST
@console_page
def run_cancel(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Cancel a run and go back to its thread; one that has ended by itself is no error."""
    try:
        runs.cancel(run=pk, user=request.user)
    except RunEnded as error:
        messages.info(request, str(error))
    return redirect("thread-detail", Run.objects.values_list("thread", flat=True).get(pk=pk))


@require_POST
@console_page
def run_ask_again(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Let a failed run's pause be asked again, and go back to where it failed."""
    # What waits in the run itself was asked after what it carried answers to.
    asked = Interrupt.objects.filter(Q(run=pk) | Q(decision__run=pk)).order_by("-run_id").first()
    try:
        thread = failures.ask_again(run=pk, user=request.user).thread_id
    except Conflict as error:
        messages.info(request, str(error))
        thread = Run.objects.get(pk=pk).thread_id
    if asked is not None:
        return redirect("interrupt-detail", asked.pk)
    return redirect("thread-detail", thread)
