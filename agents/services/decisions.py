"""Decisions: recorded once, for what was shown, then delivered and applied.

recorded ──▶ delivered ──▶ applied
    └────────────┴───────▶ refused    (the live pause was another one: see `interrupts.open_pause`)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from django.db import transaction
from django.utils import timezone

from agents import push, reviews, roles
from agents.exceptions import (
    AlreadyDecided,
    InvalidAnswer,
    NotAllowed,
    NotFound,
    PauseMoved,
    RequestRefused,
    ShownDiffers,
)
from agents.models import Decision, Interrupt, Run, Runner
from agents.services import interrupts, runs
from agents.services.column_text import column_text
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Applied, Delivered, Lease, RefusalCode
from reviewconsole.protocol.plain import Plain

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def submit(
    *,
    interrupt: int,
    user: User,
    fingerprint: str,
    decisions: Sequence[reviews.ActionDecision],
) -> Decision:
    """Record what a reviewer decided; the last decision of a pause queues the run that resumes it.

    `fingerprint` is the one the reviewer's page carried, `decisions` has one entry for each action
    of the request. All checks come before the first write.

    Raises:
        NotAllowed: the person may not decide.
        NotFound: there is no such interrupt.
        AlreadyDecided: another decision stands; the text says whose and what.
        PauseMoved: the pause is no longer the current one.
        ShownDiffers: the page showed something else.
        InvalidAnswer: the request does not allow this answer; `errors` by path.
    """
    if not user.has_perm(roles.DECIDE):
        raise NotAllowed("Deciding is for reviewers; ask an admin for that role.")
    asked = _find(interrupt)
    if asked is None:
        raise NotFound(f"There is no interrupt {interrupt}.")
    if asked.status != Interrupt.Status.PENDING:
        _too_late(asked)
    if fingerprint != asked.fingerprint:
        raise ShownDiffers(
            "This form was made for something else than what the agent asks now. "
            "Nothing was decided: reload the page and read it again."
        )
    answer = reviews.answer(interrupts.request_of(asked), decisions)
    _check_storable(answer.resume)
    return _record(asked, user, decisions, answer)


@transaction.atomic
def _record(
    asked: Interrupt,
    user: User,
    decisions: Sequence[reviews.ActionDecision],
    answer: reviews.Answer,
) -> Decision:
    # Decisions on one pause queue up here: the last of them must see all the others.
    runs.lock_thread(run=asked.run_id)
    paused = Run.objects.get(pk=asked.run_id)
    won = (
        Interrupt.objects.pending()
        .filter(pk=asked.pk)
        .update(status=Interrupt.Status.ANSWERED, closed_at=timezone.now())
    )
    if not won:
        current = _find(asked.pk)
        if current is None:
            raise NotFound(f"There is no interrupt {asked.pk} any more.")
        _too_late(current)
    decision = Decision.objects.create(
        interrupt=asked,
        decided_by=user,
        fingerprint=asked.fingerprint,
        actions=[_described(item) for item in decisions],
        resume=answer.resume,
        summary=column_text(answer.summary, 300),
    )
    if not Interrupt.objects.pending().filter(run=paused).exists():
        _resume(paused, user)
    push.changed("inbox", f"interrupt.{asked.pk}", f"thread.{asked.thread_id}")
    decision.refresh_from_db()
    return decision


def _resume(paused: Run, user: User) -> None:
    run = runs.queue(
        thread=paused.thread,
        trigger=Run.Trigger.RESUME,
        resumes=paused,
        created_by=user,
        context=paused.context,
        interrupt_before=paused.interrupt_before,
        interrupt_after=paused.interrupt_after,
        recursion_limit=paused.recursion_limit,
    )
    Decision.objects.filter(interrupt__run=paused).update(run=run)


def _find(pk: int) -> Interrupt | None:
    rows = Interrupt.objects.select_related("thread__agent", "run", "decision__decided_by")
    return rows.filter(pk=pk).first()


def _too_late(asked: Interrupt) -> NoReturn:
    decision = Decision.objects.filter(interrupt=asked).select_related("decided_by").first()
    if decision is not None:
        raise AlreadyDecided(
            f"{decision.decided_by.get_username()} was first: {decision.summary}",
            decision=decision.pk,
        )
    raise PauseMoved(
        f"This pause is no longer the current one: it was {asked.get_status_display().lower()}.",
        interrupt_status=asked.status,
    )


def _check_storable(value: Plain) -> None:
    try:
        plain.encode(value)
    except plain.UnreadableValue as error:
        raise InvalidAnswer(
            str(error), {"": f"LangGraph cannot store this answer: {error}"}
        ) from error


def _described(item: reviews.ActionDecision) -> Plain:
    said: dict[str, Plain] = {"type": str(item.type)}
    if item.args is not None:
        said["args"] = item.args
    if item.message:
        said["message"] = item.message
    if item.answer is not None or item.shape is not None:
        said["answer"] = item.answer
    if item.shape is not None:
        said["shape"] = str(item.shape)
    return said  # type: ignore[return-value]  # a dict with text keys is plain


@transaction.atomic
def deliver(*, runner: Runner, request: Delivered) -> None:
    """Note that the run's decisions match the live pause and are being handed over. Idempotent.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run = _leased(runner, request.lease)
    Decision.objects.filter(run=run, status=Decision.Status.RECORDED).update(
        status=Decision.Status.DELIVERED, delivered_at=timezone.now()
    )
    _tell(run)


@transaction.atomic
def apply(*, runner: Runner, request: Applied) -> None:
    """Note that the paused task has taken these decisions and gone on. Idempotent.

    They may be of an earlier run of the thread: a task that runs several tools takes an answer when
    its question comes up again.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run = _leased(runner, request.lease)
    now = timezone.now()
    mine = Decision.objects.filter(interrupt__thread=run.thread_id, pk__in=request.decisions)
    under_way = mine.filter(status__in=(Decision.Status.RECORDED, Decision.Status.DELIVERED))
    under_way.filter(delivered_at=None).update(delivered_at=now)
    under_way.update(status=Decision.Status.APPLIED, applied_at=now)
    asked = list(mine.values_list("interrupt_id", flat=True))
    Interrupt.objects.filter(pk__in=asked, status=Interrupt.Status.ANSWERED).update(
        status=Interrupt.Status.APPLIED
    )
    push.changed(f"thread.{run.thread_id}", *(f"interrupt.{pk}" for pk in asked))


def _leased(runner: Runner, lease: Lease) -> Run:
    runs.lock_thread(run=lease.run)  # no other attempt begins between this look and the write
    run = Run.objects.filter(
        pk=lease.run, attempt=lease.attempt, runner=runner, status=Run.Status.RUNNING
    ).first()
    if run is None:
        raise RequestRefused(
            RefusalCode.FENCED, f"attempt {lease.attempt} of run {lease.run} is not yours any more"
        )
    return run


def _tell(run: Run) -> None:
    asked = Decision.objects.filter(run=run).values_list("interrupt_id", flat=True)
    push.changed(f"thread.{run.thread_id}", *(f"interrupt.{pk}" for pk in asked))
