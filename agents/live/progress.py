"""What the run of a thread is at, while it runs."""

from __future__ import annotations

from typing import Any

from agents.exceptions import NotFound
from agents.live.topic import Topic, Viewer
from agents.models import Progress, Run, Thread


def progress(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """What the runner of a thread said last of the run in its hands, None if nothing. Two queries.

    Raises:
        NotFound: there is no such thread.
    """
    if not Thread.objects.filter(pk=topic.pk).exists():
        raise NotFound("There is no such thread.")
    told = Progress.objects.filter(run__thread=topic.pk, run__status=Run.Status.RUNNING)
    return {"progress": told.select_related("run").only(*_SHOWN).first()}


_SHOWN = ("step", "nodes", "text", "run__started_at")
