"""Single checkpoints as people read them: values, tasks, what is next. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.models import Checkpoint, Thread
from agents.reviews.diff import Diff
from reviewconsole.protocol.plain import Plain


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the step that follows a checkpoint, as far as it has come."""

    task_id: str
    node: str  # "": unknown
    path: str
    writes: tuple[tuple[str, Plain], ...]  # (channel, value), LangGraph's own left out
    interrupts: tuple[Plain, ...]  # the values it asked
    answers: tuple[Plain, ...]  # the values it was resumed with
    error: str
    finished: bool
    by_fork: bool  # no task, but a change written beside the step


@dataclass(frozen=True, slots=True)
class CheckpointState:
    """A checkpoint, read whole."""

    row: Checkpoint
    parent_id: str | None
    step: int | None
    source: str  # input, loop, update or fork; "": unknown
    nodes: tuple[str, ...]  # that ran to make it
    next: tuple[str, ...]  # that run after it
    values: Mapping[str, Plain]  # of the public channels
    internal: Mapping[str, Plain]
    unreadable: Mapping[str, str]  # why, by channel: encrypted, pickled, damaged, too large
    unshown: tuple[str, ...]  # channels that the agent rebuilds itself; nothing was kept here
    tasks: tuple[Task, ...]
    metadata: Mapping[str, Plain]


def checkpoint(*, thread: Thread, checkpoint_id: str, ns: str = "") -> CheckpointState:
    """Read a checkpoint. Queries: at most 8.

    A value that cannot be read is named in `unreadable`; it is never an error.

    Raises:
        NotFound: the thread has no such checkpoint.
    """
    raise NotImplementedError


def raw(*, thread: Thread, checkpoint_id: str, ns: str = "") -> Plain:
    """Everything that is stored of a checkpoint, as one plain value. Queries: at most 4.

    Raises:
        NotFound: the thread has no such checkpoint.
    """
    raise NotImplementedError


def changes(before: CheckpointState | None, after: CheckpointState) -> Diff:
    """What differs between the public values of two checkpoints; against nothing, all is new."""
    raise NotImplementedError
