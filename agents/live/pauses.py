"""The questions of one pause, and which of them are decided."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from agents.exceptions import NotFound
from agents.live.topic import Topic, Viewer
from agents.models import Interrupt
from agents.prepared import Given, Prepared


def pause(topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """The questions of the pause that this interrupt is of, itself among them. One query.

    Raises:
        NotFound: there is no such interrupt.
    """
    questions = _QUESTIONS(pk=topic.pk)
    if not questions:
        raise NotFound(f"There is no interrupt {topic.pk}.")
    return {"questions": questions}


def _questions() -> QuerySet[Interrupt]:
    run = Interrupt.objects.filter(pk=Given("pk", int)).values("run")
    rows = Interrupt.objects.filter(run__in=run).select_related("decision__decided_by")
    return rows.order_by("position").only(
        "position", "status", "kind", "dialect", "headline", "decision__summary",
        "decision__decided_by__first_name", "decision__decided_by__username",
    )  # fmt: skip


_QUESTIONS = Prepared(_questions)
