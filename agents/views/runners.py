"""Runners."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents.live import Topic
from agents.views.access import ConsoleRequest, console_page, page


@require_safe
@console_page
def runner_list(request: ConsoleRequest) -> HttpResponse:
    """Who is connected, what they have in hand, and what waits for one."""
    return page(request, "agents/runner_list.html", Topic("runners"))
