"""Questions that are closed as their thread goes elsewhere, and asked anew if it never gets there.

A replay or fork closes what waits in its thread the moment it is queued, and so does a run that
asks again: nobody answers a question that the thread has left. Where such a run, or one that
carries answers, ends and the thread still stands at its pause, the pause is still there. Then its
questions are asked anew: a pause that is not shown would wait for ever.

All of it happens inside the caller's transaction, which holds the lock of the thread.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Q, Value, When
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
    are. `by` is the run that takes the thread elsewhere, or asks again. Queries: 3.
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


def withdraw(decisions: QuerySet[Decision], *, by: Run | None = None) -> None:
    """Take back decisions that will never count.

    Their questions are superseded, by this run if one is given: whoever asked them asks anew, or
    never again. Queries: 3.
    """
    asked = list(decisions.values_list("interrupt_id", flat=True))
    decisions.update(status=Decision.Status.WITHDRAWN)
    Interrupt.objects.filter(pk__in=asked).update(
        status=Interrupt.Status.SUPERSEDED, closed_at=timezone.now(), superseded_by=by
    )
    push.changed(*(f"interrupt.{pk}" for pk in asked))


def ask_anew(run: Run) -> bool:
    """Ask anew what an ended run had taken from people, though the thread stands where it stood.

    The new questions are copies that belong to this run, and what people had typed for the old ones
    goes with them. Returns whether there are any. Queries: at most 5 when there are none, else
    about 10.
    """
    gone = _taken(run)
    asked = [] if gone is None else list(gone.select_related("run").order_by("run", "position"))
    rows = {(row.task_id, row.interrupt_id): row for row in asked}.values()  # each as asked last
    if not rows:
        return False
    # They are of one pause, but for those whose answers a failed run carried from the one before.
    paused = asked[-1].run
    _stand_for(paused, run, checkpoint_id=paused.checkpoint_id, next=paused.next)
    held = {row.position for row in rows if row.run_id == paused.pk}
    free = (position for position in count() if position not in held)
    Interrupt.objects.bulk_create(
        _copy(row, run, row.position if row.run_id == paused.pk else next(free)) for row in rows
    )
    Draft.objects.filter(run=paused).update(run=run)
    push.changed("inbox", *(f"interrupt.{row.pk}" for row in rows))
    return True


def _taken(run: Run) -> QuerySet[Interrupt] | None:
    """The questions that an ended run had taken from people for nothing; None: it is no such run.

    Of a replay or fork, which has changed nothing: what it superseded. Of a run that was cancelled
    with its answers: what the agent did not take of them is withdrawn. It may have been on its way,
    so it is never sent again. Of a run that was to ask again: what it closed.
    """
    closed = Interrupt.objects.filter(superseded_by=run)
    waited = closed.filter(Q(decision=None) | _UNSENT)
    if run.trigger in Run.TRAVELS:
        if not run.has_changed_nothing():
            return None
        _leave_carried(closed)
        return waited
    if run.resumes is None or run.has_gone_on(run.resumes):
        return None
    if run.trigger == Run.Trigger.ASK_AGAIN:
        if not run.attempt:
            _restore(closed)
        # One that failed can be asked again: what it had carried waits for that.
        return closed if run.attempt and run.status == Run.Status.CANCELLED else waited
    if run.status != Run.Status.CANCELLED:
        return None  # it can be asked again
    unsettled = (Decision.Status.RECORDED, Decision.Status.DELIVERED)
    withdraw(Decision.objects.filter(run=run, status__in=unsettled))
    own = Q(decision__run=run, decision__status=Decision.Status.WITHDRAWN)
    return Interrupt.objects.filter(_UNSENT | own, run=run.resumes_id)


def _leave_carried(closed: QuerySet[Interrupt]) -> None:
    """Leave answers that a failed run carried as they were: it can be asked again, as before."""
    closed.filter(_CARRIED).update(status=Interrupt.Status.ANSWERED, superseded_by=None)


def _restore(closed: QuerySet[Interrupt]) -> None:
    """Let answers that were withdrawn for a run no runner took be what they were."""
    status = Decision.Status
    carried = closed.filter(decision__run__isnull=False, decision__status=status.WITHDRAWN)
    asked = list(carried.values_list("pk", flat=True))
    if not asked:
        return
    decisions = Decision.objects.filter(interrupt__in=asked)
    applied = decisions.filter(applied_at__isnull=False)
    rows = Interrupt.objects.filter(pk__in=asked)
    rows.update(status=Interrupt.Status.ANSWERED, superseded_by=None)
    rows.filter(decision__in=applied).update(status=Interrupt.Status.APPLIED)
    was = Case(
        When(applied_at__isnull=False, then=Value(status.APPLIED)),
        When(delivered_at__isnull=False, then=Value(status.DELIVERED)),
        default=Value(status.RECORDED),
    )
    decisions.update(status=was)
    push.changed(*(f"interrupt.{pk}" for pk in asked))


def _copy(row: Interrupt, run: Run, position: int) -> Interrupt:
    """The same question of another run. It stands at the same checkpoint: its fingerprint holds."""
    fresh = {
        "status": Interrupt.Status.PENDING, "closed_at": None, "superseded_by": None,
        "position": position,
    }  # fmt: skip
    kept = {
        field.attname: getattr(row, field.attname)
        for field in Interrupt._meta.concrete_fields
        if field.attname not in ("id", "run_id", "superseded_by_id", "created_at", *fresh)
    }
    return Interrupt(run=run, **kept, **fresh)


def take_over(run: Run) -> None:
    """Let a replay or fork that has changed nothing stand for the pause whose questions it asks.

    Its runner has reported them. Answers that are asked for again are taken back, also those that
    an agent had taken before it failed: it must get the new ones. Others stay. What people had
    typed is kept, where all is asked as it was, in its place. Queries: none but for a replay or
    fork.
    """
    if run.trigger not in Run.TRAVELS or not run.has_changed_nothing():
        return
    before = Interrupt.objects.filter(superseded_by=run).order_by("position")
    makers = Checkpoint.objects.filter(thread=run.thread_id, ns="", checkpoint_id=run.checkpoint_id)
    paused = Run.objects.filter(Q(pk__in=before.values("run")) | Q(pk__in=makers.values("run")))
    last = paused.order_by("-pk").first()
    if last is not None:
        _stand_for(last, run)
    answered = Decision.objects.filter(
        interrupt__thread=run.thread_id,
        interrupt__checkpoint_id=run.checkpoint_id,
        interrupt__fingerprint__in=run.interrupts.values("fingerprint"),
    )
    void = (Decision.Status.REFUSED, Decision.Status.WITHDRAWN)
    withdraw(answered.exclude(status__in=void), by=run)
    _leave_carried(before)
    shown = ("position", "task_id", "fingerprint")
    if list(before.values_list(*shown)) == list(run.interrupts.values_list(*shown)):
        Draft.objects.filter(run=last).update(run=run)  # a person has one a pause


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
