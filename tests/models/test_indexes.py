"""What is asked at each heartbeat, claim, pause and redrawn page reads no table end to end."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from agents.models import Interrupt, Run
from tests.factories import AGENT

ASKED: dict[str, Callable[[], QuerySet[Run] | QuerySet[Interrupt]]] = {
    "abandoned": lambda: Run.objects.abandoned().order_by("pk"),
    "claimable": lambda: Run.objects.claimable([AGENT]),
    "active": lambda: Run.objects.active(),
    "pending": lambda: Interrupt.objects.pending().order_by("pk")[:50],
    "newest pending": lambda: Interrupt.objects.pending().order_by("-pk")[:50],
    "closed": lambda: (
        Interrupt.objects.exclude(status=Interrupt.Status.PENDING)
        .filter(closed_at__gte=timezone.now())
        .order_by("-closed_at")[:50]
    ),
    "last answered": lambda: (
        Interrupt.objects.filter(node="tools", thread__agent=1, status=Interrupt.Status.APPLIED)
        .exclude(decision__run__status=Run.Status.FAILED)
        .order_by("-pk")[:1]
    ),
    "asked at a checkpoint": lambda: Interrupt.objects.filter(
        thread=1, checkpoint_id="1efc", task_id="1"
    ).order_by("pk"),
}


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL plans by the sizes of tables: these are empty"
)
@pytest.mark.parametrize("name", ASKED)
def test_an_index_serves(db: None, name: str):
    plan = ASKED[name]().explain()
    scans = [
        step for step in plan.splitlines() if "SCAN" in step and "USING INDEX inbox" not in step
    ]
    assert scans == [], plan
