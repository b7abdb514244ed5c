"""How tool calls end, as runners tell it: late, twice, or after their run has moved on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from agents import push
from agents.exceptions import RequestRefused
from agents.models import Effect, EffectResult, Interrupt, Run
from agents.prepared import Asked, Each, Given, Prepared, PreparedInsert, PreparedUpdate
from agents.reviews import DecisionType
from agents.reviews.dialects import in_doubt
from agents.services.column_text import column_text
from agents.services.effects import LONGEST_EXECUTION, OPEN, WITH_RESULT, newer, says
from reviewconsole.protocol.messages import CallEnded, Outcome, RefusalCode

LONGEST_KIND = 32

_ENDS = {
    Outcome.FINISHED: Effect.Status.FINISHED,
    Outcome.FAILED: Effect.Status.FAILED,
    Outcome.PAUSED: Effect.Status.PAUSED,
    Outcome.UNTOUCHED: Effect.Status.UNTOUCHED,
    Outcome.CUT_OFF: Effect.Status.IN_DOUBT,
    Outcome.GIVEN: Effect.Status.GIVEN,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How calls ended: for each None, or why it does not count; and what is to be written."""

    refusals: list[RequestRefused | None]
    changes: list[Asked[Any]]


def known(ended: Iterable[CallEnded]) -> Asked[Effect]:
    """The query for the entries that these ends are about."""
    return _KNOWN.given(effects={request.effect for request in ended})


def end(ended: Sequence[tuple[int, CallEnded]], entries: Iterable[Effect]) -> Ended:
    """How these calls ended; `entries` is what `known` answers, the threads being locked.

    An end is taken of the runner and the execution that the entry names, also after its run has
    moved on: a late truth is a truth. It is not, once the call was let run again. A result that a
    person gave needs the lease, and the person's word. Once the thread was deleted or its last run
    has succeeded, a late result is not kept, nor of a deleted thread the error. Idempotent.
    Queries: 1 where there are calls in doubt, and 1 a given result. To be asked then: 1 a kind of
    end, 1 where there are results.
    """
    known = {row.pk: row for row in entries}
    doubted: set[int] = set()
    moved: dict[tuple[Effect.Status, str], list[Effect]] = defaultdict(list)
    results: list[EffectResult] = []
    answers: list[RequestRefused | None] = []
    for runner, request in ended:
        effect, to = known.get(request.effect), _ENDS[request.outcome]
        if effect is not None and _is_repeated(effect, runner, request):
            answers.append(None)
            continue
        if effect is None or (refused := _refused(effect, runner, request)):
            answers.append(_fenced(request) if effect is None else refused)
            continue
        if effect.status == Effect.Status.IN_DOUBT:
            doubted.add(effect.thread_id)
        effect.status = to
        is_deleted = effect.thread.deleted_at is not None
        moved[to, "" if is_deleted else column_text(request.error)].append(effect)
        may_be_asked = not is_deleted and effect.last_run != Run.Status.SUCCEEDED  # type: ignore[attr-defined]  # annotated
        if request.result is not None and to in WITH_RESULT and may_be_asked:
            kept = request.result
            results.append(EffectResult(effect=effect, kind=kept.kind, data=kept.data))
        answers.append(None)
    changes: list[Asked[Any]] = [*_moves(moved), *_KEEP.each(results)]
    if doubted:
        asked = Interrupt.objects.pending().filter(thread__in=doubted, dialect=in_doubt.NAME)
        push.changed(*(f"interrupt.{pk}" for pk in asked.values_list("pk", flat=True)))
    return Ended(answers, changes)


_KEEP = PreparedInsert(EffectResult)
_READ_AT_ITS_END = (
    "status", "execution", "runner", "thread__deleted_at", "settled_by__status",
    "settled_by__actions",
)  # fmt: skip


def _known() -> QuerySet[Effect]:
    rows = Effect.objects.filter(pk__any=Each("effects", int)).select_related(
        "settled_by", "thread"
    )
    last_run = Run.objects.filter(thread=OuterRef("thread")).order_by("-pk")[:1]
    known = rows.annotate(is_past=Exists(newer()), last_run=Subquery(last_run.values("status")))
    return known.only(*_READ_AT_ITS_END)


_KNOWN = Prepared(_known)


def _is_repeated(effect: Effect, runner: int, request: CallEnded) -> bool:
    """Whether this very end was told before."""
    if effect.status != _ENDS[request.outcome]:
        return False
    return request.outcome == Outcome.GIVEN or _is_of(effect, runner, request)


def _is_of(effect: Effect, runner: int, request: CallEnded) -> bool:
    execution = column_text(request.execution, LONGEST_EXECUTION)
    return (effect.runner_id, effect.execution) == (runner, execution)


def _refused(effect: Effect, runner: int, request: CallEnded) -> RequestRefused | None:
    """Why an entry does not end so: it is not theirs, has ended otherwise, or was let run again."""
    if effect.is_past or effect.status not in OPEN:  # type: ignore[attr-defined]  # annotated
        return _fenced(request)
    if request.outcome == Outcome.GIVEN:
        is_due = effect.status == Effect.Status.IN_DOUBT and says(effect, DecisionType.RESPOND)
        if not (is_due and _holds(effect, runner, request)):
            return _fenced(request)
    elif not _is_of(effect, runner, request):
        return _fenced(request)
    if request.result is not None and len(request.result.kind) > LONGEST_KIND:
        told = f"{request.result.kind[:40]!r} is no kind of LangGraph's store"
        return RequestRefused(RefusalCode.INVALID, told)
    return None


def _fenced(request: CallEnded) -> RequestRefused:
    return RequestRefused(
        RefusalCode.FENCED, f"effect {request.effect} has ended otherwise, or was never yours"
    )


def _holds(effect: Effect, runner: int, request: CallEnded) -> bool:
    lease = request.lease
    return Run.objects.filter(
        pk=lease.run, attempt=lease.attempt, runner=runner, status=Run.Status.RUNNING,
        thread=effect.thread_id,
    ).exists()  # fmt: skip


def _moves(moved: Mapping[tuple[Effect.Status, str], Sequence[Effect]]) -> Iterator[Asked[int]]:
    now = timezone.now()
    for (status, error), effects in moved.items():
        ended_at = None if status in OPEN else now
        pks = [each.pk for each in effects]
        push.changed(*(f"effects.{effect.thread_id}" for effect in effects))
        yield _MOVE.given(effects=pks, status=status, error=error, ended_at=ended_at)


def _still_open() -> QuerySet[Effect]:
    return Effect.objects.filter(pk__any=Each("effects", int), status__in=OPEN)


_MOVE = PreparedUpdate(
    _still_open, status=Given("status", str), error=Given("error", str),
    ended_at=Given("ended_at", datetime),
)  # fmt: skip
