"""A thread: its story, its runs, its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents import reviews, roles
from agents.exceptions import NotFound
from agents.live.story import Passage, tell
from agents.live.tools import why_unheld
from agents.live.topic import Topic, Viewer
from agents.models import Checkpoint, Interrupt, Run, Runner, Thread, Violation
from agents.reviews.conversation import conversation

MESSAGES = 60  # shown at first; earlier ones are a click away
RUNS = 50
CHECKPOINTS = 50
VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread as its page shows it."""

    row: Thread
    story: list[Passage]
    earlier: int  # messages before the story
    has_messages: bool
    pending: list[Interrupt]
    runs: list[Run]
    active: Run | None
    checkpoints: list[Checkpoint]
    violations: list[Violation]  # newest first
    runners: int  # online and serving the agent
    unheld: str  # why none of them may run it
    last_seen: Runner | None  # the runner that served the agent last
    may_cancel: bool
    console: str


def thread(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """Everything the page of a thread shows. Nine queries.

    Raises:
        NotFound: there is no such thread.
    """
    row = Thread.objects.select_related("agent", "created_by").filter(pk=topic.pk).first()
    if row is None:
        raise NotFound(f"There is no thread {topic.pk}.")
    entries = conversation(row.snapshot)
    asked = list(row.interrupts.select_related("decision__decided_by").order_by("pk"))
    story = tell(entries, [(item, *_read(row, item)) for item in asked])
    hidden = 0 if topic.filters.get("messages") == "all" else max(len(story) - MESSAGES, 0)
    runs = list(row.runs.select_related("created_by", "runner", "cancel_requested_by")[:RUNS])
    serving = Runner.objects.serving(row.agent.name)
    online = list(serving.online())
    return {
        "thread": ThreadView(
            row=row,
            story=story[hidden:],
            earlier=hidden,
            has_messages=bool(entries),
            pending=[item for item in asked if item.status == Interrupt.Status.PENDING],
            runs=runs,
            active=next((run for run in runs if run.status in Run.ACTIVE), None),
            checkpoints=list(_checkpoints(row)),
            violations=list(_violations(row)),
            runners=len(online),
            unheld=why_unheld(row.agent, online),
            last_seen=serving.order_by("-last_seen_at").first(),
            may_cancel=viewer.user.has_perm(roles.START),
            console=viewer.console,
        )
    }


def _read(row: Thread, item: Interrupt) -> tuple[reviews.Request, list[Any] | None]:
    request = reviews.read(
        item.value,
        kind=item.kind,  # type: ignore[arg-type]  # checked by the choices
        response_schema=item.response_schema,
        tools=row.agent.tools,
    )
    decision = getattr(item, "decision", None)
    return request, decision.actions if decision else None


def _violations(row: Thread) -> Any:
    made = Violation.objects.filter(run__thread=row)
    return made.select_related("verdict__decision__interrupt", "run")[:VIOLATIONS]


def _checkpoints(row: Thread) -> Any:
    newest = row.checkpoints.filter(ns="").order_by("-checkpoint_id")
    return newest.only("checkpoint_id", "parent_id", "metadata", "run", "created_at")[:CHECKPOINTS]
