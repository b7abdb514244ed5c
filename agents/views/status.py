"""Status: each hop between an agent and a person checked, with the repair."""

from __future__ import annotations

from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

import reviewconsole
from agents import figures, hops
from agents.views.access import ConsoleRequest, console_page, page


@require_safe
@never_cache
@console_page
def status(request: ConsoleRequest) -> HttpResponse:
    """What works and what does not, checked while the page is made."""
    checked = [*hops.of_this_process(), *hops.of_the_system()]
    return page(
        request,
        "agents/status.html",
        hops=checked,
        broken=sum(bool(hop.fault) for hop in checked),
        # Settings that do not fit each other; in DEBUG and DEMO that is known.
        remarks=run_checks(
            tags=["agents"], include_deployment_checks=not (settings.DEBUG or settings.DEMO)
        ),
        figures=figures.read(),
        database="PostgreSQL" if connection.vendor == "postgresql" else "SQLite",
        version=reviewconsole.__version__,
    )
