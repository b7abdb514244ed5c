"""Assignments: a claimed run with all that its runner needs to execute it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from agents.models import Checkpoint, Decision, Interrupt, Run, Runner
from agents.prepared import Asked, Each, Given, Prepared, PreparedUpdate, together
from agents.services import tool_settings
from agents.services.moved_questions import digest, moving_of
from agents.services.runners import lease_time
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Answer, Assignment, Lease, Travel, Whole


def due(*, runner: Runner, agents: Sequence[str], free: int) -> list[Run]:
    """At most `free` queued runs of these agents that a runner may have, oldest first. One query.

    None where it takes none.
    """
    if not agents or free <= 0:
        return []
    find = _DUE_WITHOUT_CALLS if runner.cannot_gate else _DUE
    return find(agents=agents, free=free)


def _due() -> QuerySet[Run]:
    queued = Run.objects.claimable(Each("agents", str)).select_related("thread__agent")
    return queued.defer("thread__snapshot", "thread__agent__spec")


def _due_without_calls() -> QuerySet[Run]:
    queued = _due().exclude(thread__agent__in=tool_settings.gated())
    return queued.exclude(
        pk__in=Run.objects.claimable(Each("agents", str)).travelled().values("pk")
    )


_DUE = Prepared(_due, at_most="free")
_DUE_WITHOUT_CALLS = Prepared(_due_without_calls, at_most="free")


def take(runs: Sequence[Run], runner: Runner) -> dict[Run, list[Decision]]:
    """Move queued runs into a runner's hands, inside the caller's transaction.

    Each by compare-and-set: those are returned that no other runner took first, with the answers
    that count where they resume. The first attempt notes the thread's head: a later one sees by it
    whether the input was taken. Queries: 1 a run, 1 more a resume, all in one round trip; and
    before that 1 for all that are taken for the first time.
    """
    now = timezone.now()
    first = [run.pk for run in runs if not run.attempt]
    heads = dict(_HEADS(runs=first)) if first else {}
    until = now + lease_time()
    # Only a first attempt changes where it began.
    bases = [run.base_checkpoint_id if run.attempt else heads.get(run.pk) for run in runs]
    starts = [run.started_at or now for run in runs]
    takes = [
        _TAKE.given(
            run=run.pk, attempt=run.attempt, next=run.attempt + 1, runner=runner.pk, until=until,
            started=started, base=base,
        )
        for run, started, base in zip(runs, starts, bases, strict=True)
    ]  # fmt: skip
    resumes = [run for run in runs if run.resumes_id is not None]
    answers = together(*takes, *map(_counting, resumes))
    given = dict(zip(resumes, answers[len(runs) :], strict=True))
    taken: dict[Run, list[Decision]] = {}
    for run, (won,), started, base in zip(runs, answers, starts, bases, strict=False):
        if won:
            run.status, run.attempt, run.runner = Run.Status.RUNNING, run.attempt + 1, runner
            run.lease_expires_at, run.started_at, run.base_checkpoint_id = until, started, base
            taken[run] = given.get(run, [])
    return taken


def _heads() -> QuerySet[Run, tuple[int, str | None]]:
    newest = Checkpoint.objects.filter(thread=OuterRef("thread"), ns="").order_by("-checkpoint_id")
    head = Subquery(newest.values("checkpoint_id")[:1])
    return Run.objects.filter(pk__any=Each("runs", int)).order_by().values_list("pk", head)


_HEADS = Prepared(_heads)
_TAKE = PreparedUpdate(
    lambda: Run.objects.filter(
        pk=Given("run", int), status=Run.Status.QUEUED, attempt=Given("attempt", int)
    ),
    status=Run.Status.RUNNING,
    attempt=Given("next", int),
    runner=Given("runner", int),
    lease_expires_at=Given("until", datetime),
    started_at=Given("started", datetime),
    base_checkpoint_id=Given("base", str),
)


def make(run: Run, given: Sequence[Decision] | None = None) -> Assignment:
    """The assignment of a run that was just taken. One query for a resume, unless it is `given`."""
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
        answers=_answers(run, given),
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


def _answers(run: Run, given: Sequence[Decision] | None) -> tuple[Answer, ...]:
    """The run's own decisions, and those the same pause has taken already.

    A node that asks several questions runs again for each, at one checkpoint: it is offered all the
    answers given there, so that none is lost and none is asked for twice. Of a question that was
    put before people again, the newest answer alone counts. A run that asks again has no decisions
    of its own: the withdrawn ones are left out, and those that stand are settled. One that finishes
    the thread tells what was withdrawn for it: these questions are known to be open.
    """
    if run.resumes_id is None:
        return ()
    (decisions,) = together(_counting(run)) if given is None else (given,)
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


def _counting(run: Run) -> Asked[Decision]:
    return _GIVEN.given(thread=run.thread_id, paused=run.resumes_id)


def _given() -> QuerySet[Decision]:
    """The answers that count at the checkpoint of a pause."""
    thread = Given("thread", int)
    at = Subquery(Run.objects.filter(pk=Given("paused", int)).values("checkpoint_id"))
    asked_later = Interrupt.objects.filter(
        thread=thread,
        checkpoint_id=at,
        task_id=OuterRef("interrupt__task_id"),
        fingerprint=OuterRef("interrupt__fingerprint"),
        pk__gt=OuterRef("interrupt__pk"),
    )
    asked_here = {"interrupt__thread": thread, "interrupt__checkpoint_id": at}
    counted = Decision.objects.filter(~Exists(asked_later), **asked_here)
    return (
        counted.exclude(status=Decision.Status.REFUSED)
        .select_related("interrupt")
        .defer("actions", "interrupt__response_schema")
        .order_by("pk")
    )


_GIVEN = Prepared(_given)


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
