"""What threads do: set by every start and end of a run, which also queues the run that waits.

All of it happens inside the caller's transaction, which holds the lock of the thread.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from agents import push
from agents.models import Interrupt, Run, Thread
from agents.prepared import Each, Given, Prepared, PreparedUpdate
from agents.services import supersession


def busy(run: Run) -> None:
    """Say that a run of a thread was queued, and tell the pages that show it. One query.

    The run is new: nothing tells of it yet but what it revises.
    """
    _put(run, Thread.Status.BUSY)
    if run.revises_id is not None:
        push.changed(f"interrupt.{run.revises_id}")


def put(run: Run, status: Thread.Status) -> None:
    """Say what the thread of a run that has ended does now, and tell the pages that show it.

    Every end of a run comes here last: the replay or fork that waits for it is queued. Queries: 2,
    and 1 more but for the end of a start.
    """
    _put(run, Thread.Status.BUSY if _promote(run.thread_id) else status)
    push.changed(*topics(run))


def _put(run: Run, status: Thread.Status) -> None:
    _PUT(thread=run.thread_id, status=status, now=timezone.now())
    push.changed("inbox", "runners", f"thread.{run.thread_id}")


_PUT = PreparedUpdate(
    lambda: Thread.objects.filter(pk=Given("thread", int)),
    status=Given("status", str),
    updated_at=Given("now", datetime),
)


def leave(run: Run, status: Thread.Status) -> None:
    """Set the thread of a run that has ended at no pause and not at the end of its graph.

    Where it still stands at the pause that the run took up, what waited there waits again. Where
    the run has changed nothing, it is as it was before; else `status` is what it does. The run is
    as it is stored.
    """
    if supersession.ask_anew(run):
        status = Thread.Status.INTERRUPTED
    elif not _EFFECTIVE(run=run.pk):  # it has changed nothing
        status = _before(run)
    put(run, status)


def _effective() -> QuerySet[Run, tuple[int]]:
    return Run.objects.effective().filter(pk=Given("run", int)).order_by().values_list("pk")


_EFFECTIVE = Prepared(_effective)


def topics(*runs: Run) -> list[str]:
    """The topics of the interrupts whose pages tell of these runs.

    One query, none for starts: these carry no decision, and what they close does not name them.
    """
    asked = {run.pk for run in runs if run.trigger != Run.Trigger.START}
    told = {run.revises_id for run in runs if run.revises_id is not None}
    told |= {pk for (pk,) in _TOLD(runs=asked)} if asked else set()
    return [f"interrupt.{pk}" for pk in told]


def _told() -> QuerySet[Interrupt, tuple[int]]:
    runs, rows = Each("runs", int), Interrupt.objects.order_by().values_list("pk")
    return rows.filter(decision__run__any=runs).union(rows.filter(superseded_by__any=runs))


_TOLD = Prepared(_told)


def _before(run: Run) -> Thread.Status:
    """What the thread did before this run: it neither ran nor waited."""
    last = _LAST(thread=run.thread_id, run=run.pk)
    return Thread.Status.ERROR if last == [(Run.Status.FAILED,)] else Thread.Status.IDLE


def _earlier() -> QuerySet[Run, tuple[str]]:
    earlier = Run.objects.effective().filter(thread=Given("thread", int), pk__lt=Given("run", int))
    return earlier.order_by("-pk").values_list("status")[:1]


_LAST = Prepared(_earlier)


def _promote(thread: int) -> bool:
    """Queue the run that waits longest in a thread; False if none does."""
    waiting = next(iter(_WAITING(thread=thread)), None)
    if waiting is None:
        return False
    same = Run.objects.filter(pk=waiting.pk, status=Run.Status.WAITING)
    if not same.update(status=Run.Status.QUEUED):
        return False
    supersession.supersede(thread=thread, by=waiting)
    push.changed(*topics(waiting))
    push.wake_runners()
    return True


def _waiting() -> QuerySet[Run]:
    waiting = Run.objects.filter(thread=Given("thread", int), status=Run.Status.WAITING)
    return waiting.order_by("pk")[:1]


_WAITING = Prepared(_waiting)
