"""Runs: started, claimed, ended, cancelled. Every arrow of `Run.Status` is one function here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import push, roles
from agents.exceptions import (
    InvalidInput,
    NotAllowed,
    NotFound,
    RequestRefused,
    RunEnded,
    ThreadBusy,
    ThreadWaits,
)
from agents.models import Agent, Decision, Interrupt, Run, Runner, Thread
from agents.reviews.conversation import conversation
from agents.services import assignments
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import (
    Assignment,
    Cancelled,
    Failed,
    Finished,
    Lease,
    RefusalCode,
)
from reviewconsole.protocol.plain import Plain, UnreadableValue

if TYPE_CHECKING:
    from django.contrib.auth.models import User


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
    the input where none is given.

    Raises:
        NotAllowed: the person may not start runs.
        NotFound: no runner ever announced this agent, or the agent has no such thread.
        ThreadBusy: a run is queued or running on the thread.
        ThreadWaits: the thread waits for a decision.
        InvalidInput: the input is empty or cannot be stored.
    """
    if user is not None and not user.has_perm(roles.START):
        raise NotAllowed("Starting runs is for operators; ask an admin for that role.")
    _check_input(input)
    known = Agent.objects.filter(name=agent).first()
    if known is None:
        raise NotFound(f"No agent named {agent!r}: connect a runner that serves it first.")
    with transaction.atomic():
        row = _thread(known, thread, title or _title(input), user)
        run = queue(
            thread=row, trigger=Run.Trigger.START, created_by=user, input=input, context=context,
            interrupt_before=list(interrupt_before), interrupt_after=list(interrupt_after),
        )  # fmt: skip
        # A failed run may have left questions that nobody will ask again.
        Interrupt.objects.filter(thread=row, status=Interrupt.Status.ANSWERED).update(
            status=Interrupt.Status.SUPERSEDED, closed_at=timezone.now()
        )
    return run


def _check_input(value: Plain) -> None:
    if value is None:
        raise InvalidInput("a run needs an input", {"": "Give the agent something to work on."})
    try:
        plain.encode(value)
    except UnreadableValue as error:
        raise InvalidInput(str(error), {"": str(error)}) from error


def _thread(agent: Agent, thread_id: str | None, title: str, user: User | None) -> Thread:
    if thread_id is None:
        return Thread.objects.create(agent=agent, title=title, created_by=user)
    thread = Thread.objects.select_for_update().filter(thread_id=thread_id, agent=agent).first()
    if thread is None:
        raise NotFound(f"Agent {agent.name!r} has no thread {thread_id!r}.")
    if thread.status == Thread.Status.INTERRUPTED:
        raise ThreadWaits(f"Thread {thread} waits for a decision; decide it first.")
    return thread


def _title(value: Plain) -> str:
    entries = conversation(value)
    first = next((entry.text for entry in entries if entry.text), "")
    line = " ".join(first.split())
    return line if len(line) <= 80 else line[:79] + "…"


def queue(*, thread: Thread, **fields: Any) -> Run:
    """Add a queued run inside the caller's transaction, mark the thread busy, wake the runners.

    Raises:
        ThreadBusy: the thread has an active run; the database's constraint says so.
    """
    try:
        with transaction.atomic():
            run = Run.objects.create(thread=thread, status=Run.Status.QUEUED, **fields)
    except IntegrityError as error:
        raise ThreadBusy(f"Thread {thread} has a run already; wait for it or cancel it.") from error
    set_thread(run, Thread.Status.BUSY)
    push.wake_runners()
    return run


def claim(*, runner: Runner, agents: Sequence[str], free: int) -> tuple[Assignment, ...]:
    """Give a runner at most `free` queued runs of these agents, oldest first.

    Each is taken by compare-and-set, so two runners never get the same one. Queries: 1 when nothing
    is queued, about 6 a run.
    """
    claimed = []
    for run in Run.objects.claimable(list(agents))[: max(free, 0)]:
        with transaction.atomic():
            if assignments.take(run, runner):
                claimed.append(assignments.make(run))
                push.changed(f"thread.{run.thread_id}", "runners", *_asked(run))
    return tuple(claimed)


@transaction.atomic
def release(*, runner: Runner, lease: Lease) -> None:
    """Take a run back from a runner that shuts down; the next one takes it up. Idempotent."""
    held = Run.objects.filter(
        pk=lease.run, runner=runner, attempt=lease.attempt, status=Run.Status.RUNNING
    )
    if held.update(status=Run.Status.QUEUED, runner=None, lease_expires_at=None):
        push.wake_runners()
        push.changed("runners")


@transaction.atomic
def finish(*, runner: Runner, request: Finished) -> Run:
    """End a run that has reached the end of its graph. Idempotent for the same lease.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run = end(
        runner, request.lease, Run.Status.SUCCEEDED, checkpoint_id=request.checkpoint_id or ""
    )
    store_snapshot(run, request.checkpoint_id, request.snapshot.kind, request.snapshot.data)
    set_thread(run, Thread.Status.IDLE)
    return run


@transaction.atomic
def fail(*, runner: Runner, request: Failed) -> Run:
    """End a run with the error it met. Idempotent for the same lease.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run = end(
        runner, request.lease, Run.Status.FAILED, checkpoint_id=request.checkpoint_id or "",
        error=request.error[:200], message=request.message, traceback=request.traceback,
    )  # fmt: skip
    if request.snapshot is not None:
        store_snapshot(run, request.checkpoint_id, request.snapshot.kind, request.snapshot.data)
    set_thread(run, Thread.Status.ERROR)
    return run


