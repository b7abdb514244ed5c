"""One thread, and ending its run."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from agents.exceptions import Conflict, RunEnded
from agents.live import Topic
from agents.models import Interrupt, Run
from agents.services import failures, runs
from agents.views.access import ConsoleRequest, console_page, page


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
