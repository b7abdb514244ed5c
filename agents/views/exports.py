"""A thread as a file: JSON for programs, HTML for people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agents import live
from agents.exceptions import NotFound
from agents.live import Topic
from agents.live.effects import EffectView, in_order
from agents.models import Thread, Violation
from agents.services import exports
from agents.views.access import ConsoleRequest, console_page, viewer_of

R = TypeVar("R", bound=HttpResponseBase)

_CHUNK = 64 * 1024  # characters


@require_safe
@console_page
def thread_export_json(request: ConsoleRequest, pk: int) -> HttpResponseBase:
    """Everything that is kept of a thread, as one JSON document that is sent as it is read."""
    people = ("agent", "created_by", "deleted_by", "copied_from")
    thread = Thread.objects.select_related(*people).filter(pk=pk).first()
    if thread is None:
        raise NotFound("There is no such thread.")
    pieces = exports.pieces(thread=thread, user=request.user)
    response = StreamingHttpResponse(_sent(pieces), content_type="application/json")
    return _download(response, f"thread-{pk}.json")


@require_safe
@console_page
def thread_export_html(request: ConsoleRequest, pk: int) -> HttpResponse:
    """A thread's story, decisions and runs as one file that needs neither the console nor a net."""
    shown = live.context(Topic("thread", pk, {"messages": "all"}), viewer_of(request))
    thread = shown["thread"].row
    asked = thread.interrupts.select_related("decision__decided_by").order_by("pk")
    response = render(
        request,
        "agents/thread_export_html.html",
        {
            **shown,
            "exported_at": timezone.now(),
            "interrupts": list(asked),
            "violations": list(Violation.objects.filter(run__thread=thread).order_by("pk")),
            "effects": [EffectView(row) for row in in_order(thread)],
            "runs": list(thread.runs.select_related("created_by").order_by("pk")),
        },
    )
    return _download(response, f"thread-{pk}.html")


def _download(response: R, name: str) -> R:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def _sent(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The pieces in larger ones, read in the request's own thread, one after the other."""
    while chunk := await sync_to_async(_taken)(pieces):
        yield chunk


def _taken(pieces: Iterator[str]) -> str:
    taken, size = [], 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            break
    return "".join(taken)
