"""Runs: started, claimed, ended, cancelled. Every arrow of `Run.Status` is one function here.

The ends that have more to tell call `run_ends.end`: a pause in `interrupts`, a failure in
`failures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agents import push, roles
from agents.exceptions import (
    InvalidInput,
    NotAllowed,
    NotFound,
    RunEnded,
    ThreadBusy,
    ThreadWaits,
)
from agents.models import Agent, Decision, Interrupt, Run, Runner, Thread
from agents.prepared import Given, Prepared, PreparedInsert, PreparedUpdate, together
from agents.reviews.conversation import conversation
from agents.services import (
    assignments,
    effects,
    progress,
    supersession,
    thread_status,
    thread_words,
)
from agents.services.column_text import column_text
from agents.services.run_ends import end, is_to_be_cancelled, lock_thread, store_snapshot
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import (
    Assignment,
    Cancelled,
    Finished,
    Lease,
)
from reviewconsole.protocol.plain import Plain, UnreadableValue

if TYPE_CHECKING:
    from django.contrib.auth.models import User

__all__ = (
    "cancel", "claim", "end", "finish", "go_on", "is_to_be_cancelled", "lock_thread", "queue",
    "reap", "release", "start", "stop", "store_snapshot",
)  # fmt: skip


def start(
    *,
    agent: str,
    input: Plain,
    user: User | None,
    thread: str | None = None,
    title: str = "",
    context: dict[str, Any] | None = None,
    interrupt_before: Sequence[str] = (),
    interrupt_after: Sequence[str] = (),
) -> Run:
    """Queue a run of an agent, on a new thread or on one that waits for nothing.

    `user` is who asks, None for the operator's own terminal. The title of a new thread is made of
    the input where none is given, and cut where it is too long.

    Raises:
        NotAllowed: the person may not start runs.
        NotFound: no runner ever announced this agent, or the agent has no such thread.
        ThreadBusy: a run is queued or running on the thread.
        ThreadWaits: the thread waits for a decision.
        InvalidInput: there is no input, or the input or the context cannot be stored; `errors` by
            the argument's name.
    """
    if user is not None and not user.has_perm(roles.START):
        raise NotAllowed("Starting runs is for operators; ask an admin for that role.")
    _check(input, context)
    found = _AGENT(name=agent)
    if not found:
        raise NotFound(f"No agent named {agent!r}: connect a runner that serves it first.")
    with transaction.atomic():
        row = _thread(found[0], thread, column_text(title or _title(input), 200), user)
        thread_words.index(thread=row.pk)
        run = queue(
            thread=row, trigger=Run.Trigger.START, created_by=user, input=input, context=context,
            interrupt_before=list(interrupt_before), interrupt_after=list(interrupt_after),
        )  # fmt: skip
        if thread is not None:
            # Nobody will ask again what a failed run was answered.
            supersession.supersede(thread=row.pk)
    return run


_AGENT = Prepared(lambda: Agent.objects.filter(name=Given("name", str)).defer("spec"))


def _check(input: Plain, context: dict[str, Any] | None) -> None:
    errors = {}
    if input is None:
        errors["input"] = "Give the agent something to work on."
    given: dict[str, Any] = {"input": input, "context": context}
    for name, value in given.items():
        try:
            plain.encode(value)
        except UnreadableValue as error:
            errors[name] = str(error)
    if errors:
        told = " ".join(f"{name}: {message}" for name, message in errors.items())
        raise InvalidInput(f"This run cannot be started. {told}", errors)


def _thread(agent: Agent, thread_id: str | None, title: str, user: User | None) -> Thread:
    if thread_id is None:
        made = Thread(agent=agent, title=title, created_by=user)
        _BEGIN(made)
        return made
    thread = Thread.objects.select_for_update().filter(thread_id=thread_id, agent=agent).first()
    if thread is None:
        raise NotFound(f"Agent {agent.name!r} has no thread {thread_id!r}.")
    if thread.status == Thread.Status.INTERRUPTED:
        raise ThreadWaits(f"Thread {thread} waits for a decision; decide it first.")
    return thread


_BEGIN = PreparedInsert(Thread)


def _title(value: Plain) -> str:
    entries = conversation(value)
    first = next((entry.text for entry in entries if entry.text), "")
    line = " ".join(first.split())
    return line if len(line) <= 80 else line[:79] + "…"


def queue(*, thread: Thread, **fields: Any) -> Run:
    """Add a queued run inside the caller's transaction, mark the thread busy, wake the runners.

    Raises:
        NotFound: the thread was deleted.
        ThreadBusy: the thread has an active run; the database's constraint says so.
    """
    if thread.deleted_at is not None:
        raise NotFound(f"Thread {thread.thread_id!r} was deleted: start a new one.")
    (made,) = together(_QUEUE.given(Run(thread=thread, status=Run.Status.QUEUED, **fields)))
    if not made:
        raise ThreadBusy(f"Thread {thread} has a run already; wait for it or cancel it.")
    run: Run = made[0]
    thread_status.busy(run)
    push.wake_runners()
    return run


_QUEUE = PreparedInsert(Run, passes_over=True)  # the database keeps a second active run out


def go_on(*, after: Run, trigger: Run.Trigger, resumes: Run, user: User) -> Run:
    """Queue the run that takes up where `after` stopped, with what every resume of it needs.

    Context and breakpoints are not in LangGraph's store. `resumes` is the pause it answers.

    Raises:
        ThreadBusy: the thread has an active run.
    """
    return queue(
        thread=after.thread,
        trigger=trigger,
        resumes=resumes,
        created_by=user,
        context=after.context,
        interrupt_before=after.interrupt_before,
        interrupt_after=after.interrupt_after,
        recursion_limit=after.recursion_limit,
    )


def claim(*, runner: Runner, agents: Sequence[str], free: int) -> tuple[Assignment, ...]:
    """Give a runner at most `free` queued runs of these agents, oldest first.

    A runner that cannot hold tool calls gets none of an agent whose calls are to be held, nor of a
    thread that has gone back: there they may be. Each run is taken by compare-and-set, so two
    runners never get the same one. All are given or none: a reply that is lost to a database that
    fails half-way would keep the first ones until their leases end. Queries: 1 when nothing is
    queued; else, beside the transaction, 1 more a run and 1 a resume, 1 where any is taken for the
    first time, and 1 where any is no start.
    """
    due = assignments.due(runner=runner, agents=agents, free=free)
    return _give(due, runner) if due else ()


@transaction.atomic
def _give(due: Sequence[Run], runner: Runner) -> tuple[Assignment, ...]:
    taken = assignments.take(due, runner)
    if taken:
        threads = (f"thread.{run.thread_id}" for run in taken)
        push.changed("runners", *threads, *thread_status.topics(*taken))
    return tuple(assignments.make(run, given) for run, given in taken.items())


@transaction.atomic
def release(*, runner: Runner, lease: Lease) -> None:
    """Take a run back from a runner that shuts down; the next one takes it up. Idempotent.

    A run that was to be cancelled is cancelled instead of taken up once more.
    """
    held = Run.objects.filter(pk=lease.run, runner=runner, attempt=lease.attempt)
    for run in held.filter(status=Run.Status.RUNNING):
        _take_back(run, {"status": Run.Status.QUEUED})


@transaction.atomic
def finish(*, runner: Runner, request: Finished) -> Run:
    """End a run that has reached the end of its graph. Idempotent for the same lease.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run, moved = end(
        runner, request.lease, Run.Status.SUCCEEDED, checkpoint_id=request.checkpoint_id or "",
        next=list(request.next),
    )  # fmt: skip
    if moved:
        store_snapshot(run, request.checkpoint_id, request.snapshot)
        effects.drop_results(run)
        thread_status.put(run, Thread.Status.IDLE)
    return run


