"""How a checkpoint came to be, and what follows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agents.history import documents
from agents.history.documents import SENDS, Document, Triggers, task_node
from agents.history.tasks import Trace
from reviewconsole.protocol.marks import AS_NODE
from reviewconsole.protocol.plain import Plain

_START = "__start__"


@dataclass(frozen=True, slots=True)
class Standing:
    """A checkpoint with what its step needs: its internal values, and the traces of its tasks."""

    document: Document
    internal: Mapping[str, Plain]
    traces: tuple[Trace, ...] = ()

    @property
    def sent(self) -> tuple[str, ...]:
        """The nodes that its sends call."""
        return documents.sends(self.internal.get(SENDS))

    def named(self) -> tuple[str, ...]:
        """The nodes whose tasks have left something, each once."""
        nodes = (task_node(trace.path, self.sent) for trace in self.traces)
        return tuple(dict.fromkeys(node for node in nodes if node))

    def finished(self) -> tuple[str, ...]:
        """The nodes whose tasks are done, each once."""
        nodes = (task_node(trace.path, self.sent) for trace in self.traces if trace.finished)
        return tuple(dict.fromkeys(node for node in nodes if node))


def source(metadata: Mapping[str, Plain]) -> str:
    """What LangGraph says it was made by: input, loop, update or fork; "" if nothing."""
    said = metadata.get("source")
    return said if isinstance(said, str) else ""


def step(metadata: Mapping[str, Plain]) -> int | None:
    """The number of its superstep."""
    said = metadata.get("step")
    return said if isinstance(said, int) else None


def ran(
    metadata: Mapping[str, Plain], document: Document, parent: Standing | None
) -> tuple[str, ...]:
    """The nodes that ran to make a checkpoint, each once; of an update, whose writes it has.

    A copy of a checkpoint beside it was made by the nodes that made the checkpoint.

    Without a parent that is kept, none: what nodes have seen goes back to the beginning.
    """
    if parent is None:
        return ()
    match source(metadata):
        case "loop":
            seen = document.ran_since(parent.document)  # pruned writes tell nothing
            return tuple(dict.fromkeys([*parent.finished(), *seen]))
        case "update":
            named = metadata.get(AS_NODE)
            if not isinstance(named, str):
                return document.ran_since(parent.document)
            return () if named.startswith("__") else (named,)  # a copy, or the end
        case "fork":
            return document.ran_since(parent.document)
    return ()


def following(
    standing: Standing, triggers: Triggers | None, reported: Iterable[str] = ()
) -> tuple[str, ...]:
    """The nodes of the step that follows, also those that are done with it. Never raises.

    Without `triggers` the names of channels tell most; the tasks, and the nodes that a runner has
    `reported` to wait here, tell the rest.
    """
    told = standing.document.next_nodes(standing.internal, triggers)
    if triggers is not None:
        return told
    more = [node for node in (*standing.named(), *reported) if node not in told]
    if more and _START not in standing.named():  # it has another name in this graph
        told = tuple(node for node in told if node != _START)
    return (*told, *dict.fromkeys(more))
