"""What watches the processes: is one alive, is it ready, what does it measure.

Everybody may ask the first two, and learns yes or no. Whoever may read the metrics is told more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from agents import figures, hops
from agents.instruments import REGISTRY

log = logging.getLogger(__name__)

_FORWARDED = ("Forwarded", "X-Forwarded-For")


@require_safe
@never_cache
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the process is alive. It touches no database: a restart would mend none."""
    return _text("alive")


@require_safe
@never_cache
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether the process can serve people and runners: 200 or 503.

    Which hop is broken, and the repair, stands in the log, and in the answer to who may know, who
    is told of hints too: without them everything goes on, later.
    """
    checked = hops.of_this_process()
    broken = [hop for hop in checked if hop.fault and hop.is_needed]
    for hop in broken:
        log.warning("not ready: %s: %s %s", hop.name, hop.fault, hop.repair)
    lines = ["not ready" if broken else "ready"]
    if _may_read(request):
        lines += [f"{hop.name}: {hop.fault or 'ok'} {hop.repair}".rstrip() for hop in checked]
    return _text(*lines, status=503 if broken else 200)


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """What this process measures, and the figures of the whole system, for Prometheus.

    Without a database the first come alone, and `reviewconsole_database_up` is 0.
    """
    if not _may_read(request):
        return _text("Set METRICS_TOKEN or METRICS_ALLOW to read this.", status=403)
    whole = CollectorRegistry()
    up = Gauge("reviewconsole_database_up", "Whether the database answers.", registry=whole)
    try:
        whole.register(figures.Gauges(figures.read()))
        up.set(1)
    except Error as error:
        log.warning("the figures cannot be read: %s", error)
    exposed = generate_latest(whole) + generate_latest(REGISTRY)
    return HttpResponse(exposed, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return constant_time_compare(token.strip(), settings.METRICS_TOKEN)
    # Behind a proxy everybody may seem to come from its address.
    if any(name in request.headers for name in _FORWARDED):
        return False
    return _is_within(request.META.get("REMOTE_ADDR", ""), settings.METRICS_ALLOW)


def _is_within(address: str, networks: Iterable[Any]) -> bool:
    try:
        visitor = ip_address(address)
    except ValueError:  # a unix socket has none
        return False
    return any(visitor in network for network in networks)


def _text(*lines: str, status: int = 200) -> HttpResponse:
    return HttpResponse(
        "".join(f"{line}\n" for line in lines), content_type="text/plain", status=status
    )