@transaction.atomic
def stop(*, runner: Runner, request: Cancelled) -> Run:
    """End a run that was cancelled while it ran. Idempotent for the same lease.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    run = end(runner, request.lease, Run.Status.CANCELLED)
    _after_cancel(run)
    return run


@transaction.atomic
def cancel(*, run: int, user: User | None) -> Run:
    """Cancel a run: at once while it is queued; a running one at its next step.

    Raises:
        NotAllowed: the person may not cancel runs.
        NotFound: there is no such run.
        RunEnded: it is over already.
    """
    if user is not None and not user.has_perm(roles.START):
        raise NotAllowed("Cancelling runs is for operators; ask an admin for that role.")
    now = timezone.now()
    row = (
        Run.objects.select_for_update(of=("self",)).select_related("thread").filter(pk=run).first()
    )
    if row is None:
        raise NotFound(f"There is no run {run}.")
    asked = {"cancel_requested_at": now, "cancel_requested_by": user}
    same = Run.objects.filter(pk=run)
    if same.filter(status=Run.Status.QUEUED).update(
        status=Run.Status.CANCELLED, finished_at=now, **asked
    ):
        _after_cancel(row)
    elif same.filter(status=Run.Status.RUNNING).update(**asked):
        push.cancel_run(row.pk, row.attempt)
        push.changed(f"thread.{row.thread_id}")
    else:
        raise RunEnded(f"Run {run} is over: {row.get_status_display().lower()}.")
    row.refresh_from_db()
    return row


@transaction.atomic
def reap() -> int:
    """Queue again the runs whose lease is over; end the cancelled and the hopeless ones.

    Called at each heartbeat and claim; whoever finds an ended lease first moves it, by
    compare-and-set. Returns how many were moved. Queries: 1 when there is nothing to do.
    """
    moved = 0
    for run in Run.objects.abandoned().select_related("thread"):
        same = Run.objects.filter(
            pk=run.pk, status=Run.Status.RUNNING, attempt=run.attempt,
            lease_expires_at=run.lease_expires_at,
        )  # fmt: skip
        if same.update(**_fate(run)):
            moved += 1
            _after_reap(run)
    return moved


def _fate(run: Run) -> dict[str, Any]:
    free = {"runner": None, "lease_expires_at": None}
    if run.cancel_requested_at:
        return free | {"status": Run.Status.CANCELLED, "finished_at": timezone.now()}
    if run.attempt < settings.RUN_MAX_ATTEMPTS:
        return free | {"status": Run.Status.QUEUED}
    return free | {
        "status": Run.Status.FAILED,
        "finished_at": timezone.now(),
        "error": "RunnerLost",
        "message": f"{run.attempt} runners in a row vanished while executing this run. "
        "See their logs, then start it again.",
    }


def _after_reap(run: Run) -> None:
    run.refresh_from_db()
    if run.status == Run.Status.CANCELLED:
        _after_cancel(run)
    elif run.status == Run.Status.FAILED:
        set_thread(run, Thread.Status.ERROR)
    else:
        push.wake_runners()
    push.changed("runners", f"thread.{run.thread_id}", *_asked(run))


def end(runner: Runner, lease: Lease, to: Run.Status, **fields: Any) -> Run:
    """Move a leased run to its end, inside the caller's transaction, by compare-and-set.

    A request that is repeated after a lost reply finds the run where it moved it, and is done.

    Raises:
        RequestRefused: `fenced` — another attempt, another runner, or another end.
    """
    mine = Run.objects.filter(pk=lease.run, attempt=lease.attempt, runner=runner)
    moved = mine.filter(status=Run.Status.RUNNING).update(
        status=to, finished_at=timezone.now(), lease_expires_at=None, **fields
    )
    run = mine.filter(status=to).select_related("thread").first()
    if not moved and run is None:
        raise RequestRefused(
            RefusalCode.FENCED, f"attempt {lease.attempt} of run {lease.run} is not yours any more"
        )
    assert run is not None  # noqa: S101 -- moved a moment ago, in this transaction
    return run


def store_snapshot(run: Run, checkpoint_id: str | None, kind: str, data: bytes) -> None:
    """Keep the state a runner reported as the thread's latest, readable or not."""
    try:
        snapshot = plain.decode(kind, data)
    except UnreadableValue as error:
        snapshot = {"unreadable": str(error)}
    Thread.objects.filter(pk=run.thread_id).update(
        snapshot=snapshot, snapshot_checkpoint_id=checkpoint_id or ""
    )


def set_thread(run: Run, status: Thread.Status) -> None:
    """Say what the thread of a run does now, and tell the pages that show it."""
    Thread.objects.filter(pk=run.thread_id).update(status=status, updated_at=timezone.now())
    push.changed("inbox", "runners", f"thread.{run.thread_id}", *_asked(run))


def _asked(run: Run) -> list[str]:
    """The topics of the interrupts whose receipts show this run."""
    asked = Decision.objects.filter(run=run).values_list("interrupt_id", flat=True)
    return [f"interrupt.{pk}" for pk in asked]


def _after_cancel(run: Run) -> None:
    Interrupt.objects.filter(decision__run=run, status=Interrupt.Status.ANSWERED).update(
        status=Interrupt.Status.CANCELLED, closed_at=timezone.now()
    )
    set_thread(run, Thread.Status.IDLE)
