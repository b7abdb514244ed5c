"""Every message of the runner wire, by direction: frozen values, and nothing that acts.

A runner *asks* (a `Request`), the console answers each request with a `Result`; what the console
sends of its own accord is a `Hint`, which may be lost without harm. `docs/runner-protocol.md`
explains when each is sent. Field types are the wire types: `codec` checks them one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias

from reviewconsole.protocol.checkpoint_messages import (
    CheckpointRequest as CheckpointRequest,
    CopyThread as CopyThread,
    DeleteForRuns as DeleteForRuns,
    DeleteThread as DeleteThread,
    Get as Get,
    List as List,
    Prune as Prune,
    Put as Put,
    PutWrites as PutWrites,
    Show as Show,
)
from reviewconsole.protocol.tool_messages import (
    Admission as Admission,
    CallEnded as CallEnded,
    CallTool as CallTool,
    Outcome as Outcome,
    Verdict as Verdict,
)
from reviewconsole.protocol.values import (
    ChannelValue as ChannelValue,
    Lease as Lease,
    Moving as Moving,
    Owner as Owner,
    Parts as Parts,
    Scope as Scope,
    StoredCheckpoint as StoredCheckpoint,
    StoredWrite as StoredWrite,
    Travel as Travel,
    Value as Value,
    Whole as Whole,
    Write as Write,
)

VERSION = 2
"""The version of this protocol. A runner that speaks another is refused with close code 4426."""


# Requests: the life of a run -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first request on every connection: who asks, for which agents, holding which runs."""

    code: ClassVar[int] = 10
    version: int
    instance: str  # one id for the life of the process: a reconnect keeps its runs
    name: str  # what people see, by default host and process id
    capacity: int  # runs it executes at once
    agents: tuple[dict[str, Any], ...]  # descriptions: name, description, graph, schemas, tools …
    versions: dict[str, Any]
    held: tuple[Lease, ...]
    cannot_gate: str | None = None  # why it cannot hold or refuse tool calls; None: it can


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Renew the leases of the runs in hand."""

    code: ClassVar[int] = 11
    held: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Ask for at most `free` queued runs of the agents named in the hello."""

    code: ClassVar[int] = 12
    free: int


@dataclass(frozen=True, slots=True)
class Release:
    """Hand a run back, unfinished: the next runner takes it up where it stands."""

    code: ClassVar[int] = 13
    lease: Lease


@dataclass(frozen=True, slots=True)
class PostedInterrupt:
    """One question of a pause, as the runner found it in the store."""

    kind: str  # "interrupt", "breakpoint" or "node_interrupt" (deprecated; takes no answer)
    interrupt_id: str
    task_id: str
    ns: str  # checkpoint namespace of the task, "" at the root
    node: str
    value: Whole
    response_schema: dict[str, Any] | None
    fingerprint: str
    call_ids: tuple[str, ...] = ()  # of the tool calls it asks about, in its order; "" if unknown
    origin: dict[str, Any] | None = None  # {"tool", "call_id"} or {"edge": True}; None: a node


@dataclass(frozen=True, slots=True)
class Paused:
    """The run's stream has ended at a pause; all of it is stored."""

    code: ClassVar[int] = 14
    lease: Lease
    checkpoint_id: str
    snapshot: Whole  # the state's public values
    next: tuple[str, ...]
    interrupts: tuple[PostedInterrupt, ...]
    refused: str | None  # why the decisions of this run were not applied, None if they were


@dataclass(frozen=True, slots=True)
class Finished:
    """The run has reached its end."""

    code: ClassVar[int] = 15
    lease: Lease
    checkpoint_id: str | None
    snapshot: Whole
    next: tuple[str, ...] = ()  # the nodes that a fork stays before; nothing runs them by itself


@dataclass(frozen=True, slots=True)
class Failed:
    """The run has ended with an error."""

    code: ClassVar[int] = 16
    lease: Lease
    error: str  # the exception's type
    message: str
    traceback: str
    checkpoint_id: str | None
    snapshot: Whole | None
    next: tuple[str, ...] = ()
    interrupts: tuple[PostedInterrupt, ...] = ()  # what waits all the same


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The run has stopped because it was cancelled."""

    code: ClassVar[int] = 17
    lease: Lease


@dataclass(frozen=True, slots=True)
class Delivered:
    """The run's decisions match the live pause and are being handed to the graph."""

    code: ClassVar[int] = 18
    lease: Lease


