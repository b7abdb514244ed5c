"""What threads do: set by every start and end of a run, which also queues the run that waits.

All of it happens inside the caller's transaction, which holds the lock of the thread.
"""

from __future__ import annotations

from django.utils import timezone

from agents import push
from agents.models import Interrupt, Run, Thread
from agents.services import supersession


def put(run: Run, status: Thread.Status) -> None:
    """Say what the thread of a run does now, and tell the pages that show it.

    Every end of a run comes here last: the replay or fork that waits for it is queued. Queries: 2,
    and 1 more at an end where nothing waits.
    """
    if status != Thread.Status.BUSY and _promote(run.thread_id):
        status = Thread.Status.BUSY
    Thread.objects.filter(pk=run.thread_id).update(status=status, updated_at=timezone.now())
    push.changed("inbox", "runners", f"thread.{run.thread_id}", *topics(run))


def leave(run: Run, status: Thread.Status) -> None:
    """Set the thread of a run that has ended at no pause and not at the end of its graph.

    Where it still stands at the pause that the run took up, what waited there waits again. Where
    the run has changed nothing, it is as it was before; else `status` is what it does.
    """
    run.refresh_from_db()
    if supersession.ask_anew(run):
        status = Thread.Status.INTERRUPTED
    elif run.has_changed_nothing():
        status = _before(run)
    put(run, status)


def topics(run: Run) -> list[str]:
    """The topics of the interrupts whose pages tell of this run. One query."""
    rows = Interrupt.objects.order_by().values_list("pk", flat=True)
    told = rows.filter(decision__run=run).union(
        rows.filter(superseded_by=run), rows.filter(revised_by=run)
    )
    return [f"interrupt.{pk}" for pk in told]


def _before(run: Run) -> Thread.Status:
    """What the thread did before this run: it neither ran nor waited."""
    earlier = Run.objects.effective().filter(thread=run.thread_id, pk__lt=run.pk).order_by("-pk")
    last = earlier.values_list("status", flat=True).first()
    return Thread.Status.ERROR if last == Run.Status.FAILED else Thread.Status.IDLE


def _promote(thread: int) -> bool:
    """Queue the run that waits longest in a thread; False if none does."""
    waiting = Run.objects.filter(thread=thread, status=Run.Status.WAITING).order_by("pk").first()
    if waiting is None:
        return False
    same = Run.objects.filter(pk=waiting.pk, status=Run.Status.WAITING)
    if not same.update(status=Run.Status.QUEUED):
        return False
    supersession.supersede(thread=thread, by=waiting)
    push.changed(*topics(waiting))
    push.wake_runners()
    return True
