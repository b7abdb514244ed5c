"""Assignments: a claimed run with all that its runner needs to execute it."""

from __future__ import annotations

from django.db.models import Exists, OuterRef
from django.utils import timezone

from agents.models import Decision, Interrupt, Run, Runner
from agents.services import checkpoints
from agents.services.moved_questions import digest, moving_of
from agents.services.runners import lease_time
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Answer, Assignment, Lease, Travel, Whole


def take(run: Run, runner: Runner) -> bool:
    """Move a queued run into a runner's hands, inside the caller's transaction.

    The first attempt notes the thread's head: a later one sees by it whether the input was taken.
    Returns False when another runner was first.
    """
    now = timezone.now()
    fields = {
        "status": Run.Status.RUNNING,
        "attempt": run.attempt + 1,
        "runner": runner,
        "lease_expires_at": now + lease_time(),
        "started_at": run.started_at or now,
    }
    if not run.attempt:
        fields["base_checkpoint_id"] = checkpoints.head(run.thread)
    same = Run.objects.filter(pk=run.pk, status=Run.Status.QUEUED, attempt=run.attempt)
    if not same.update(**fields):
        return False
    for name, value in fields.items():
        setattr(run, name, value)
    return True


def make(run: Run) -> Assignment:
    """The assignment of a run that was just taken. Queries: 2 for a resume."""
    return Assignment(
        lease=Lease(run.pk, run.attempt),
        agent=run.thread.agent.name,
        thread=run.thread.thread_id,
        trigger=run.trigger,
        input=Whole(*plain.encode(run.input)),
        context=run.context,
        interrupt_before=tuple(run.interrupt_before),
        interrupt_after=tuple(run.interrupt_after),
        recursion_limit=run.recursion_limit,
        base_checkpoint_id=run.base_checkpoint_id,
        answers=_answers(run),
        travel=_travel(run),
    )


def _travel(run: Run) -> Travel | None:
    if run.trigger not in Run.TRAVELS:
        return None
    return Travel(
        checkpoint_id=run.from_checkpoint_id,
        ns=run.from_ns,
        update=None if run.update is None else Whole(*plain.encode(run.update)),
        as_node=run.as_node or None,
        stays=run.stays,
        next=tuple(run.from_next),
    )


def _answers(run: Run) -> tuple[Answer, ...]:
    """The run's own decisions, and those the same pause has taken already.

    A node that asks several questions runs again for each, at one checkpoint: it is offered all the
    answers given there, so that none is lost and none is asked for twice. Of a question that was
    put before people again, the newest answer alone counts. A run that asks again has no decisions
    of its own: the withdrawn ones are left out, and those that stand are settled. One that finishes
    the thread tells what was withdrawn for it: these questions are known to be open.
    """
    if run.resumes is None:
        return ()
    asked_later = Interrupt.objects.filter(
        thread=run.thread,
        checkpoint_id=run.resumes.checkpoint_id,
        task_id=OuterRef("interrupt__task_id"),
        fingerprint=OuterRef("interrupt__fingerprint"),
        pk__gt=OuterRef("interrupt__pk"),
    )
    decisions = (
        Decision.objects.filter(
            ~Exists(asked_later),
            interrupt__thread=run.thread,
            interrupt__checkpoint_id=run.resumes.checkpoint_id,
        )
        .exclude(status=Decision.Status.REFUSED)
        .select_related("interrupt")
        .order_by("pk")
    )
    finishes = any(
        decision.run_id == run.pk and decision.then == Decision.Then.FINISH
        for decision in decisions
    )
    return tuple(
        _answer(decision, run)
        for decision in decisions
        if decision.status != Decision.Status.WITHDRAWN
        or (finishes and decision.interrupt.run_id == run.resumes_id)
    )


def _answer(decision: Decision, run: Run) -> Answer:
    asked = decision.interrupt
    is_own = decision.run_id == run.pk
    is_withdrawn = decision.status == Decision.Status.WITHDRAWN
    return Answer(
        decision=decision.pk,
        kind=asked.kind,
        interrupt_id=asked.interrupt_id,
        task_id=asked.task_id,
        fingerprint=asked.fingerprint,
        digest=digest(decision),
        value=Whole(*plain.encode(decision.resume)),
        settled=decision.status == Decision.Status.APPLIED or not is_own,
        then=Decision.Then.FINISH if is_withdrawn else decision.then,
        # What an earlier run wrote into the state is there, and must not be written twice.
        update=Whole(*plain.encode(decision.update)) if is_own and decision.update else None,
        moving=moving_of(decision),
        origin=asked.origin,
    )
