"""What the messages of the wire are made of: stored values, and the right to act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Whole:
    """A stored value as one piece: LangGraph's (type, bytes)."""

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """A stored msgpack array as parts: the hashes of all, the bytes of those not sent before."""

    kind: str
    hashes: bytes  # 16 bytes an element, in order
    new: tuple[bytes, ...]


Value: TypeAlias = Whole | Parts


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act for a run: its id and the attempt this runner was given."""

    run: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Owner:
    """The agent a thread belongs to, for checkpoint work outside of any run."""

    agent: str


Scope: TypeAlias = Lease | Owner
"""By what right checkpoint work is done; a thread with runs is written under a lease only."""


@dataclass(frozen=True, slots=True)
class Write:
    """One pending write of a task: its index in the call, the channel and the value."""

    index: int  # negative for LangGraph's special channels (error, scheduled, interrupt, resume)
    channel: str
    value: Value


@dataclass(frozen=True, slots=True)
class ChannelValue:
    """The value of a channel at one of its versions."""

    channel: str
    version: str
    value: Value


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """A pending write as it is read back."""

    task_id: str
    channel: str
    value: Whole


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as it is read back, with its writes in (task path, task id, index) order."""

    thread: str
    ns: str
    checkpoint_id: str
    parent_id: str | None
    document: bytes
    metadata: bytes
    values: tuple[ChannelValue, ...]
    writes: tuple[StoredWrite, ...]


@dataclass(frozen=True, slots=True)
class Moving:
    """A part of a question that is another one each time the agent asks; see `moving`."""

    path: str  # tagged JSON of the path, an array of keys and positions
    how: str  # "value": anything may stand there; "order": the same items in any order


@dataclass(frozen=True, slots=True)
class Travel:
    """Where in the past a run begins, and what it changes there. The past itself stays as it is."""

    checkpoint_id: str
    ns: str  # "" at the root, else the namespace of a graph inside
    update: Whole | None  # channels of the state and their values, a map; None: nothing is written
    as_node: str | None  # whose writes they are; None: of the node that ran last; "__end__": finish
    stays: bool  # whether nothing runs afterwards
    next: tuple[str, ...]  # the nodes that were next there, as people were told
