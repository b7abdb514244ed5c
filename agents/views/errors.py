"""What a page shows when it cannot be made."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from agents.services import outages

RETRY_SECONDS = 5
_SECRET = "password"  # noqa: S105 -- part of a field's name


def server_error(request: HttpRequest) -> HttpResponse:
    """Show that the console has failed (500), or that its database does not answer (503).

    What was posted to a database that does not answer stays on the page, to be sent again. No
    query.
    """
    error = sys.exc_info()[1]
    if error is None or not outages.is_outage(error):
        return defaults.server_error(request)
    context = {
        "remedy": outages.remedy(error),
        "path": request.get_full_path(),
        "is_post": request.method == "POST",
        "sent": _sent(request),
    }
    # Without the request: what the pages' frame tells of a person is in the database.
    page = render_to_string("503.html", context)
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """What was posted, field by field; nothing where it holds a password or a file."""
    posted = [(name, str(value)) for name, values in request.POST.lists() for value in values]
    if request.FILES or any(_SECRET in name for name, _ in posted):
        return []
    return posted
