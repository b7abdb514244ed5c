"""A thread: its story, its runs, its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from agents import reviews, roles
from agents.exceptions import NotFound
from agents.live import branches, effects, graphs, serving
from agents.live.branches import Branch
from agents.live.story import Passage, date, link, tell
from agents.live.tools import why_unheld
from agents.live.topic import Topic, Viewer
from agents.models import Checkpoint, Interrupt, Run, Runner, Thread, Violation
from agents.prepared import Given, Prepared, together
from agents.reviews.conversation import conversation
from agents.services import history
from agents.services.checkpoint_states import public_values
from reviewconsole.protocol.plain import Plain

MESSAGES = 60  # shown at first; earlier ones are a click away
RUNS = 50
VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class RunView:
    """A run in the list of them."""

    row: Run
    from_step: int | None  # of the checkpoint it went back to
    may_cancel: bool  # here: the active one has its button at the head of the page


@dataclass(frozen=True, slots=True)
class Aside:
    """Another branch than the newest, or an earlier place of it, whose story is told."""

    checkpoint_id: str
    step: int | None
    left: str  # the last checkpoint it has in common with the newest branch; "": not known
    left_step: int | None
    is_past: bool  # the newest branch goes through it


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread as its page shows it."""

    row: Thread
    story: list[Passage]
    earlier: int  # messages before the story
    has_messages: bool
    values: Mapping[str, Plain]  # of the state whose story it is
    aside: Aside | None  # None: the newest branch is told
    elsewhere: int  # pauses that stand on other branches
    pending: list[Interrupt]
    runs: list[RunView]
    active: Run | None
    violations: list[Violation]  # newest first
    runners: int  # online and serving the agent
    unheld: str  # why none of them may run it
    last_seen: Runner | None  # the runner that served the agent last
    may_cancel: bool
    console: str


