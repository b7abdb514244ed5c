"""Single checkpoints as people read them: values, tasks, what is next. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from agents.exceptions import NotFound
from agents.history import documents, steps, tasks
from agents.history.documents import SENDS, Document
from agents.history.levels import Levels
from agents.history.steps import Standing
from agents.history.tasks import Task, Trace, Written
from agents.models import Agent, Checkpoint, PendingWrite, Run, Thread
from agents.prepared import Asked, Given, Prepared, together
from agents.reviews.diff import Diff, diff
from agents.services import channel_values
from agents.services.channel_values import ChannelValues, Read
from reviewconsole.protocol.plain import Plain, UnreadableValue


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """A checkpoint, read whole."""

    row: Checkpoint  # with its run, and who asked for that
    parent_id: str | None
    step: int | None
    source: str  # input, loop, update or fork; "": unknown
    nodes: tuple[str, ...]  # that ran to make it
    next: tuple[str, ...]  # of the step that follows; `tasks` says how far each has come
    values: Mapping[str, Plain]  # of the public channels
    internal: Mapping[str, Plain]
    unreadable: Mapping[str, str]  # why, by channel: encrypted, pickled, damaged, too large
    unshown: tuple[str, ...]  # channels that the agent rebuilds itself; nothing was kept here
    tasks: tuple[Task, ...]
    metadata: Mapping[str, Plain]

    @property
    def checkpoint_id(self) -> str:
        """LangGraph's id of it."""
        return self.row.checkpoint_id


def checkpoint(*, thread: Thread, checkpoint_id: str, ns: str = "") -> CheckpointState:
    """Read a checkpoint. Queries: at most 8.

    A value that cannot be read is named in `unreadable`; it is never an error.

    Raises:
        NotFound: the thread has no such checkpoint.
    """
    row = _row(thread, checkpoint_id, ns)
    document = documents.read(bytes(row.document))
    parents, writes, agents = together(
        _ALONE.given(thread=thread.pk, ns=ns, checkpoint_id=row.parent_id),
        _writes(thread, row),
        _AGENT.given(pk=thread.agent_id),
    )
    parent: Checkpoint | None = next(iter(parents), None)
    before = documents.read(bytes(parent.document)) if parent else Document()
    sends_before = (ns, SENDS, before.versions.get(SENDS, ""))  # they name tasks that ran
    keys = channel_values.keys(ns, document)
    blobs = channel_values.stored(thread, keys | {sends_before})
    read = channel_values.decoded([*blobs.values(), *writes])
    by_key = dict(zip(blobs, read, strict=False))
    told = Levels(agents[0].spec)
    values = channel_values.put_together(
        document,
        {key: value for key, value in by_key.items() if key in keys},
        told.rebuilt(ns, row.metadata),
    )
    written = [
        Written(each.task_id, each.task_path, each.channel, _legible(value))
        for each, value in zip(writes, read[len(blobs) :], strict=True)
    ]
    here = Standing(
        document,
        values.internal,
        tasks.traces((each.task_id, each.path, each.channel) for each in written),
    )
    triggers = told.triggers(ns)
    following = steps.following(
        here, triggers, () if triggers is not None else _reported(thread, row)
    )
    return CheckpointState(
        row=row,
        parent_id=row.parent_id,
        step=steps.step(row.metadata),
        source=steps.source(row.metadata),
        nodes=steps.ran(
            row.metadata,
            document,
            Standing(
                before,
                {SENDS: channel_values.if_readable(by_key.get(sends_before))},
                _traces(thread, parent),
            )
            if parent
            else None,
        ),
        next=following,
        values=values.values,
        internal=values.internal,
        unreadable=values.unreadable,
        unshown=values.unshown,
        tasks=tasks.tasks(written, here.sent, following),
        metadata=row.metadata,
    )


def public_values(thread: Thread, checkpoint_id: str) -> ChannelValues:
    """The values alone, of a checkpoint of the root; none if it is unknown. Queries: 3."""
    row = next(iter(_ALONE(thread=thread.pk, ns="", checkpoint_id=checkpoint_id)), None)
    if row is None:
        return ChannelValues({}, {}, {}, ())
    document = documents.read(bytes(row.document))
    blobs = channel_values.stored(thread, channel_values.keys("", document))
    read = dict(zip(blobs, channel_values.decoded([*blobs.values()]), strict=True))
    return channel_values.put_together(document, read, Levels({}).rebuilt("", row.metadata))


