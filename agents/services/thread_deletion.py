"""Deleting threads: what an agent said and did goes, what people decided stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents import push, roles
from agents.exceptions import NotAllowed, NotFound, ThreadBusy
from agents.models import (
    Blob,
    Checkpoint,
    Decision,
    Draft,
    Interrupt,
    Part,
    PendingWrite,
    Progress,
    Run,
    Thread,
)
from agents.services import effects, thread_words

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_UNFINISHED = (Run.Status.WAITING, *Run.ACTIVE)


@transaction.atomic
def delete(*, thread: int, user: User) -> Thread:
    """Erase a thread: its history, its state, its metadata and what its runs were given.

    Its row stays, with who deleted it and when, its runs and what they called as facts, without
    arguments and results, its interrupts, decisions and verdicts. What waits is cancelled; answers
    that no agent took are withdrawn. Copies of the thread are threads of their own and stay, and so
    does, until the last of them is deleted, the context of the runs that made their checkpoints:
    going on there passes it again. Idempotent: the first to delete it is the one. About 25 queries,
    and one for each copy of a copy.

    Raises:
        NotAllowed: the person may not delete threads.
        NotFound: there is no such thread.
        ThreadBusy: a run of it is waiting, queued or running.
    """
    if not user.has_perm(roles.ERASE):
        raise NotAllowed("Deleting threads is for admins; ask one of them.")
    row = Thread.objects.select_for_update().filter(pk=thread).first()
    if row is None:
        raise NotFound(f"There is no thread {thread}.")
    if row.deleted_at is not None:
        return row
    unfinished = row.runs.filter(status__in=_UNFINISHED).select_related("created_by").first()
    if unfinished is not None:
        by = f", begun by {unfinished.created_by}," if unfinished.created_by else ""
        raise ThreadBusy(f"Run {unfinished.pk} of thread {row}{by} is not over; cancel it first.")
    _close(row)
    _erase(row)
    row.snapshot, row.snapshot_checkpoint_id, row.metadata = None, "", {}
    row.status = Thread.Status.IDLE
    row.deleted_at, row.deleted_by = timezone.now(), user
    row.part_epoch += 1  # no process goes on trusting the part numbers it remembers
    row.save()
    thread_words.index(thread=row.pk)  # the record is found by what is left: its id and title
    push.changed(f"thread.{row.pk}", f"agent.{row.agent_id}", "inbox", "runners")
    return row


def _close(thread: Thread) -> None:
    open_ = (Interrupt.Status.PENDING, Interrupt.Status.ANSWERED)
    asked = thread.interrupts.filter(status__in=open_)
    push.changed(*(f"interrupt.{pk}" for pk in asked.values_list("pk", flat=True)))
    taken = (Decision.Status.RECORDED, Decision.Status.DELIVERED)
    Decision.objects.filter(interrupt__in=asked, status__in=taken).update(
        status=Decision.Status.WITHDRAWN
    )
    asked.update(status=Interrupt.Status.CANCELLED, closed_at=timezone.now())


def _erase(thread: Thread) -> None:
    for model in (PendingWrite, Checkpoint, Blob, Part):
        model.objects.filter(thread=thread).delete()
    Draft.objects.filter(run__thread=thread).delete()
    Progress.objects.filter(run__thread=thread).delete()
    effects.erase(thread)
    thread.runs.update(input=None, update=None, message="", traceback="")
    family = _family(thread)
    named = Checkpoint.objects.filter(thread__in=family, run__isnull=False).order_by()
    unnamed = Run.objects.exclude(pk__in=named.values("run").distinct())
    gone = Thread.objects.filter(pk__in=family).exclude(deleted_at=None).values("pk")
    unnamed.filter(Q(thread=thread) | Q(thread__in=gone)).update(context=None)


def _family(thread: Thread) -> set[int]:
    """The threads that were copied from one another, this one among them: its runs made theirs."""
    first = thread
    while first.copied_from is not None:
        first = first.copied_from
    found: set[int] = set()
    newest = {first.pk}
    while newest:
        found |= newest
        newest = set(Thread.objects.filter(copied_from__in=newest).values_list("pk", flat=True))
    return found