def thread(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """Everything the page of a thread shows, but the tree. A constant number of queries.

    `branch` among the filters is the checkpoint whose story is told, by default the head's.

    Raises:
        NotFound: there is no such thread, or no such checkpoint in it.
    """
    rows, asked, runs, heads, violations = together(
        *(each.given(thread=topic.pk) for each in (_NAMED, _ASKED, _RUNS, _HEAD, _VIOLATIONS))
    )
    if not rows:
        raise NotFound("There is no such thread.")
    found: Thread = rows[0]
    for row in (*asked, *runs):
        row.thread = found
    head: str = heads[0][0] if heads else ""
    place = topic.filters.get("branch") or head
    values = _values(found, place, head)
    places = {item.checkpoint_id for item in asked} | {run.from_checkpoint_id for run in runs}
    branch = branches.to(found, place, places)
    story, elsewhere = _story(found, values, branch, asked, runs, is_newest=place == head)
    hidden = 0 if topic.filters.get("messages") == "all" else max(len(story) - MESSAGES, 0)
    online, last_seen = serving.online_and_last(found.agent.name)
    pending = list(filter(_waits, asked))
    may_cancel = viewer.may(roles.START)
    return {
        "thread": ThreadView(
            row=found,
            story=story[hidden:],
            earlier=hidden,
            has_messages=any(passage.entry for passage in story),
            values=values,
            aside=_aside(found, branch, head) if place != head else None,
            elsewhere=elsewhere,
            pending=pending,
            runs=[_run(run, branch, may_cancel) for run in runs],
            active=_active(found, runs),
            violations=violations,
            runners=len(online),
            unheld=why_unheld(found.agent, online, next(iter(runs), None)),
            last_seen=last_seen,
            may_cancel=may_cancel,
            console=viewer.console,
        ),
        "picture": graphs.of_thread(found, head, pending),
    }


def _named() -> QuerySet[Thread]:
    rows = Thread.objects.filter(pk=Given("thread", int))
    return rows.select_related("agent", "created_by", "copied_from", "deleted_by")


def _asked() -> QuerySet[Interrupt]:
    rows = Interrupt.objects.filter(thread=Given("thread", int)).order_by("pk")
    return rows.select_related("decision__decided_by", "superseded_by__created_by")


def _runs() -> QuerySet[Run]:
    rows = Run.objects.filter(thread=Given("thread", int))
    shown = rows.select_related("created_by", "runner", "cancel_requested_by", "revises")
    return shown.defer("input", "context", "update")[:RUNS]


def _head() -> QuerySet[Checkpoint, tuple[str]]:
    rows = Checkpoint.objects.filter(thread=Given("thread", int), ns="")
    return rows.order_by("-checkpoint_id").values_list("checkpoint_id")[:1]


def _violations() -> QuerySet[Violation]:
    made = Violation.objects.filter(run__thread=Given("thread", int))
    return made.select_related("verdict__decision__interrupt", "run")[:VIOLATIONS]


_NAMED, _ASKED, _RUNS = Prepared(_named), Prepared(_asked), Prepared(_runs)
_HEAD, _VIOLATIONS = Prepared(_head), Prepared(_violations)


def _values(row: Thread, place: str, head: str) -> Mapping[str, Plain]:
    """The state whose story is told: what the runner told last, or a checkpoint's."""
    told = {str(name): value for name, value in _channels(row.snapshot).items()}
    if not place or place == row.snapshot_checkpoint_id:
        return told
    if place != head:
        return history.checkpoint(thread=row, checkpoint_id=place).values
    state = public_values(row, head)
    return told if "messages" in {*state.unshown, *state.unreadable} else state.values


def _channels(snapshot: Plain) -> Mapping[Any, Plain]:
    return snapshot if isinstance(snapshot, dict) else {}


def _story(
    row: Thread,
    values: Mapping[str, Plain],
    branch: Branch,
    asked: Sequence[Interrupt],
    runs: Sequence[Run],
    *,
    is_newest: bool,
) -> tuple[list[Passage], int]:
    """The story of a branch, and how many pauses stand on others; what waits is in the newest."""
    state: dict[Any, Plain] = dict(values)
    entries = conversation(state)
    here = [item for item in asked if branch.has(item) or (is_newest and _waits(item))]
    notes = branches.notes(branch, [run for run in runs if run.status == Run.Status.FAILED])
    counts = branches.counts(row, branch, notes)
    story = tell(entries, [(item, *read(row, item)) for item in here], notes, counts)
    on_it = set(branch.way)
    date(story, {place: count for place, count in counts.items() if place in on_it})
    link(story, effects.links(row))
    return story, len(asked) - len(here)


def _waits(item: Interrupt) -> bool:
    return item.status == Interrupt.Status.PENDING


def _aside(row: Thread, branch: Branch, head: str) -> Aside:
    newest = set(history.way(thread=row, checkpoint_id=head, limit=branches.LONGEST))
    left = next((place for place in branch.way if place in newest), "")
    steps = branches.steps(row, {branch.checkpoint_id, left})
    return Aside(
        branch.checkpoint_id,
        steps.get(branch.checkpoint_id),
        left,
        steps.get(left),
        is_past=left == branch.checkpoint_id,
    )


def _active(row: Thread, runs: Sequence[Run]) -> Run | None:
    """The run that is queued or running, also where so many wait behind it that it is not shown."""
    shown = next((run for run in runs if run.status in Run.ACTIVE), None)
    return shown if shown or len(runs) < RUNS else row.runs.active().first()


def _run(run: Run, branch: Branch, may_cancel: bool) -> RunView:
    waits = run.status == Run.Status.WAITING
    return RunView(run, branch.steps.get(run.from_checkpoint_id), may_cancel and waits)


def read(row: Thread, item: Interrupt) -> tuple[reviews.Request, list[Any] | None]:
    """What an interrupt asks, and what was decided about each of its actions."""
    request = reviews.read(
        item.value,
        kind=item.kind,  # type: ignore[arg-type]  # checked by the choices
        response_schema=item.response_schema,
        tools=row.agent.tools,
    )
    decision = getattr(item, "decision", None)
    return request, decision.actions if decision else None
