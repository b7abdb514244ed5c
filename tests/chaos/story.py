"""The story of a thread that broke a rule: what each part of the system says about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from agents.models import Decision, Thread
from tests.chaos import ledger
from tests.chaos.judge import Violation
from tests.chaos.world import World

LINES = 80  # of the logs


def tell(world: World, thread_id: str, violations: Sequence[Violation]) -> None:
    """Print everything that is known about one thread."""
    sys.stdout.write(f"===== thread {thread_id or '(none)'}\n")
    for violation in violations:
        if violation.thread == thread_id:
            sys.stdout.write(f"!! {violation.rule}: {violation.what}\n")
    thread = Thread.objects.select_related("agent").filter(thread_id=thread_id).first()
    if thread is not None:
        for line in _told(world, thread):
            sys.stdout.write(line + "\n")


def _told(world: World, thread: Thread) -> Iterator[str]:
    yield f"{thread.pk} {thread.agent.name}, {thread.status}"
    for run in thread.runs.order_by("pk").select_related("runner"):
        yield (
            f"run {run.pk} {run.trigger} {run.status}, attempt {run.attempt} by {run.runner}, "
            f"{run.created_at:%T} {run.finished_at} {run.error} {run.message} {run.refused}"
        )
        if run.input is not None:
            yield f"  input {run.input}"
    for asked in thread.interrupts.order_by("pk"):
        yield f"interrupt {asked.pk} of run {asked.run_id}: {asked.status} {asked.value}"
    for made in Decision.objects.filter(interrupt__thread=thread).order_by("pk"):
        yield (
            f"decision {made.pk} on {made.interrupt_id}: {made.status} {made.actions} by "
            f"{made.decided_by}, {made.decided_at:%T.%f} {made.delivered_at} {made.applied_at}"
        )
    for effect in thread.effects.order_by("pk"):
        yield (
            f"effect {effect.pk} {effect} #{effect.number} {effect.status}, run {effect.run_id} "
            f"attempt {effect.attempt}, key {effect.key[:8]}, execution {effect.execution[:8]}, "
            f"{effect.started_at:%T.%f} {effect.ended_at} {effect.args} {effect.error}"
        )
    for found in ledger.deeds(world.ledger).items():
        (name, _call), deeds = found
        if name == thread.thread_id:
            yield from (f"ledger {deed}" for deed in deeds)
    runs = [f"run {pk}" for pk in thread.runs.values_list("pk", flat=True)]
    needles = (thread.thread_id, *(f"{run} " for run in runs), *(f"{run}:" for run in runs))
    for log in world.logs():
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        about = [line for line in lines if any(needle in line for needle in needles)]
        yield from (f"{log.stem}: {line[:400]}" for line in about[-LINES:])