@dataclass(frozen=True, slots=True)
class Applied:
    """The paused task has taken these decisions and gone on."""

    code: ClassVar[int] = 19
    lease: Lease
    decisions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run is at, for people who watch. May be lost or left out; says whole state."""

    code: ClassVar[int] = 21
    lease: Lease
    step: int | None  # of the root
    nodes: tuple[str, ...]  # that run now; those of a graph inside as `outer:inner`
    text: str  # what the model has said so far in this step, at most a few kB of its end


Request: TypeAlias = (
    CheckpointRequest
    | Hello | Heartbeat | Claim | Release | Paused | Finished | Failed | Cancelled
    | Delivered | Applied | CallTool | CallEnded | Progress
)  # fmt: skip


# Results -------------------------------------------------------------------------------------


class RefusalCode(StrEnum):
    """Why a request was refused; the connection goes on."""

    FENCED = "fenced"  # the lease is over: another attempt, another runner, or the run has ended
    FORBIDDEN = "forbidden"  # the token does not serve this agent or thread
    INVALID = "invalid"  # the request contradicts itself or the state of the run
    MISSING_PARTS = "missing_parts"  # a hash names a part the console lacks: send it whole
    TOO_LARGE = "too_large"  # the reply would exceed the frame limit
    UNAVAILABLE = "unavailable"  # the database did not answer: try again


@dataclass(frozen=True, slots=True)
class Refused:
    """This one request was refused; others of its frame may have been done."""

    code: ClassVar[int] = 40
    reason: RefusalCode
    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """The request was done and has nothing to tell."""

    code: ClassVar[int] = 41


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to a hello."""

    code: ClassVar[int] = 42
    version: int
    runner: int
    lease_seconds: float
    heartbeat_seconds: float
    max_frame_bytes: int
    lost: tuple[Lease, ...]  # of those held: drop them at once


@dataclass(frozen=True, slots=True)
class Beat:
    """The answer to a heartbeat."""

    code: ClassVar[int] = 43
    lost: tuple[Lease, ...]  # drop at once
    cancel: tuple[Lease, ...]  # stop, then report `Cancelled`


@dataclass(frozen=True, slots=True)
class Answer:
    """A recorded decision on its way to the graph."""

    decision: int
    kind: str
    interrupt_id: str
    task_id: str
    fingerprint: str  # of the pause the reviewer saw
    digest: str  # of its question
    value: Whole
    settled: bool  # applied before, in the same task: offered again when the task runs again
    then: str = "run"  # "run", "skip" the node, "write" the value as the node, or "finish"
    update: Whole | None = None  # channels of the state to write before going on, a map
    moving: tuple[Moving, ...] = ()  # parts of the question that the answer does not depend on
    origin: dict[str, Any] | None = None  # where it was asked; with moving parts it must be again


@dataclass(frozen=True, slots=True)
class Assignment:
    """A claimed run, complete."""

    lease: Lease
    agent: str
    thread: str
    trigger: str  # "start", "resume", "ask_again" (after a failure), "replay" or "fork"
    input: Whole  # for a start
    context: dict[str, Any] | None
    interrupt_before: tuple[str, ...]
    interrupt_after: tuple[str, ...]
    recursion_limit: int
    base_checkpoint_id: str | None  # the thread's head when the run was first claimed
    answers: tuple[Answer, ...]
    travel: Travel | None = None  # for a replay or a fork


@dataclass(frozen=True, slots=True)
class Assignments:
    """The answer to a claim."""

    code: ClassVar[int] = 44
    runs: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a get or a list."""

    code: ClassVar[int] = 45
    checkpoints: tuple[StoredCheckpoint, ...]


Result: TypeAlias = Refused | Done | Welcome | Beat | Assignments | Found | Admission


# Hints ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wake:
    """Runs may be queued for you: claim."""

    code: ClassVar[int] = 60


@dataclass(frozen=True, slots=True)
class Cancel:
    """A run in your hands was cancelled; the next heartbeat says so too."""

    code: ClassVar[int] = 61
    lease: Lease


Hint: TypeAlias = Wake | Cancel