@transaction.atomic
def stop(*, runner: Runner, request: Cancelled) -> Run:
    """End a run that was cancelled while it ran. Idempotent for the same lease.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run, moved = end(runner, request.lease, Run.Status.CANCELLED)
    if moved:
        _after_cancel(run)
    return run


@transaction.atomic
def cancel(*, run: int, user: User | None) -> Run:
    """Cancel a run: at once while it waits, is queued or its lease is over; else at its next step.

    Raises:
        NotAllowed: the person may not cancel runs.
        NotFound: there is no such run.
        RunEnded: it is over already.
    """
    if user is not None and not user.has_perm(roles.START):
        raise NotAllowed("Cancelling runs is for operators; ask an admin for that role.")
    now = timezone.now()
    lock_thread(run=run)
    found = _RUN(run=run)
    if not found:
        raise NotFound(f"There is no run {run}.")
    (row,) = found
    asked = {"run": run, "now": now, "by": None if user is None else user.pk}
    if _CANCEL(**asked, status=Run.Status.QUEUED):
        (row,) = _RUN(run=run)
        _after_cancel(row)
    elif _CANCEL(**asked, status=Run.Status.WAITING):
        push.changed(f"thread.{row.thread_id}")
    elif _ASK_TO_CANCEL(**asked, status=Run.Status.RUNNING):
        if not _take_back_if_abandoned(row):
            push.cancel_run(row.pk, row.attempt)
            push.changed(f"thread.{row.thread_id}")
    else:
        raise RunEnded(f"Run {run} is over: {row.get_status_display().lower()}.")
    (row,) = _RUN(run=run)
    return row


def _in_status() -> QuerySet[Run]:
    return Run.objects.filter(pk=Given("run", int), status=Given("status", str))


_RUN = Prepared(lambda: Run.objects.select_related("thread").filter(pk=Given("run", int)))
_ASKED: dict[str, Any] = {
    "cancel_requested_at": Given("now", datetime),
    "cancel_requested_by": Given("by", int),
}
_ASK_TO_CANCEL = PreparedUpdate(_in_status, **_ASKED)
_CANCEL = PreparedUpdate(
    _in_status, status=Run.Status.CANCELLED, finished_at=Given("now", datetime), **_ASKED
)


def reap() -> int:
    """Queue again the runs whose lease is over; end the cancelled and the hopeless ones.

    Called at each heartbeat, and for claims that find nothing; whoever finds an ended lease first
    moves it, by compare-and-set, in a transaction a run. Returns how many were moved. Queries: 1
    when there is nothing to do.
    """
    return sum(_take_back(run, _fate(run)) for run in _ABANDONED(now=timezone.now()))


_ABANDONED = Prepared(lambda: Run.objects.abandoned(Given("now", datetime)).order_by("pk"))


def _fate(run: Run) -> dict[str, Any]:
    # Runs that were handed back do not count: the runner was told to stop, and is not to blame.
    vanished = run.vanished + 1
    if vanished < settings.RUN_MAX_ATTEMPTS:
        return {"status": Run.Status.QUEUED, "vanished": vanished}
    return {
        "status": Run.Status.FAILED,
        "finished_at": timezone.now(),
        "vanished": vanished,
        "error": "RunnerLost",
        "message": f"{vanished} runners vanished while executing this run. "
        "See their logs, then start it again.",
    }


def _take_back_if_abandoned(run: Run) -> bool:
    return Run.objects.abandoned().filter(pk=run.pk).exists() and _take_back(run, _fate(run))


@transaction.atomic
def _take_back(run: Run, fate: dict[str, Any]) -> bool:
    """Take a run out of its runner's hands, to this fate or, if it was to be cancelled, to that.

    One transaction a run. False when the run has moved or its lease was renewed since it was read.
    """
    lock_thread(run=run.pk)
    same = Run.objects.filter(
        pk=run.pk, status=Run.Status.RUNNING, attempt=run.attempt,
        lease_expires_at=run.lease_expires_at,
    )  # fmt: skip
    if same.filter(cancel_requested_at__isnull=False).exists():
        fate = {"status": Run.Status.CANCELLED, "finished_at": timezone.now()}
    if not same.update(runner=None, lease_expires_at=None, **fate):
        return False
    run.refresh_from_db()
    progress.drop(run=run)
    if run.status == Run.Status.CANCELLED:
        _after_cancel(run)
    elif run.status == Run.Status.FAILED:
        thread_status.leave(run, Thread.Status.ERROR)
    else:
        push.wake_runners()
    push.changed("runners", f"thread.{run.thread_id}", *thread_status.topics(run))
    return True


def _after_cancel(run: Run) -> None:
    thread_status.leave(run, Thread.Status.IDLE)
    # What is asked anew was superseded; the rest the agent has left behind without an answer.
    _LEAVE_BEHIND(run=run.pk, now=timezone.now())


def _carried() -> QuerySet[Interrupt]:
    carried = Decision.objects.filter(run=Given("run", int)).values("interrupt")
    return Interrupt.objects.filter(pk__in=carried, status=Interrupt.Status.ANSWERED)


_LEAVE_BEHIND = PreparedUpdate(
    _carried, status=Interrupt.Status.CANCELLED, closed_at=Given("now", datetime)
)
