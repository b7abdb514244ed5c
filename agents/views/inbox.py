"""The inbox."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from agents.live import Topic
from agents.views.access import ConsoleRequest, console_page, page


@require_safe
@console_page
def inbox(request: ConsoleRequest) -> HttpResponse:
    """What waits for a person; order, filters and place in the URL."""
    return page(request, "agents/inbox.html", inbox_topic(request), Topic("recent"))


def inbox_topic(request: ConsoleRequest, open: int = 0) -> Topic:
    """The list as the URL asks for it; `open` is the pause whose page stands beside it."""
    names = ("agent", "order", "q", "after")
    filters = {name: request.GET[name] for name in names if request.GET.get(name)}
    return Topic("inbox", filters=filters | ({"open": str(open)} if open else {}))
