"""Interrupts: what a paused run asks, stored as it was found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from agents import push, reviews
from agents.exceptions import RequestRefused
from agents.models import Agent, Decision, Interrupt, Run, Runner, Thread
from agents.prepared import Each, Given, Prepared, PreparedInsert, PreparedUpdate, together
from agents.reviews.dialects import in_doubt
from agents.services import effects, runs, supersession, thread_status
from agents.services.column_text import column_text
from agents.services.moved_questions import asked_before, moved, place, to_be_answered_anew
from reviewconsole.protocol import plain
from reviewconsole.protocol.fingerprint import fingerprint, question_digest
from reviewconsole.protocol.messages import Cancelled, Paused, PostedInterrupt, RefusalCode
from reviewconsole.protocol.plain import Plain


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
    if request.refused:
        _refuse_decisions(run)
    ask(run, request.interrupts)
    supersession.take_over(run)
    runs.store_snapshot(run, request.checkpoint_id, request.snapshot)
    thread_status.put(run, Thread.Status.INTERRUPTED)
    push.changed("inbox", at_once=True)
    return run


def ask(run: Run, posted: Sequence[PostedInterrupt]) -> None:
    """Put the questions of an ended run before people, inside the caller's transaction.

    Raises:
        RequestRefused: `invalid` — an unreadable value, or a fingerprint that is not the value's.
    """
    (thread,), asked = together(_THREAD.given(pk=run.thread_id), asked_before(run, posted))
    before = to_be_answered_anew(asked)
    _ASK(
        *(
            _question(run, thread, position, each, before.get(place(each)))
            for position, each in enumerate(posted)
        )
    )


def _described() -> QuerySet[Thread]:
    rows = Thread.objects.filter(pk=Given("pk", int)).select_related("agent").order_by()
    return rows.only("thread_id", "agent__name", "agent__spec")


_THREAD = Prepared(_described)
_ASK = PreparedInsert(Interrupt)


def _question(
    run: Run, thread: Thread, position: int, posted: PostedInterrupt, before: Interrupt | None
) -> Interrupt:
    """A question that is about to be asked, and how it moved since what stood at its place."""
    value = _value(run, thread, posted)
    request = _read(
        thread.agent, value, posted.kind, posted.response_schema, posted.ns,
        is_doubted=effects.tells(value, thread),
    )  # fmt: skip
    return Interrupt(
        run=run, thread=thread, position=position, kind=posted.kind,
        checkpoint_id=run.checkpoint_id, interrupt_id=posted.interrupt_id,
        task_id=posted.task_id, ns=posted.ns, node=column_text(posted.node, 255), value=value,
        response_schema=posted.response_schema, fingerprint=posted.fingerprint,
        digest=question_digest(value), dialect=request.dialect,
        headline=column_text(request.headline, 200), actions=len(request.actions),
        call_ids=[column_text(call_id) for call_id in posted.call_ids], origin=posted.origin,
        **moved(before, value),
    )  # fmt: skip


def _value(run: Run, thread: Thread, posted: PostedInterrupt) -> Plain:
    """The question as it was stored, once it is what the runner says it is."""
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
    return value


def _read(
    agent: Agent,
    value: Any,
    kind: Any,
    response_schema: Any,
    ns: str,
    *,
    is_doubted: bool,
    raw: bool = False,
) -> reviews.Request:
    return reviews.read(
        value, kind=kind, response_schema=response_schema, tools=agent.tools, is_doubted=is_doubted,
        # A subgraph has a state of its own, which nobody described.
        state_schema=None if ns else agent.spec.get("state_schema"), raw=raw,
    )  # fmt: skip


def request_of(interrupt: Interrupt, *, raw: bool = False, learned: bool = True) -> reviews.Request:
    """What this interrupt asks: the one reading that pages and decisions share.

    `raw` reads a question in a guessed format as the value it is. With `learned`, the shape in
    which the agent took the last answer here stands first. Thread and agent have to be loaded; then
    queries: 1 for a question with several shapes, unless not `learned`.
    """
    agent = interrupt.thread.agent
    request = _read(
        agent, interrupt.value, interrupt.kind, interrupt.response_schema, interrupt.ns, raw=raw,
        is_doubted=interrupt.dialect == in_doubt.NAME,  # found true when it was asked
    )  # fmt: skip
    if learned and len(request.shapes) > 1:
        return reviews.prefer(request, learned_shape(interrupt))
    return request


def learned_shape(interrupt: Interrupt) -> reviews.AnswerShape | None:
    """The shape in which this agent took the last answer to such a question of this node.

    None where it never took one without failing. One query, by an index.
    """
    taken = _TAKEN(node=interrupt.node, agent=interrupt.thread.agent_id, dialect=interrupt.dialect)
    match taken:
        case [([{"shape": str(shape)}],)] if shape in tuple(reviews.AnswerShape):
            return reviews.AnswerShape(shape)
    return None


def _taken() -> QuerySet[Interrupt, tuple[Any]]:
    answered = Interrupt.objects.filter(
        node=Given("node", str),
        thread__agent=Given("agent", int),
        dialect=Given("dialect", str),
        status=Interrupt.Status.APPLIED,
    )
    went_well = answered.exclude(decision__run__status=Run.Status.FAILED).order_by("-pk")
    return went_well.values_list("decision__actions")[:1]


_TAKEN = Prepared(_taken)


def _refuse_decisions(run: Run) -> None:
    now = timezone.now()
    # What a call has run by was taken: the runner that comes after a lost one need not know it.
    if taken := dict(_RAN_BY(run=run.pk)):
        together(
            _APPLY.given(decisions=taken.keys(), now=now),
            _CLOSE_APPLIED.given(interrupts=taken.values()),
        )
    refused, _ = together(_UNSETTLED.given(run=run.pk), _REFUSE.given(run=run.pk))
    asked = [pk for (pk,) in refused]
    if asked:
        _CLOSE_REFUSED(interrupts=asked, now=now)
    push.changed(*(f"interrupt.{pk}" for pk in (*taken.values(), *asked)))


def _unsettled() -> QuerySet[Decision]:
    return Decision.objects.filter(
        run=Given("run", int), status__in=(Decision.Status.RECORDED, Decision.Status.DELIVERED)
    ).order_by()


def _ran_by() -> QuerySet[Decision, tuple[int, int]]:
    ran_by = Q(effects__isnull=False) | Q(settled_effects__isnull=False)
    return _unsettled().filter(ran_by).values_list("pk", "interrupt_id")


_RAN_BY = Prepared(_ran_by)
_UNSETTLED = Prepared(lambda: _unsettled().values_list("interrupt_id"))
_REFUSE = PreparedUpdate(_unsettled, status=Decision.Status.REFUSED)
_APPLY = PreparedUpdate(
    lambda: Decision.objects.filter(pk__any=Each("decisions", int)),
    status=Decision.Status.APPLIED,
    delivered_at=Coalesce("delivered_at", Given("now", datetime)),
    applied_at=Given("now", datetime),
)
_CLOSE_APPLIED = PreparedUpdate(
    lambda: Interrupt.objects.filter(pk__any=Each("interrupts", int)),
    status=Interrupt.Status.APPLIED,
)
_CLOSE_REFUSED = PreparedUpdate(
    lambda: Interrupt.objects.filter(
        pk__any=Each("interrupts", int), status=Interrupt.Status.ANSWERED
    ),
    status=Interrupt.Status.SUPERSEDED,
    closed_at=Given("now", datetime),
)
