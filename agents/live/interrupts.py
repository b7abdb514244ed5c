"""One interrupt: what became of it, and how far its decision has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.exceptions import NotFound
from agents.live.topic import Topic, Viewer
from agents.models import Decision, Interrupt, Run, Runner


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a receipt; `state` is done, now, ahead or failed."""

    name: str
    state: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far a decision has come: recorded, delivered, applied, and what came of it."""

    decision: Decision
    run: Run | None  # the run that carries it to the agent
    undecided: tuple[Interrupt, ...]  # of the same pause; while there are any, nothing is sent
    is_runner_online: bool  # for the agent; asked only while the decision is under way
    runner_seen_at: datetime | None  # when one was online last; None if none ever was
    next_pause: Interrupt | None  # what the thread asks now

    @property
    def steps(self) -> tuple[Step, ...]:
        """The four steps, in order; at most one is `now`, and nothing is done after it."""
        reached = (
            ("recorded", self.decision.decided_at),
            ("delivered", self.decision.delivered_at),
            ("applied", self.decision.applied_at),
            ("outcome", self.run.finished_at if self.run else None),
        )
        steps: list[Step] = []
        waiting = "failed" if self.is_refused or self.is_lost else "now"
        for name, at in reached:
            if at is not None and waiting != "ahead":
                steps.append(Step(name, self._ended if name == "outcome" else "done", at))
            else:
                steps.append(Step(name, waiting))
                waiting = "ahead"
        return tuple(steps)

    @property
    def _ended(self) -> str:
        return "failed" if self.run is not None and self.run.status == Run.Status.FAILED else "done"

    @property
    def is_refused(self) -> bool:
        """Whether the runner found another pause than the reviewer was shown."""
        return self.decision.status == Decision.Status.REFUSED

    @property
    def is_over(self) -> bool:
        """Whether the run that carries the decision has ended, well or not."""
        return self.run is not None and self.run.status not in Run.ACTIVE

    @property
    def is_lost(self) -> bool:
        """Whether the run ended before the agent took the decision."""
        return self.is_over and not self.is_refused and self.decision.applied_at is None


def interrupt(topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """One interrupt and its receipt. At most five queries.

    Raises:
        NotFound: there is no such interrupt.
    """
    rows = Interrupt.objects.select_related(
        "thread__agent",
        "run__cancel_requested_by",
        "decision__decided_by",
        "decision__run__cancel_requested_by",
    )
    found = rows.filter(pk=topic.pk).first()
    if found is None:
        raise NotFound(f"There is no interrupt {topic.pk}.")
    return {"interrupt": found, "receipt": receipt(found)}


def receipt(asked: Interrupt) -> Receipt | None:
    """How far the decision on this interrupt has come; None while there is none."""
    decision: Decision | None = getattr(asked, "decision", None)
    if decision is None:
        return None
    run = decision.run
    pending = Interrupt.objects.pending().filter(thread=asked.thread_id).order_by("pk")
    online, seen_at = True, None
    if decision.applied_at is None and run is not None and run.status in Run.ACTIVE:
        online, seen_at = _runners(asked.thread.agent.name)
    return Receipt(
        decision=decision,
        run=run,
        undecided=tuple(pending.filter(run=asked.run_id)) if run is None else (),
        is_runner_online=online,
        runner_seen_at=seen_at,
        next_pause=pending.exclude(run=asked.run_id).first(),
    )


def _runners(agent: str) -> tuple[bool, datetime | None]:
    """Whether a runner serves the agent now, and when one was heard last."""
    serving = Runner.objects.serving(agent)
    if serving.online().exists():
        return True, None
    return False, serving.order_by("-last_seen_at").values_list("last_seen_at", flat=True).first()
