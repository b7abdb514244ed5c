"""The requests of the checkpoint store: what LangGraph's saver asks, and what people read too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from reviewconsole.protocol.values import ChannelValue, Scope, Write


@dataclass(frozen=True, slots=True)
class Put:
    """Store a checkpoint and the channel values that are new in it."""

    code: ClassVar[int] = 1
    scope: Scope
    thread: str
    ns: str
    checkpoint_id: str
    parent_id: str | None
    document: bytes  # msgpack of LangGraph's checkpoint without the values stored in `values`
    metadata: bytes  # tagged JSON text, UTF-8
    values: tuple[ChannelValue, ...]


@dataclass(frozen=True, slots=True)
class PutWrites:
    """Store the pending writes of a task; may come before the `Put` of its checkpoint."""

    code: ClassVar[int] = 2
    scope: Scope
    thread: str
    ns: str
    checkpoint_id: str
    task_id: str
    task_path: str
    replace: bool  # all writes are special ones: they replace; otherwise the first write stays
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Read one checkpoint with its writes: the named one, else the newest of the namespace."""

    code: ClassVar[int] = 3
    scope: Scope
    thread: str
    ns: str
    checkpoint_id: str | None


@dataclass(frozen=True, slots=True)
class List:
    """Read checkpoints, newest first; without thread all of the owner's agent, without ns all."""

    code: ClassVar[int] = 4
    scope: Scope
    thread: str | None
    ns: str | None
    checkpoint_id: str | None
    metadata: dict[str, Any] | None  # equality on top-level keys
    before: str | None  # a checkpoint id: only older ones
    limit: int | None


@dataclass(frozen=True, slots=True)
class DeleteThread:
    """Delete a thread that has no runs, with all its checkpoints."""

    code: ClassVar[int] = 5
    scope: Scope
    thread: str


@dataclass(frozen=True, slots=True)
class CopyThread:
    """Copy a whole thread of the owner's agent to another id, which no thread may have yet."""

    code: ClassVar[int] = 6
    scope: Scope
    thread: str
    target: str


@dataclass(frozen=True, slots=True)
class Show:
    """Keep what people read of channels whose checkpoints hold no value (delta channels).

    LangGraph rebuilds such values from writes with the agent's own code. They are kept for pages
    alone, by channel and version, and are never read back into a graph.
    """

    code: ClassVar[int] = 7
    scope: Scope
    thread: str
    ns: str
    values: tuple[ChannelValue, ...]


@dataclass(frozen=True, slots=True)
class Prune:
    """Remove all but the newest checkpoint of each namespace of threads: of all, or of none."""

    code: ClassVar[int] = 8
    scope: Scope
    threads: tuple[str, ...]  # those that are not there are passed over


@dataclass(frozen=True, slots=True)
class DeleteForRuns:
    """Delete what runs of the agent's program stored, in whichever of the owner's threads."""

    code: ClassVar[int] = 9
    scope: Scope
    runs: tuple[str, ...]  # `run_id` of LangGraph's metadata


CheckpointRequest: TypeAlias = (
    Put | PutWrites | Get | List | DeleteThread | CopyThread | Show | Prune | DeleteForRuns
)
