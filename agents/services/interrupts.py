"""Interrupts: what a paused run asks, stored as it was found."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import push, reviews
from agents.exceptions import RequestRefused
from agents.models import Agent, Decision, Interrupt, Run, Runner, Thread
from agents.services import runs
from agents.services.column_text import column_text
from reviewconsole.protocol import plain
from reviewconsole.protocol.fingerprint import fingerprint, question_digest
from reviewconsole.protocol.messages import Cancelled, Paused, PostedInterrupt, RefusalCode


@transaction.atomic
def open_pause(*, runner: Runner, request: Paused) -> Run:
    """End a run at its pause and put its questions before people. Idempotent for the same lease.

    When the runner refused the run's decisions (the live pause differs from what was decided),
    those decisions end as `refused` and the questions are asked anew. A run that was to be
    cancelled is cancelled, and nothing is asked.

    Raises:
        RequestRefused: `fenced` — the lease is over; `invalid` — no question, an unreadable value,
            or a fingerprint that is not the value's.
    """
    if not request.interrupts:
        raise RequestRefused(
            RefusalCode.INVALID, "a pause without a question; report the end instead"
        )
    if runs.is_to_be_cancelled(request.lease):
        return runs.stop(runner=runner, request=Cancelled(request.lease))
    run, moved = runs.end(
        runner, request.lease, Run.Status.INTERRUPTED, checkpoint_id=request.checkpoint_id,
        next=list(request.next), refused=column_text(request.refused or ""),
    )  # fmt: skip
    if not moved:
        return run  # the request was repeated; the questions are there
    thread = Thread.objects.select_related("agent").get(pk=run.thread_id)
    for position, posted in enumerate(request.interrupts):
        _open(run, thread, position, posted)
    if request.refused:
        _refuse_decisions(run)
    runs.store_snapshot(run, request.checkpoint_id, request.snapshot)
    runs.set_thread(run, Thread.Status.INTERRUPTED)
    return run


def _open(run: Run, thread: Thread, position: int, posted: PostedInterrupt) -> Interrupt:
    if posted.kind not in Interrupt.Kind:
        raise RequestRefused(
            RefusalCode.INVALID, f"{posted.kind!r} is none of {', '.join(Interrupt.Kind.values)}"
        )
    try:
        value = plain.decode(posted.value.kind, posted.value.data)
    except plain.UnreadableValue as error:
        raise RequestRefused(
            RefusalCode.INVALID, f"the question of {posted.node}: {error}"
        ) from error
    shown = fingerprint(
        agent=thread.agent.name,
        thread=thread.thread_id,
        checkpoint_id=run.checkpoint_id,
        interrupt_id=posted.interrupt_id,
        value=value,
    )
    if shown != posted.fingerprint:
        raise RequestRefused(
            RefusalCode.INVALID,
            f"the fingerprint of {posted.node}'s question is {posted.fingerprint[:12]}…, "
            f"its value gives {shown[:12]}…",
        )
    request = read_request(thread.agent, value, posted.kind, posted.response_schema)
    return Interrupt.objects.create(
        run=run, thread=thread, position=position, kind=posted.kind,
        checkpoint_id=run.checkpoint_id, interrupt_id=posted.interrupt_id,
        task_id=posted.task_id, ns=posted.ns, node=column_text(posted.node, 255), value=value,
        response_schema=posted.response_schema, fingerprint=shown, digest=question_digest(value),
        dialect=request.dialect, headline=column_text(request.headline, 200),
        actions=len(request.actions),
    )  # fmt: skip


def read_request(agent: Agent, value: Any, kind: str, response_schema: Any) -> reviews.Request:
    """What a pause of this agent asks: the one reading that pages and decisions share."""
    return reviews.read(value, kind=kind, response_schema=response_schema, tools=agent.tools)  # type: ignore[arg-type]  # kind is checked by the choices


def request_of(interrupt: Interrupt) -> reviews.Request:
    """What this interrupt asks. No query when thread and agent are loaded."""
    agent = interrupt.thread.agent
    return read_request(agent, interrupt.value, interrupt.kind, interrupt.response_schema)


def _refuse_decisions(run: Run) -> None:
    now = timezone.now()
    refused = Decision.objects.filter(
        run=run, status__in=(Decision.Status.RECORDED, Decision.Status.DELIVERED)
    )
    asked = list(refused.values_list("interrupt_id", flat=True))
    refused.update(status=Decision.Status.REFUSED)
    Interrupt.objects.filter(pk__in=asked, status=Interrupt.Status.ANSWERED).update(
        status=Interrupt.Status.SUPERSEDED, closed_at=now
    )
    push.changed(*(f"interrupt.{pk}" for pk in asked))
