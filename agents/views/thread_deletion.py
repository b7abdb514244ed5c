"""Deleting a thread: a page that says what goes and what stays, and the order itself."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from agents import roles
from agents.exceptions import NotAllowed, NotFound, ThreadBusy
from agents.models import Decision, Interrupt, Thread
from agents.services import thread_deletion
from agents.views.access import ConsoleRequest, console_page, page


@require_http_methods(["GET", "HEAD", "POST"])
@console_page
def thread_delete(request: ConsoleRequest, pk: int) -> HttpResponse:
    """Say what deleting a thread takes, and delete it once that was ticked."""
    if not request.user.has_perm(roles.ERASE):
        raise NotAllowed("Deleting threads is for admins; ask one of them.")
    rows = Thread.objects.select_related("agent").defer("snapshot", "agent__spec")
    thread = rows.filter(pk=pk).first()
    if thread is None:
        raise NotFound("There is no such thread.")
    if thread.deleted_at is not None:
        return redirect("thread-detail", pk)
    status, conflict = 200, ""
    is_sure = request.POST.get("sure") == "on"
    if request.method == "POST" and is_sure:
        try:
            thread_deletion.delete(thread=pk, user=request.user)
        except ThreadBusy as error:
            status, conflict = error.status, str(error)
        else:
            messages.success(request, "The thread is deleted; what was decided in it is kept.")
            return redirect("thread-detail", pk)
    elif request.method == "POST":
        status = 422
    return page(
        request,
        "agents/thread_delete.html",
        status=status,
        conflict=conflict,
        is_unsure=status == 422,
        thread=thread,
        checkpoints=thread.checkpoints.count(),
        decisions=Decision.objects.filter(interrupt__thread=thread).count(),
        pending=list(thread.interrupts.filter(status=Interrupt.Status.PENDING)),
        active=thread.runs.active().first(),
    )
