"""The tasks of the step that follows a checkpoint, as their writes tell of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.history.documents import is_internal, task_node
from reviewconsole.protocol.plain import Plain, Typed

BESIDE = "00000000-0000-0000-0000-000000000000"
"""The id of no task: LangGraph stores changes under it that are made beside an open step."""

_SPECIAL = {"__error__", "__scheduled__", "__interrupt__", "__resume__"}


@dataclass(frozen=True, slots=True)
class Trace:
    """What a task has left in the store, without the values."""

    task_id: str
    path: str  # as LangGraph writes it
    channels: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether it has run to its end: it wrote, if only that there is nothing to write."""
        return self.task_id != BESIDE and not _SPECIAL.issuperset(self.channels)


@dataclass(frozen=True, slots=True)
class Written:
    """One write of a task."""

    task_id: str
    path: str
    channel: str
    value: Plain


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the step that follows a checkpoint, as far as it has come."""

    task_id: str  # "": it has stored nothing yet
    node: str  # "": unknown
    path: str
    writes: tuple[tuple[str, Plain], ...] = ()  # (channel, value); LangGraph's own left out
    interrupts: tuple[Plain, ...] = ()  # the values it asked
    answers: tuple[Plain, ...] = ()  # the values it was resumed with
    error: str = ""
    finished: bool = False
    by_fork: bool = False  # no task: a change that was made beside the step


def traces(writes: Iterable[tuple[str, str, str]]) -> tuple[Trace, ...]:
    """Fold the writes of one checkpoint, (task id, path, channel), into one trace a task."""
    channels: dict[str, list[str]] = {}
    paths: dict[str, str] = {}
    for task_id, path, channel in writes:
        channels.setdefault(task_id, []).append(channel)
        paths[task_id] = path or paths.get(task_id, "")
    return tuple(Trace(task, paths[task], tuple(names)) for task, names in channels.items())


def tasks(
    written: Iterable[Written], sent: Sequence[str], following: Iterable[str]
) -> tuple[Task, ...]:
    """The tasks that have written, then those of the nodes that follow without any write.

    `sent` are the nodes that the checkpoint's sends call.
    """
    by_task: dict[str, list[Written]] = {}
    for each in written:
        by_task.setdefault(each.task_id, []).append(each)
    begun = [_task(wrote, sent) for wrote in by_task.values()]
    begun = [task for task in begun if not task.by_fork or task.writes or task.answers]
    missing = Counter(following) - Counter(task.node for task in begun)
    return (*begun, *(Task("", node, "") for node in missing.elements()))


def _task(wrote: Sequence[Written], sent: Sequence[str]) -> Task:
    (trace,) = traces((each.task_id, each.path, each.channel) for each in wrote)

    def said(channel: str) -> list[Plain]:
        return [each.value for each in wrote if each.channel == channel]

    return Task(
        task_id=trace.task_id,
        node=task_node(trace.path, sent),
        path=trace.path,
        writes=tuple((each.channel, each.value) for each in wrote if not is_internal(each.channel)),
        interrupts=tuple(map(_question, _flat(said("__interrupt__")))),
        answers=tuple(_flat(said("__resume__"))),
        error="; ".join(map(_text, said("__error__"))),
        finished=trace.finished,
        by_fork=trace.task_id == BESIDE,
    )


def _flat(values: Iterable[Plain]) -> Iterator[Plain]:
    """All of a task's interrupts are one list, and so are its answers; beside it stands a value."""
    for value in values:
        yield from value if isinstance(value, list) else [value]


def _question(interrupt: Plain) -> Plain:
    match interrupt:
        case Typed(payload={"value": value}):
            asked: Plain = value
            return asked
    return interrupt


def _text(error: Plain) -> str:
    return error.type_name if isinstance(error, Typed) else str(error)
