"""Where a thread went from a question: the replay or fork that closed it, or asks it again."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from agents.live.receipts import asked_anew
from agents.models import Checkpoint, Interrupt, Run
from agents.prepared import Given, Prepared


@dataclass(frozen=True, slots=True)
class Journey:
    """A replay or fork as the page of a question tells of it."""

    run: Run  # with who ordered it
    step: int | None  # of the checkpoint it goes back to; None where that was pruned
    asks: Interrupt | None  # what is asked because of it
    is_for_nothing: bool  # it ended, and the thread stands where it stood

    @property
    def word(self) -> str:
        """What was done to the thread."""
        return "forked" if self.run.trigger == Run.Trigger.FORK else "replayed"


def elsewhere(asked: Interrupt) -> Journey | None:
    """The replay or fork that superseded a question, and what asks it anew. Queries: 3.

    The run has to be loaded with the question.
    """
    run = asked.superseded_by
    if run is None or run.trigger not in Run.TRAVELS:
        return None
    return Journey(run, _step(run), asked_anew(asked), run.has_changed_nothing())


def revision(asked: Interrupt) -> Journey | None:
    """The replay that asks a decided question again, the newest. At most 3 queries, mostly 1."""
    run = next(iter(_REVISION(asked=asked.pk)), None)
    if run is None:
        return None
    return Journey(run, _step(run), run.interrupts.order_by("position").first(), False)


def _revision() -> QuerySet[Run]:
    runs = Run.objects.effective().filter(revises=Given("asked", int))
    return runs.select_related("created_by").order_by("-pk")[:1]


_REVISION = Prepared(_revision)


def asked_after(asked: Interrupt) -> Run | None:
    """The run that had taken this open question from people for nothing. Query: at most 1.

    Its run has to be loaded with the question.
    """
    run = asked.run
    if asked.status != Interrupt.Status.PENDING:
        return None
    if run.status == Run.Status.CANCELLED:
        return run  # such a run asks nothing of its own
    stopped = run.status == Run.Status.FAILED or run.refused
    return run if stopped and run.has_changed_nothing() else None


def _step(run: Run) -> int | None:
    at = Checkpoint.objects.filter(
        thread=run.thread_id, ns=run.from_ns, checkpoint_id=run.from_checkpoint_id
    )
    metadata = at.values_list("metadata", flat=True).first()
    step = metadata.get("step") if isinstance(metadata, dict) else None
    return step if isinstance(step, int) else None
