"""The questions of one pause, and which of them are decided."""

from __future__ import annotations

from typing import Any

from agents.exceptions import NotFound
from agents.live.topic import Topic, Viewer
from agents.models import Interrupt


def pause(topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """The questions of the pause that this interrupt is of, itself among them. One query.

    Raises:
        NotFound: there is no such interrupt.
    """
    run = Interrupt.objects.filter(pk=topic.pk).values("run")
    questions = Interrupt.objects.filter(run__in=run).select_related("decision__decided_by")
    if not questions:
        raise NotFound(f"There is no interrupt {topic.pk}.")
    return {"questions": questions}
