"""The figures of the whole system, as the database has them: the same from every process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily

from agents.models import Decision, Interrupt, Run, Runner


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of a kind wait, and since when the oldest does."""

    count: int
    since: datetime | None

    @property
    def seconds(self) -> float:
        """How long the oldest has waited; 0 when none does."""
        return max((timezone.now() - self.since).total_seconds(), 0.0) if self.since else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What waits, for whom, and who works."""

    runs: dict[str, int]  # by status, each of them
    queue: Waiting  # runs that no runner has taken up
    pending: Waiting  # questions to people
    undelivered: Waiting  # decisions that no runner has taken over
    overdue: int  # running runs whose runner has been silent for too long
    runners: int  # connected
    capacity: int  # runs they can execute at a time


def read() -> Figures:
    """Read them. At most 9 queries, each answered by an index."""
    counted = dict(Run.objects.order_by().values_list("status").annotate(Count("pk")))
    capacities = list(Runner.objects.online().values_list("capacity", flat=True))
    return Figures(
        runs={status: counted.get(status, 0) for status in Run.Status.values},
        queue=_waiting(Run.objects.filter(status=Run.Status.QUEUED), "created_at"),
        pending=_waiting(Interrupt.objects.pending(), "created_at"),
        undelivered=_waiting(Decision.objects.undelivered(), "decided_at"),
        overdue=Run.objects.abandoned().count(),
        runners=len(capacities),
        capacity=sum(capacities),
    )


def _waiting(rows: QuerySet[Any], moment: str) -> Waiting:
    count = rows.count()
    if not count:
        return Waiting(0, None)
    # Keys rise with time: the first row is the oldest, and found without reading the others.
    return Waiting(count, rows.order_by("pk").values_list(moment, flat=True).first())


class Gauges:
    """The figures in the form that `prometheus_client` collects."""

    def __init__(self, figures: Figures) -> None:
        """Show these figures."""
        self.figures = figures

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family for each figure."""
        figures = self.figures
        runs = GaugeMetricFamily("reviewconsole_runs", "Runs, by status.", labels=("status",))
        for status, count in figures.runs.items():
            runs.add_metric((status,), count)
        yield runs
        for name, what, waiting in (
            ("queued_runs", "Runs that no runner has taken up", figures.queue),
            ("pending_interrupts", "Questions that wait for a person", figures.pending),
            ("undelivered_decisions", "Decisions on their way to a runner", figures.undelivered),
        ):
            yield _gauge(name, f"{what}.", waiting.count)
            yield _gauge(f"{name}_oldest_seconds", f"{what}: age of the oldest.", waiting.seconds)
        yield _gauge("leases", "Runs that runners hold.", figures.runs[Run.Status.RUNNING])
        yield _gauge("leases_overdue", "Of them: the runner is silent.", figures.overdue)
        yield _gauge("runners", "Runners that are connected.", figures.runners)
        yield _gauge("runner_capacity", "Runs they can execute at a time.", figures.capacity)


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"reviewconsole_{name}", what, value)
