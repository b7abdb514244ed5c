"""Failed runs: how they end, what still waits in them, and letting the agent ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from agents import roles
from agents.exceptions import CannotAskAgain, NotAllowed, NotFound, RequestRefused
from agents.models import Decision, Run, Runner, Thread
from agents.services import interrupts, runs, supersession, thread_status
from agents.services.column_text import column_text
from reviewconsole.protocol.messages import Cancelled, Failed

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet


@transaction.atomic
def fail(*, runner: Runner, request: Failed) -> Run:
    """End a run with the error it met. Idempotent for the same lease.

    What waits in the thread all the same is put before people; answering it resumes the thread, and
    what failed is tried again. Questions that cannot be read do not keep a run from failing: the
    message then says so. A run that was to be cancelled asks nothing.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    if request.interrupts and runs.is_to_be_cancelled(request.lease):
        return runs.stop(runner=runner, request=Cancelled(request.lease))
    run, moved = runs.end(
        runner, request.lease, Run.Status.FAILED, checkpoint_id=request.checkpoint_id or "",
        next=list(request.next), error=column_text(request.error, 200),
        message=column_text(request.message), traceback=column_text(request.traceback),
    )  # fmt: skip
    if moved:
        if request.snapshot is not None:
            runs.store_snapshot(run, request.checkpoint_id, request.snapshot)
        waits = bool(request.interrupts) and _ask(run, request)
        if waits:
            thread_status.put(run, Thread.Status.INTERRUPTED)
        else:
            thread_status.leave(run, Thread.Status.ERROR)
    return run


def _ask(run: Run, request: Failed) -> bool:
    """Put what waits in a failed run before people; False where it cannot be read."""
    try:
        with transaction.atomic():
            # An answer whose question waits again is taken back: the agent must get the new one.
            anew = [posted.fingerprint for posted in request.interrupts]
            supersession.withdraw(_carried(run).filter(interrupt__fingerprint__in=anew))
            interrupts.ask(run, request.interrupts)
            supersession.take_over(run)
    except RequestRefused as error:
        run.message = column_text(f"{run.message}\nWhat waits here cannot be shown: {error}")
        Run.objects.filter(pk=run.pk).update(message=run.message)
        return False
    return True


def ask_again(*, run: int, user: User) -> Run:
    """Let the agent ask again what it failed on: queue a run that goes back to the pause.

    The decisions that the failed run carried are withdrawn, and with them what was decided since;
    answers that the agent took before stay. Finished siblings do not run again.

    Raises:
        NotAllowed: the person may neither decide nor start runs.
        NotFound: there is no such run.
        CannotAskAgain: the run did not fail, asked nothing, or its thread has gone on; the text
            says how, and who made it.
    """
    if not (user.has_perm(roles.DECIDE) or user.has_perm(roles.START)):
        raise NotAllowed("Asking again is for reviewers and operators; ask an admin for a role.")
    with transaction.atomic():
        runs.lock_thread(run=run)
        failed = Run.objects.select_related("thread", "resumes").filter(pk=run).first()
        if failed is None:
            raise NotFound(f"There is no run {run}.")
        paused = _pause_to_repeat(failed)
        asking = runs.go_on(after=failed, trigger=Run.Trigger.ASK_AGAIN, resumes=paused, user=user)
        carried = _carried(failed).filter(interrupt__checkpoint_id=paused.checkpoint_id)
        supersession.withdraw(carried.filter(run__isnull=False), by=asking)
        supersession.supersede(thread=failed.thread_id, by=asking)
        return asking


def _pause_to_repeat(failed: Run) -> Run:
    """The paused run whose questions the thread still stands at; see `Run.can_be_asked_again`.

    Raises:
        CannotAskAgain: there is none.
    """
    if failed.status != Run.Status.FAILED:
        raise CannotAskAgain(
            f"Run {failed.pk} has not failed: it is {failed.get_status_display().lower()}."
        )
    if failed.thread.deleted_at is not None:
        raise CannotAskAgain("The thread was deleted: there is nothing left to ask about.")
    if (since := failed.later().select_related("created_by").first()) is not None:
        by = since.created_by.get_username() if since.created_by else "the operator's terminal"
        raise CannotAskAgain(
            f"The thread has gone on since run {failed.pk} failed: {by} began run {since.pk} "
            f"({since.get_trigger_display().lower()})."
        )
    paused = failed.pause
    if paused is None:
        raise CannotAskAgain(
            f"Run {failed.pk} failed before the agent asked anything: start the thread again."
        )
    if failed.has_gone_on(paused):
        raise CannotAskAgain(
            "The agent had taken the answer and gone on before it failed: its question is behind "
            "it. Start the thread again to go on."
        )
    return paused


def _carried(failed: Run) -> QuerySet[Decision]:
    """The decisions that a failed run carried, and those on what waits in it."""
    carried = Decision.objects.filter(Q(run=failed) | Q(interrupt__run=failed))
    return carried.exclude(status__in=(Decision.Status.REFUSED, Decision.Status.WITHDRAWN))