def raw(*, thread: Thread, checkpoint_id: str, ns: str = "") -> Plain:
    """Everything that is stored of a checkpoint, as one plain value. Queries: at most 4.

    What cannot be read stands as `{"unreadable": why}`.

    Raises:
        NotFound: the thread has no such checkpoint.
    """
    row = _row(thread, checkpoint_id, ns)
    document = documents.read(bytes(row.document))
    blobs = channel_values.stored(thread, channel_values.keys(ns, document))
    (writes,) = together(_writes(thread, row))
    read = [_told(value) for value in channel_values.decoded([*blobs.values(), *writes])]
    stored: Plain = {
        "thread_id": thread.thread_id,
        "checkpoint_ns": ns,
        "checkpoint_id": checkpoint_id,
        "parent_checkpoint_id": row.parent_id,
        "created_at": row.created_at.isoformat(),
        "run": row.run_id,
        "stored_bytes": row.stored_bytes,
        "metadata": dict(row.metadata),
        "checkpoint": _told(channel_values.decode("msgpack", bytes(row.document))),
        "values": {key[1]: value for key, value in zip(blobs, read, strict=False)},
        "writes": [
            {
                "task_id": each.task_id,
                "task_path": each.task_path,
                "index": each.index,
                "channel": each.channel,
                "value": value,
            }
            for each, value in zip(writes, read[len(blobs) :], strict=True)
        ],
    }
    return stored


def changes(before: CheckpointState | None, after: CheckpointState) -> Diff:
    """What differs between the public values of two checkpoints; against nothing, all is new."""
    old: dict[Any, Plain] = {**before.values} if before else {}
    new: dict[Any, Plain] = {**after.values}
    return diff(old, new)


def levels_of(thread: Thread) -> Levels:
    """What the thread's agent says of its graph. One query."""
    (agent,) = _AGENT(pk=thread.agent_id)
    return Levels(agent.spec)


def _described() -> QuerySet[Agent]:
    return Agent.objects.only("spec").filter(pk=Given("pk", int)).order_by()


_AGENT = Prepared(_described)


def _row(thread: Thread, checkpoint_id: str, ns: str) -> Checkpoint:
    found = []
    if "\0" not in checkpoint_id + ns:  # PostgreSQL cannot even be asked for it
        found = _WITH_RUN(thread=thread.pk, ns=ns, checkpoint_id=checkpoint_id)
    if not found:
        raise NotFound("There is no such checkpoint.")
    return found[0]


def _alone() -> QuerySet[Checkpoint]:
    rows = Checkpoint.objects.filter(
        thread=Given("thread", int), ns=Given("ns", str),
        checkpoint_id=Given("checkpoint_id", str),
    )  # fmt: skip
    return rows.order_by()


_ALONE = Prepared(_alone)
_WITH_RUN = Prepared(lambda: _alone().select_related("run__created_by"))


def _writes(thread: Thread, row: Checkpoint) -> Asked[PendingWrite]:
    return _WRITES.given(thread=thread.pk, ns=row.ns, checkpoint_id=row.checkpoint_id)


def _left() -> QuerySet[PendingWrite]:
    found = PendingWrite.objects.filter(
        thread=Given("thread", int), ns=Given("ns", str),
        checkpoint_id=Given("checkpoint_id", str),
    )  # fmt: skip
    return found.order_by("task_path", "task_id", "index")


_WRITES = Prepared(_left)
_TRACES = Prepared(lambda: _left().values_list("task_id", "task_path", "channel"))


def _traces(thread: Thread, row: Checkpoint) -> tuple[Trace, ...]:
    return tasks.traces(_TRACES(thread=thread.pk, ns=row.ns, checkpoint_id=row.checkpoint_id))


def _reported(thread: Thread, row: Checkpoint) -> list[str]:
    """The nodes that a runner has said to wait at this checkpoint of the root."""
    if row.ns:
        return []
    found = _WAITING(thread=thread.pk, checkpoint_id=row.checkpoint_id)
    return [str(node) for (nodes,) in found for node in nodes or ()]


def _waiting() -> QuerySet[Run, tuple[list[str]]]:
    pauses = Run.objects.filter(
        thread=Given("thread", int), checkpoint_id=Given("checkpoint_id", str),
        status=Run.Status.INTERRUPTED,
    )  # fmt: skip
    return pauses.order_by("-pk").values_list("next")[:1]


_WAITING = Prepared(_waiting)


def _legible(value: Read) -> Plain:
    return f"⟨{value}⟩" if isinstance(value, UnreadableValue) else value


def _told(value: Read) -> Plain:
    return {"unreadable": str(value)} if isinstance(value, UnreadableValue) else value
