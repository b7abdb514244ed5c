"""Ends of runs in the hands of runners: what a success, a pause, a failure and a cancelling share.

A runner reports each once, and again where the reply was lost.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from agents.exceptions import RequestRefused
from agents.models import Run, Runner, Thread
from agents.prepared import Asked, Given, Prepared, PreparedUpdate, together
from agents.services import progress, thread_words
from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.messages import Lease, RefusalCode, Whole


def lock_thread(*, run: int) -> None:
    """Take the lock of a run's thread, inside the caller's transaction.

    Whoever moves a run takes it first, and locks runs after it: so nobody waits in a circle.
    """
    _LOCK(run=run)


def locking(*, run: int) -> Asked[tuple[int]]:
    """What takes that lock, to be asked `together` with what needs it."""
    return _LOCK.given(run=run)


def _locked() -> QuerySet[Thread, tuple[int]]:
    threads = Thread.objects.select_for_update(of=("self",)).filter(runs=Given("run", int))
    return threads.order_by().values_list("pk")


_LOCK = Prepared(_locked)


def is_to_be_cancelled(lease: Lease) -> bool:
    """Whether cancelling this run was asked for; its thread is locked from then on."""
    _, asked = together(_LOCK.given(run=lease.run), _TO_CANCEL.given(run=lease.run))
    return bool(asked)


def _to_cancel() -> QuerySet[Run, tuple[int]]:
    asked = Run.objects.filter(pk=Given("run", int), cancel_requested_at__isnull=False)
    return asked.order_by().values_list("pk")


_TO_CANCEL = Prepared(_to_cancel)


def end(runner: Runner, lease: Lease, to: Run.Status, **fields: Any) -> tuple[Run, bool]:
    """Move a leased run to its end, inside the caller's transaction, by compare-and-set.

    Returns the run, and whether it moved now. A request that is repeated after a lost reply finds
    the run where it moved it, and must change nothing more: the thread may be a run further.

    Raises:
        RequestRefused: `fenced` — another attempt, another runner, or another end.
    """
    mine = {"run": lease.run, "attempt": lease.attempt, "runner": runner.pk, "to": to}
    _, (moved,), found = together(
        _LOCK.given(run=lease.run),
        _ending(*fields).given(**mine, now=timezone.now(), **fields),
        _ENDED.given(**mine),
    )
    if not found:
        raise RequestRefused(
            RefusalCode.FENCED, f"attempt {lease.attempt} of run {lease.run} is not yours any more"
        )
    (run,) = found
    progress.drop(run=run)
    return run, moved == 1


def _mine() -> QuerySet[Run]:
    attempt, runner = Given("attempt", int), Given("runner", int)
    return Run.objects.filter(pk=Given("run", int), attempt=attempt, runner=runner)


@cache
def _ending(*fields: str) -> PreparedUpdate:
    told = {name: Given(name, list if name == "next" else str) for name in fields}
    return PreparedUpdate(
        lambda: _mine().filter(status=Run.Status.RUNNING),
        status=Given("to", str),
        finished_at=Given("now", datetime),
        lease_expires_at=None,
        **told,
    )


def _ended() -> QuerySet[Run]:
    return _mine().filter(status=Given("to", str)).order_by().defer("input", "context", "update")


_ENDED = Prepared(_ended)


def store_snapshot(run: Run, checkpoint_id: str | None, state: Whole) -> None:
    """Keep the state a runner reported as the thread's latest, readable or not."""
    try:
        values = plain.decode(state.kind, state.data)
        kept = None if values is None else tagged.dumps(values)
    except ValueError as error:
        # Encrypted, damaged or nested too deeply: no reason to lose a pause or an end.
        kept = tagged.dumps({"unreadable": str(error)})
    _STORE(thread=run.thread_id, snapshot=kept, checkpoint=checkpoint_id or "")
    thread_words.index(thread=run.thread_id)


_STORE = PreparedUpdate(
    lambda: Thread.objects.filter(pk=Given("thread", int)),
    snapshot=Given("snapshot", str),
    snapshot_checkpoint_id=Given("checkpoint", str),
)
