"""Show a thread from the terminal."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.models import Decision, Interrupt, Run, Thread
from reviewconsole.protocol.tagged import tag


class Command(BaseCommand):
    """Print a thread as one JSON object."""

    help = "Print a thread as JSON: status, values, next, interrupts, runs, decisions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the thread's id."""
        parser.add_argument("thread", help="the thread's id")

    def handle(self, *, thread: str, **_: Any) -> None:
        """Print it, or say that there is none."""
        row = Thread.objects.select_related("agent").filter(thread_id=thread).first()
        if row is None:
            raise CommandError(f"There is no thread {thread!r}.")
        self.stdout.write(json.dumps(describe(row), indent=2))


def describe(thread: Thread) -> dict[str, Any]:
    """The thread as tagged JSON (see `protocol.tagged`). Queries: 3."""
    runs = list(thread.runs.order_by("pk"))
    interrupts = thread.interrupts.order_by("pk")
    decisions = Decision.objects.filter(interrupt__thread=thread).select_related("decided_by")
    return {
        "thread": thread.thread_id,
        "agent": thread.agent.name,
        "title": thread.title,
        "status": thread.status,
        "values": tag(thread.snapshot),
        "next": _next(runs),
        "interrupts": [_interrupt(interrupt) for interrupt in interrupts],
        "runs": [_run(run) for run in runs],
        "decisions": [_decision(decision) for decision in decisions],
    }


def _next(runs: list[Run]) -> list[str]:
    return runs[-1].next if runs and runs[-1].status == Run.Status.INTERRUPTED else []


def _interrupt(interrupt: Interrupt) -> dict[str, Any]:
    return {
        "id": interrupt.pk,
        "run": interrupt.run_id,
        "status": interrupt.status,
        "kind": interrupt.kind,
        "node": interrupt.node,
        "value": tag(interrupt.value),
        "fingerprint": interrupt.fingerprint,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk,
        "trigger": run.trigger,
        "status": run.status,
        "attempt": run.attempt,
        "error": run.error,
        "message": run.message,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "interrupt": decision.interrupt_id,
        "run": decision.run_id,
        "by": decision.decided_by.get_username(),
        "status": decision.status,
        "actions": tag(decision.actions),
        "resume": tag(decision.resume),
        "summary": decision.summary,
    }
