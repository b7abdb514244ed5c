"""Questions that are closed as their thread goes elsewhere, and asked anew if it never gets there.

A replay or fork closes what waits in its thread the moment it is queued: nobody answers a question
that the thread has left. Where it ends before it has moved the head, and where the answers to a
pause are called back before a runner took them, the pause is still there. Then its questions are
asked anew: a pause that is not shown would wait for ever.

All of it happens inside the caller's transaction, which holds the lock of the thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone

from agents import push
from agents.models import Checkpoint, Decision, Draft, Interrupt, Run

if TYPE_CHECKING:
    from django.db.models import QuerySet

_UNSENT = Q(decision__status=Decision.Status.WITHDRAWN, decision__run=None)
_CARRIED = Q(decision__run__isnull=False) & ~Q(decision__status=Decision.Status.WITHDRAWN)


def supersede(*, thread: int, by: Run | None = None) -> None:
    """Close every question of a thread that no agent has gone on from, and tell their pages.

    Decisions that were not sent yet are withdrawn; those that a failed run carried stay as they
    are. `by` is the replay or fork that takes the thread elsewhere. Queries: 3.
    """
    open_ = Interrupt.objects.filter(
        thread=thread, status__in=(Interrupt.Status.PENDING, Interrupt.Status.ANSWERED)
    )
    asked = list(open_.values_list("pk", flat=True))
    if not asked:
        return
    Decision.objects.filter(interrupt__in=asked, status=Decision.Status.RECORDED, run=None).update(
        status=Decision.Status.WITHDRAWN
    )
    Interrupt.objects.filter(pk__in=asked).update(
        status=Interrupt.Status.SUPERSEDED, closed_at=timezone.now(), superseded_by=by
    )
    push.changed("inbox", *(f"interrupt.{pk}" for pk in asked))


def awaited(thread: int) -> QuerySet[Interrupt]:
    """The questions of a thread that wait for a person, or whose answer was not sent yet."""
    unsent = Q(decision__status=Decision.Status.RECORDED, decision__run=None)
    pending = Q(status=Interrupt.Status.PENDING)
    return Interrupt.objects.filter(pending | unsent, thread=thread).order_by("run", "position")


def withdraw(decisions: QuerySet[Decision]) -> None:
    """Take back decisions that will never count.

    Their questions are superseded: whoever asked them asks anew, or never again. Queries: 3.
    """
    asked = list(decisions.values_list("interrupt_id", flat=True))
    decisions.update(status=Decision.Status.WITHDRAWN)
    Interrupt.objects.filter(pk__in=asked).update(
        status=Interrupt.Status.SUPERSEDED, closed_at=timezone.now()
    )
    push.changed(*(f"interrupt.{pk}" for pk in asked))


def ask_anew(run: Run) -> bool:
    """Ask anew what an ended run had taken from people, though the thread stands where it stood.

    For a replay or fork: what it superseded. For a resume that no runner took: what its decisions,
    which are withdrawn, answered. The new questions are copies that belong to this run, and what
    people had typed for the old ones goes with them. Returns whether there are any. Queries: 2 when
    there are none, else about 8.
    """
    if run.trigger in Run.TRAVELS:
        closed = Interrupt.objects.filter(superseded_by=run)
        # What a failed run carried waits for nobody: it can be asked again, as before.
        closed.filter(_CARRIED).update(status=Interrupt.Status.ANSWERED, superseded_by=None)
        gone = Interrupt.objects.filter(Q(decision=None) | _UNSENT, superseded_by=run)
    elif run.trigger == Run.Trigger.RESUME:
        withdraw(Decision.objects.filter(run=run))
        gone = Interrupt.objects.filter(
            _UNSENT | Q(decision__run=run), run=run.resumes_id, decision__isnull=False
        )
    else:
        return False
    # The open questions of a thread are of one pause.
    rows = list(gone.select_related("run").order_by("position"))
    if not rows:
        return False
    paused = rows[0].run
    _stand_for(paused, run, checkpoint_id=paused.checkpoint_id, next=paused.next)
    Interrupt.objects.bulk_create(_copy(row, run) for row in rows)
    Draft.objects.filter(run=paused).update(run=run)
    push.changed("inbox", *(f"interrupt.{row.pk}" for row in rows))
    return True


def _copy(row: Interrupt, run: Run) -> Interrupt:
    """The same question of another run. It stands at the same checkpoint: its fingerprint holds."""
    fresh = {"status": Interrupt.Status.PENDING, "closed_at": None, "superseded_by": None}
    kept = {
        field.attname: getattr(row, field.attname)
        for field in Interrupt._meta.concrete_fields
        if field.attname not in ("id", "run_id", "superseded_by_id", "created_at", *fresh)
    }
    return Interrupt(run=run, **kept, **fresh)


def take_over(run: Run) -> None:
    """Let a replay or fork that its runner refused stand for the pause whose questions it asks.

    What people had typed for them is kept, where all are asked as they were, in their places.
    Queries: none but for such a run.
    """
    if run.trigger not in Run.TRAVELS or not run.refused:
        return
    before = Interrupt.objects.filter(superseded_by=run).order_by("position")
    makers = Checkpoint.objects.filter(thread=run.thread_id, ns="", checkpoint_id=run.checkpoint_id)
    paused = Run.objects.filter(Q(pk__in=before.values("run")) | Q(pk__in=makers.values("run")))
    if (last := paused.order_by("-pk").first()) is not None:
        _stand_for(last, run)
    shown = ("position", "task_id", "fingerprint")
    if list(before.values_list(*shown)) == list(run.interrupts.values_list(*shown)):
        Draft.objects.filter(run__in=before.values("run")).update(run=run)


def _stand_for(paused: Run, run: Run, **place: Any) -> None:
    """Let a run that was for nothing be gone on from as the run that paused here would be.

    Its own context and breakpoints were those of another checkpoint.
    """
    Run.objects.filter(pk=run.pk).update(
        context=paused.context,
        interrupt_before=paused.interrupt_before,
        interrupt_after=paused.interrupt_after,
        recursion_limit=paused.recursion_limit,
        **place,
    )
