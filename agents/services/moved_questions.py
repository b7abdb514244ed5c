"""Questions that move: which part of a question is another one each time the agent asks it.

A decision on such a question is refused by the runner, and the question is asked anew. Here the two
are compared, so that the next answer can be bound to what stays (see `protocol.moving`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from django.db.models import QuerySet

from agents.models import Decision, Interrupt, Run
from agents.prepared import Asked, Each, Given, Prepared
from agents.services.column_text import column_text
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import PostedInterrupt
from reviewconsole.protocol.moving import compare, merge, settle
from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.tagged import canonical
from reviewconsole.protocol.values import Moving

Place: TypeAlias = tuple[str, bytes, tuple[str, ...]]


def moving_of(row: Interrupt | Decision) -> tuple[Moving, ...]:
    """The moving parts that are stored with a question or a decision."""
    return tuple(Moving(**part) for part in row.moving)


def as_stored(moving: Iterable[Moving]) -> list[dict[str, str]]:
    """Moving parts as their column keeps them."""
    return [{"path": part.path, "how": part.how} for part in moving]


def is_bound(value: Plain, moving: tuple[Moving, ...]) -> bool:
    """Whether anything of a question is left to bind an answer to."""
    try:
        return compare(value, settle(value, moving)) is not None
    except ValueError:
        return False


def digest(decision: Decision) -> str:
    """What a decision is bound to: its question without the parts it does not depend on."""
    asked = decision.interrupt
    if not decision.moving:
        return asked.digest
    return question_digest(settle(asked.value, moving_of(decision)))


def place(asked: Interrupt | PostedInterrupt) -> Place:
    """Where a question stands: in which task, and about or inside which tool calls.

    A task may run several calls, which ask in any order. What one asks is never the moved question
    of another, however alike they look.
    """
    ids = tuple(column_text(call_id) for call_id in asked.call_ids)
    origin: Any = asked.origin  # plain, in the column and on the wire
    return asked.task_id, canonical(origin), ids


def asked_before(run: Run, posted: Iterable[PostedInterrupt]) -> Asked[Interrupt]:
    """The query of what stood at the tasks of these questions at the run's checkpoint.

    Of its answer `to_be_answered_anew` is what questions have moved from.
    """
    tasks = {each.task_id for each in posted}
    return _ASKED.given(thread=run.thread_id, checkpoint_id=run.checkpoint_id, tasks=tasks)


def _asked() -> QuerySet[Interrupt]:
    asked = Interrupt.objects.filter(
        thread=Given("thread", int),
        checkpoint_id=Given("checkpoint_id", str),
        task_id__any=Each("tasks", str),
    )
    columns = ("task_id", "origin", "call_ids", "status", "value", "moving")
    return asked.only(*columns).order_by("pk")


_ASKED = Prepared(_asked)


def to_be_answered_anew(asked: Iterable[Interrupt]) -> dict[Place, Interrupt]:
    """What stood last at each place, where it has to be answered anew.

    That is a question whose decision was refused or withdrawn, or which nobody had answered when
    the agent was made to ask again.
    """
    newest = {place(row): row for row in asked}
    return {at: row for at, row in newest.items() if row.status == Interrupt.Status.SUPERSEDED}


def moved(before: Interrupt | None, value: Plain) -> dict[str, Any]:
    """The fields of a question that say how it moved since it was asked at its place before."""
    if before is None:
        return {}
    parts = compare(before.value, value)
    if parts is None:
        return {"moved_from": before}  # another question altogether
    moving = merge(moving_of(before), parts)
    if not moving:
        return {}
    # Where nothing stays there is nothing to bind to: the reviewer can only see how it moved.
    return {
        "moved_from": before,
        "moving": as_stored(moving) if is_bound(value, moving) else [],
    }
