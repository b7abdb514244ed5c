"""Runners: who is connected, what they have in hand, and what waits for one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Prefetch, Q
from django.utils import timezone

from agents.live.topic import Topic, Viewer
from agents.models import Agent, Decision, Run, Runner

KEPT = timedelta(days=7)  # a runner that left longer ago is history
SHOWN = 100


def runners(_topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """Runners seen of late with their agents and runs, and what is not delivered. Five queries."""
    running = Run.objects.filter(status=Run.Status.RUNNING)
    in_hand = running.annotate(is_overdue=Q(lease_expires_at__lt=timezone.now()))
    seen = Runner.objects.select_related("token").prefetch_related(
        Prefetch("agents", Agent.objects.only("name")),
        Prefetch("runs", in_hand, to_attr="in_hand"),
    )
    related = ("interrupt__thread__agent", "decided_by")
    undelivered = Decision.objects.undelivered().select_related(*related).only(
        "summary", "decided_at", "run_id", "decided_by__username", "decided_by__first_name",
        "interrupt__thread__agent__name",
    )  # fmt: skip
    queued = Run.objects.filter(status=Run.Status.QUEUED).select_related("thread__agent")
    queued = queued.only("created_at", "thread__title", "thread__thread_id", "thread__agent__name")
    recently = Q(last_seen_at__gte=timezone.now() - KEPT)
    return {
        "runners": list(seen.filter(recently)[:SHOWN]),
        "undelivered": list(undelivered[:SHOWN]),
        "queued": list(queued.order_by("pk")[:SHOWN]),
        "console": viewer.console,
    }
