"""The path as people walk it, in three calls: start, wait for the pause, decide."""

from __future__ import annotations

from django.contrib.auth.models import User

from agents.models import Decision, Interrupt, Run, Thread
from agents.reviews import ActionDecision, DecisionType
from agents.services import decisions, runs
from reviewconsole.protocol.plain import Plain
from tests.processes import wait_until


def start(agent: str, subject: str = "order 8812") -> Thread:
    """Start a run of a test agent on a new thread."""
    return runs.start(agent=agent, input={"subject": subject}, user=None).thread


def pause(thread: Thread, after: Interrupt | None = None) -> Interrupt:
    """The one pending interrupt of a thread, once it waits; a later one than `after`."""
    later = Interrupt.objects.pending().filter(thread=thread, pk__gt=after.pk if after else 0)
    return wait_until(f"{thread} waits", lambda: later.first())


def respond(interrupt: Interrupt, user: User, words: Plain = "yes") -> Decision:
    """Answer a question."""
    return decisions.submit(
        interrupt=interrupt.pk,
        user=user,
        fingerprint=interrupt.fingerprint,
        decisions=[ActionDecision(DecisionType.RESPOND, answer=words)],
    )


def wait_for_end(thread: Thread, after: Run | None = None) -> Run:
    """The last run of a thread, once it has ended without another pause; later than `after`."""
    over = thread.runs.filter(
        pk__gt=after.pk if after else 0,
        status__in=(Run.Status.SUCCEEDED, Run.Status.FAILED, Run.Status.CANCELLED),
    )
    return wait_until(f"{thread} ends", lambda: over.order_by("-pk").first())
