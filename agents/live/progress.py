"""What the run of a thread is at, while it runs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from agents.exceptions import NotFound
from agents.live.topic import Topic, Viewer
from agents.models import Progress, Run, Thread
from agents.prepared import Given, Prepared, together


def progress(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """What the runner of a thread said last of the run in its hands, None if nothing. Two queries.

    Raises:
        NotFound: there is no such thread.
    """
    threads, told = together(_THREAD.given(thread=topic.pk), _TOLD.given(thread=topic.pk))
    if not threads:
        raise NotFound("There is no such thread.")
    return {"progress": next(iter(told), None)}


def _thread() -> QuerySet[Thread, tuple[int]]:
    return Thread.objects.filter(pk=Given("thread", int)).values_list("pk").order_by()


def _told() -> QuerySet[Progress]:
    told = Progress.objects.filter(run__thread=Given("thread", int), run__status=Run.Status.RUNNING)
    shown = told.select_related("run").only("step", "nodes", "text", "run__started_at")
    return shown.order_by("pk")[:1]


_THREAD, _TOLD = Prepared(_thread), Prepared(_told)
