"""Receipts: how far a decision has come, what came of it, and what is to decide next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from agents.live import serving
from agents.live.tools import why_unheld
from agents.models import Agent, Decision, Interrupt, Run, Runner
from agents.prepared import Given, Prepared
from agents.reviews.paths import join
from reviewconsole.protocol.moving import path_of
from reviewconsole.protocol.values import Moving


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
    unheld: str  # why those that are online may not run the agent, whose calls are to be held
    anew: Interrupt | None  # what its task asked instead, where the decision does not count
    dismissed: Decision | None  # the decision that withdrew it before it was sent
    next_pause: Interrupt | None  # what the thread asks now, else what waits longest of all

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
        waiting = "now" if self.counts else "failed"
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
    def counts(self) -> bool:
        """Whether the agent goes on with this decision, or did."""
        return not (self.is_refused or self.is_withdrawn or self.is_lost)

    @property
    def is_refused(self) -> bool:
        """Whether the runner found another pause than the reviewer was shown."""
        return self.decision.status == Decision.Status.REFUSED

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was taken back: to be asked again, or because the thread was dismissed."""
        return self.decision.status == Decision.Status.WITHDRAWN

    @property
    def is_over(self) -> bool:
        """Whether the run that carries the decision has ended, well or not."""
        return self.run is not None and self.run.status not in Run.ACTIVE

    @property
    def is_lost(self) -> bool:
        """Whether the run ended before the agent took the decision."""
        does_not_count = self.is_refused or self.is_withdrawn
        return self.is_over and not does_not_count and self.decision.applied_at is None

    @property
    def is_next_here(self) -> bool:
        """Whether the next pause is of the same thread."""
        here = self.decision.interrupt.thread_id
        return self.next_pause is not None and self.next_pause.thread_id == here

    @property
    def moved_at(self) -> tuple[str, ...]:
        """Where the question that its task asked instead is another one, path by path."""
        parts = (Moving(**part) for part in (self.anew.moving if self.anew else ()))
        return tuple(join("", *path_of(part)) or "the list itself" for part in parts)


def receipt(asked: Interrupt) -> Receipt | None:
    """How far the decision on this interrupt has come; None while there is none.

    At most six queries, and one more where no runner that is online can hold tool calls.
    """
    decision: Decision | None = getattr(asked, "decision", None)
    if decision is None:
        return None
    run = decision.run
    online, seen_at, unheld = True, None, ""
    if decision.applied_at is None and run is not None and run.status in Run.ACTIVE:
        online, seen_at, unheld = _runners(asked.thread.agent, run)
    is_void = decision.status in (Decision.Status.REFUSED, Decision.Status.WITHDRAWN)
    return Receipt(
        decision=decision,
        run=run,
        undecided=tuple(_UNDECIDED(run=asked.run_id)) if run is None else (),
        is_runner_online=online,
        runner_seen_at=seen_at,
        unheld=unheld,
        anew=asked_anew(asked) if is_void else None,
        dismissed=_dismissed(asked) if is_void and run is None else None,
        next_pause=next_pause(asked),
    )


def next_pause(asked: Interrupt) -> Interrupt | None:
    """What to decide after this. At most two queries."""
    pause = {"run": asked.run_id, "thread": asked.thread_id}
    return next(iter(_NEXT_HERE(**pause) or _NEXT(**pause)), None)


def _undecided() -> QuerySet[Interrupt]:
    of_the_pause = Interrupt.objects.pending().filter(run=Given("run", int))
    return of_the_pause.order_by("position").only(*_TOLD)


def _next() -> QuerySet[Interrupt]:
    others = Interrupt.objects.pending().exclude(run=Given("run", int))
    return others.order_by("pk").only(*_TOLD)


_TOLD = ("status", "kind", "dialect", "headline", "thread")
_UNDECIDED = Prepared(_undecided)
_NEXT_HERE = Prepared(lambda: _next().filter(thread=Given("thread", int))[:1])
_NEXT = Prepared(lambda: _next()[:1])


def asked_again(asked: Interrupt) -> Run | None:
    """The run that takes the agent back to a superseded question, and who began it. One query."""
    if asked.status != Interrupt.Status.SUPERSEDED:
        return None
    later = Run.objects.filter(thread=asked.thread_id, pk__gt=asked.run_id)
    again = later.filter(trigger=Run.Trigger.ASK_AGAIN).select_related("created_by")
    return again.order_by("pk").first()


def asked_anew(asked: Interrupt) -> Interrupt | None:
    """What the task of a question asked next: of the same call, if it runs several. One query."""
    of_its_task = Interrupt.objects.filter(
        thread=asked.thread_id, checkpoint_id=asked.checkpoint_id, task_id=asked.task_id
    )
    later = list(of_its_task.filter(pk__gt=asked.pk).order_by("pk"))
    same_call = (row for row in later if row.call_ids == asked.call_ids)
    anew = next((row for row in same_call if row.origin == asked.origin), None)
    return anew or next(iter(later), None)


def _dismissed(asked: Interrupt) -> Decision | None:
    of_the_pause = Decision.objects.filter(interrupt__run=asked.run_id)
    by = of_the_pause.filter(then=Decision.Then.FINISH).select_related("decided_by")
    return by.first()


def _runners(agent: Agent, run: Run) -> tuple[bool, datetime | None, str]:
    """Whether a runner serves the agent now, when one was heard last, why none may take the run."""
    if online := serving.online(agent.name):
        return True, None, why_unheld(agent, online, run)
    heard = Runner.objects.serving(agent.name).order_by("-last_seen_at")
    last = heard.values_list("last_seen_at", flat=True).first()
    return False, last, ""
