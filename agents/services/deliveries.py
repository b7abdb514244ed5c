"""Deliveries: what a runner tells of decisions that it hands to the paused task."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from agents import push
from agents.exceptions import RequestRefused
from agents.models import Decision, Interrupt, Run, Runner
from agents.prepared import Asked, Each, Given, Prepared, PreparedUpdate, together
from agents.services import runs
from reviewconsole.protocol.messages import Applied, Delivered, Lease, RefusalCode

if TYPE_CHECKING:
    from django.db.models import QuerySet


@transaction.atomic
def deliver(*, runner: Runner, request: Delivered) -> None:
    """Note that the run's decisions match the live pause and are being handed over. Idempotent.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    thread, carried = _leased(runner, request.lease, _CARRIED.given(run=request.lease.run))
    _DELIVER(run=request.lease.run, now=timezone.now())
    _tell(thread, carried)


def _carried() -> QuerySet[Decision, tuple[int, int]]:
    carried = Decision.objects.filter(run=Given("run", int)).order_by("pk")
    return carried.values_list("pk", "interrupt_id")


_CARRIED = Prepared(_carried)
_DELIVER = PreparedUpdate(
    lambda: Decision.objects.filter(run=Given("run", int), status=Decision.Status.RECORDED),
    status=Decision.Status.DELIVERED,
    delivered_at=Given("now", datetime),
)


@transaction.atomic
def apply(*, runner: Runner, request: Applied) -> None:
    """Note that the paused task has taken these decisions and gone on. Idempotent.

    They may be of an earlier run of the thread: a task that runs several tools takes an answer when
    its question comes up again.

    Raises:
        RequestRefused: `fenced` — the lease is over.
    """
    lease = request.lease
    taken = _TAKEN.given(run=lease.run, decisions=request.decisions)
    thread, mine = _leased(runner, lease, taken)
    _APPLY(decisions=[decision for decision, _ in mine], now=timezone.now())
    _PASS(interrupts=[interrupt for _, interrupt in mine])
    _tell(thread, mine)


def _taken() -> QuerySet[Decision, tuple[int, int]]:
    of_thread = Decision.objects.filter(interrupt__thread__runs=Given("run", int))
    taken = of_thread.filter(pk__any=Each("decisions", int)).order_by("pk")
    return taken.values_list("pk", "interrupt_id")


def _under_way() -> QuerySet[Decision]:
    under_way = (Decision.Status.RECORDED, Decision.Status.DELIVERED)
    return Decision.objects.filter(pk__any=Each("decisions", int), status__in=under_way)


def _answered() -> QuerySet[Interrupt]:
    answered = Interrupt.objects.filter(status=Interrupt.Status.ANSWERED)
    return answered.filter(pk__any=Each("interrupts", int))


_TAKEN = Prepared(_taken)
_APPLY = PreparedUpdate(
    _under_way,
    status=Decision.Status.APPLIED,
    delivered_at=Coalesce("delivered_at", Given("now", datetime)),
    applied_at=Given("now", datetime),
)
_PASS = PreparedUpdate(_answered, status=Interrupt.Status.APPLIED)


def _leased(
    runner: Runner, lease: Lease, decisions: Asked[tuple[int, int]]
) -> tuple[int, list[tuple[int, int]]]:
    """The thread of a leased run, and the answer to a query that goes along."""
    runs.lock_thread(run=lease.run)  # no other attempt begins between this look and the write
    mine = _LEASED.given(run=lease.run, attempt=lease.attempt, runner=runner.pk)
    found, answer = together(mine, decisions)
    if not found:
        raise RequestRefused(
            RefusalCode.FENCED, f"attempt {lease.attempt} of run {lease.run} is not yours any more"
        )
    return found[0][0], answer


def _held() -> QuerySet[Run, tuple[int]]:
    held = Run.objects.filter(status=Run.Status.RUNNING, runner=Given("runner", int))
    same = held.filter(pk=Given("run", int), attempt=Given("attempt", int))
    return same.order_by().values_list("thread_id")


_LEASED = Prepared(_held)


def _tell(thread: int, decisions: Iterable[tuple[int, int]]) -> None:
    push.changed(f"thread.{thread}", *(f"interrupt.{pk}" for _, pk in decisions))
