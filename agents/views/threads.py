"""One thread, and ending its run."""

from __future__ import annotations

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
    """One thread: its story beside the tree of its checkpoints.

    `?messages=all` tells the story from the start, `?branch=` that of another checkpoint than the
    newest; `?before=` and `?at=` choose what is seen of the tree, `?ran=` of what ran.
    """
    story = {"branch": request.GET.get("branch", ""), "messages": request.GET.get("messages", "")}
    seen = {name: request.GET.get(name, "") for name in ("before", "at", "branch")}
    return page(
        request,
        "agents/thread_detail.html",
        Topic("thread", pk, _given(story)),
        Topic("tree", pk, _given(seen)),
        Topic("progress", pk),
        Topic("effects", pk, _given({"ran": request.GET.get("ran", "")})),
    )


def _given(asked: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


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
