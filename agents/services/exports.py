"""A thread as one JSON document, told piece by piece: memory holds a checkpoint at a time.

Values are tagged JSON (`protocol.tagged`), in which every stored value has one form. Reads only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from django.utils import timezone

from agents.models import Decision, Effect, Interrupt, Run, Thread, Violation
from agents.services import history
from reviewconsole.protocol import tagged

if TYPE_CHECKING:
    from django.contrib.auth.models import User

FORMAT = "reviewconsole.thread/1"

_AT_ONCE = 200  # rows in memory

Facts: TypeAlias = Mapping[str, Any]


def pieces(*, thread: Thread, user: User) -> Iterator[str]:
    """The document as pieces of text: thread, runs, interrupts, violations, effects, checkpoints.

    Checkpoints come oldest first, those of graphs inside among them, each whole; their parents make
    the tree. What cannot be read says so in its place. Queries: 7, and 4 a checkpoint.
    """
    yield "{" + _member("format", FORMAT)
    yield ",\n" + _member("exported_at", timezone.now())
    yield ",\n" + _member("exported_by", user.get_username())
    yield ",\n" + _member("thread", _thread(thread))
    runs = thread.runs.select_related("created_by", "cancel_requested_by", "runner").order_by("pk")
    asked = thread.interrupts.select_related("decision__decided_by").order_by("pk")
    refused = Violation.objects.filter(run__thread=thread).order_by("pk")
    yield from _list("runs", map(_run, runs.iterator(chunk_size=_AT_ONCE)))
    yield from _list("interrupts", map(_interrupt, asked.iterator(chunk_size=_AT_ONCE)))
    yield from _list("violations", map(_violation, refused.iterator(chunk_size=_AT_ONCE)))
    ran = thread.effects.select_related("runner").order_by("pk")
    yield from _list("effects", map(_effect, ran.iterator(chunk_size=_AT_ONCE)))
    yield from _list("checkpoints", _checkpoints(thread))
    yield "}\n"


def _list(name: str, items: Iterable[Facts]) -> Iterator[str]:
    yield f',\n"{name}": ['
    for position, item in enumerate(items):
        yield (",\n" if position else "\n") + _json(item)
    yield "]"


def _member(name: str, value: Any) -> str:
    return f"{json.dumps(name)}: {_json(value)}"


def _json(value: Any) -> str:
    try:
        return tagged.dumps(_plain(value))
    except ValueError as error:
        return json.dumps({"unreadable": str(error)})


def _plain(value: Any) -> Any:
    """Moments and people as text; all else is plain already."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "get_username"):
        return value.get_username()
    return value


def _thread(thread: Thread) -> Facts:
    source = thread.copied_from
    return {
        "thread_id": thread.thread_id,
        "agent": thread.agent.name,
        "title": thread.title,
        "status": thread.status,
        "metadata": thread.metadata,
        "created_by": thread.created_by,
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
        "deleted_by": thread.deleted_by,
        "deleted_at": thread.deleted_at,
        "copied_from": source and {
            "thread_id": source.thread_id,
            "checkpoint_id": thread.copied_checkpoint_id,
            "reason": thread.copied_because,
        },
        "values": thread.snapshot,
    }  # fmt: skip


def _run(run: Run) -> Facts:
    names = (
        "trigger", "status", "created_by", "created_at", "started_at", "finished_at",
        "cancel_requested_by", "cancel_requested_at", "input", "context", "interrupt_before",
        "interrupt_after", "recursion_limit", "from_checkpoint_id", "from_ns", "update", "as_node",
        "stays", "reason", "attempt", "checkpoint_id", "next", "error", "message", "traceback",
        "refused",
    )  # fmt: skip
    return {
        "id": run.pk,
        "resumes": run.resumes_id,
        "revises": run.revises_id,
        "runner": str(run.runner) if run.runner else None,
        **{name: getattr(run, name) for name in names},
    }


def _interrupt(interrupt: Interrupt) -> Facts:
    names = (
        "position", "kind", "status", "created_at", "closed_at", "checkpoint_id", "interrupt_id",
        "task_id", "ns", "node", "value", "response_schema", "fingerprint", "headline", "call_ids",
        "origin", "moving",
    )  # fmt: skip
    decision: Decision | None = getattr(interrupt, "decision", None)
    return {
        "id": interrupt.pk,
        "run": interrupt.run_id,
        "superseded_by": interrupt.superseded_by_id,
        **{name: getattr(interrupt, name) for name in names},
        "decision": decision and _decision(decision),
    }


def _decision(decision: Decision) -> Facts:
    names = (
        "decided_by", "decided_at", "fingerprint", "actions", "resume", "then", "update", "moving",
        "summary", "status", "delivered_at", "applied_at",
    )  # fmt: skip
    return {
        "id": decision.pk,
        "run": decision.run_id,
        **{name: getattr(decision, name) for name in names},
    }


def _violation(violation: Violation) -> Facts:
    names = ("tool", "args", "message", "ns", "created_at")
    return {
        "run": violation.run_id,
        "decision": violation.verdict.decision_id,
        **{name: getattr(violation, name) for name in names},
    }


def _effect(effect: Effect) -> Facts:
    names = (
        "number", "status", "attempt", "ns", "tool", "call_id", "args", "is_idempotent",
        "started_at", "ended_at", "error",
    )  # fmt: skip
    return {
        "id": effect.pk,
        "run": effect.run_id,
        "runner": str(effect.runner) if effect.runner else None,
        "decision": effect.decision_id,
        "settled_by": effect.settled_by_id,
        **{name: getattr(effect, name) for name in names},
    }


def _checkpoints(thread: Thread) -> Iterator[Facts]:
    rows = thread.checkpoints.order_by("checkpoint_id", "ns").values_list("ns", "checkpoint_id")
    for ns, checkpoint_id in list(rows):
        stored = history.raw(thread=thread, checkpoint_id=checkpoint_id, ns=ns)
        yield dict(stored)  # type: ignore[arg-type]  # of names
