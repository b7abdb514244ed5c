"""The checkpoint store: what runners save and read back, many operations in one transaction.

Layout (figures and alternatives: `docs/decisions/0003-checkpoint-store.md`): a checkpoint's
document is kept as LangGraph made it, without its channel values; each value is a `Blob` by channel
and version; arrays are cut into `Part`s that a thread keeps once; pending writes stand beside, and
may come before their checkpoint. Nothing here imports LangGraph or rebuilds an agent's objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Q

from agents.exceptions import RequestRefused
from agents.models import Agent, Blob, Checkpoint, PendingWrite, Run, Thread
from agents.services.checkpoint_rows import Batch, read_values
from agents.services.part_numbers import PartNumbers
from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.messages import (
    ChannelValue,
    CheckpointRequest,
    DeleteThread,
    Done,
    Found,
    Get,
    Lease,
    List,
    Owner,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    Result,
    StoredCheckpoint,
    StoredWrite,
    Whole,
)
from reviewconsole.protocol.plain import Plain

_LIST_AT_MOST = 200  # checkpoints in one reply; the runner asks for the next ones


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a connected runner, and the agents its token serves."""

    runner: int
    agents: frozenset[str]


@dataclass(slots=True)
class Store:
    """Executes checkpoint requests for one writer thread, and remembers its part numbers."""

    numbers: PartNumbers = field(default_factory=PartNumbers)

    def execute(self, calls: Sequence[tuple[Caller, CheckpointRequest]]) -> list[Result]:
        """Do all calls in one transaction and answer each, in order.

        A call that is refused changes nothing and disturbs no other. When the database refuses the
        whole, each call is tried in a transaction of its own, so that a bad one fails alone.
        Calls may be repeated: puts and writes are keyed by their ids. Queries: 2 to resolve the
        batch, at most 6 to write it, 4 a read.
        """
        try:
            return self._attempt(calls)
        except OperationalError as error:  # the database is gone or busy: nothing was stored
            return [_unavailable(error) for _ in calls]
        except DatabaseError:
            return [self._alone(call) for call in calls]

    def _alone(self, call: tuple[Caller, CheckpointRequest]) -> Result:
        try:
            return self._attempt([call])[0]
        except OperationalError as error:
            return _unavailable(error)
        except DatabaseError as error:
            return Refused(RefusalCode.INVALID, f"the database refused it: {error}")

    def _attempt(self, calls: Sequence[tuple[Caller, CheckpointRequest]]) -> list[Result]:
        try:
            with transaction.atomic():
                work = _Work(calls, self.numbers)
                return work.results()
        except Exception:
            self.numbers.forget()  # their transaction was rolled back
            raise


def _unavailable(error: Exception) -> Refused:
    return Refused(RefusalCode.UNAVAILABLE, f"the database did not answer: {error}")


class _Work:
    """One transaction's calls, with the rows they name locked: runs first, then threads."""

    def __init__(
        self, calls: Sequence[tuple[Caller, CheckpointRequest]], numbers: PartNumbers
    ) -> None:
        self.calls = calls
        self.batch = Batch(numbers)
        leases = {request.scope.run for _, request in calls if isinstance(request.scope, Lease)}
        runs = Run.objects.select_for_update().filter(pk__in=leases).order_by("pk")
        self.runs = {run.pk: run for run in runs} if leases else {}
        names = {request.thread for _, request in calls if request.thread is not None}
        threads = Thread.objects.select_for_update(of=("self",)).filter(thread_id__in=names)
        rows = threads.select_related("agent").order_by("pk")
        self.threads = {thread.thread_id: thread for thread in rows}

    def results(self) -> list[Result]:
        results = [self._answer(caller, request) for caller, request in self.calls]
        self.batch.flush()
        return results

    def _answer(self, caller: Caller, request: CheckpointRequest) -> Result:
        try:
            return self._do(caller, request)
        except RequestRefused as refusal:
            return Refused(RefusalCode(refusal.code), str(refusal))

    def _do(self, caller: Caller, request: CheckpointRequest) -> Result:
        match request:
            case Put():
                thread, run = self._writable(caller, request.scope, request.thread)
                self.batch.put(thread, run, request)
                return Done()
            case PutWrites():
                thread, _ = self._writable(caller, request.scope, request.thread)
                self.batch.put_writes(thread, request)
                return Done()
            case Get():
                self.batch.flush()  # a read sees the writes before it
                thread_ = self._readable(caller, request.scope, request.thread)
                return Found(_get(thread_, request.ns, request.checkpoint_id))
            case List():
                self.batch.flush()
                return Found(self._list(caller, request))
            case DeleteThread():
                self.batch.flush()
                return self._delete(caller, request)
        assert_never(request)

    def _writable(
        self, caller: Caller, scope: Lease | Owner, name: str
    ) -> tuple[Thread, Run | None]:
        """The thread this call may write to, and its run.

        Under a lease: the run's own thread, while the lease holds. As an owner: a thread of that
        agent that no run has touched, made if it is new.
        """
        if isinstance(scope, Lease):
            run = self._leased(caller, scope)
            thread = self.threads.get(name)
            if thread is None or thread.pk != run.thread_id:
                raise RequestRefused(
                    RefusalCode.FORBIDDEN, f"run {run.pk} is not on thread {name!r}"
                )
            return thread, run
        return self._owned(caller, scope, name), None

    def _owned(self, caller: Caller, scope: Owner, name: str) -> Thread:
        if scope.agent not in caller.agents:
            raise RequestRefused(
                RefusalCode.FORBIDDEN, f"this token does not serve agent {scope.agent!r}"
            )
        thread = self.threads.get(name)
        if thread is None:
            agent = Agent.objects.filter(name=scope.agent).first()
            if agent is None:
                raise RequestRefused(
                    RefusalCode.INVALID, f"agent {scope.agent!r} was never announced"
                )
            thread = self.threads[name] = Thread.objects.create(thread_id=name, agent=agent)
        if thread.agent.name != scope.agent:
            raise RequestRefused(
                RefusalCode.FORBIDDEN, f"thread {name!r} does not belong to {scope.agent!r}"
            )
        if thread.runs.exists():
            raise RequestRefused(
                RefusalCode.FENCED, f"thread {name!r} has runs: it is written under a lease only"
            )
        return thread

    def _leased(self, caller: Caller, lease: Lease) -> Run:
        run = self.runs.get(lease.run)
        holds = (
            run is not None
            and run.status == Run.Status.RUNNING
            and (run.runner_id, run.attempt) == (caller.runner, lease.attempt)
        )
        if run is None or not holds:
            raise RequestRefused(
                RefusalCode.FENCED,
                f"attempt {lease.attempt} of run {lease.run} is not yours any more",
            )
        return run

    def _readable(self, caller: Caller, scope: Lease | Owner, name: str) -> Thread | None:
        thread = self.threads.get(name)
        if isinstance(scope, Lease):
            run = self._leased(caller, scope)
            if thread is None or thread.pk != run.thread_id:
                raise RequestRefused(
                    RefusalCode.FORBIDDEN, f"run {run.pk} is not on thread {name!r}"
                )
            return thread
        served = scope.agent in caller.agents and (
            thread is None or thread.agent.name == scope.agent
        )
        if not served:
            raise RequestRefused(RefusalCode.FORBIDDEN, f"thread {name!r} is not this token's")
        return thread

    def _list(self, caller: Caller, request: List) -> tuple[StoredCheckpoint, ...]:
        rows = Checkpoint.objects.select_related("thread")
        if request.thread is not None:
            thread = self._readable(caller, request.scope, request.thread)
            rows = rows.filter(thread=thread) if thread else rows.none()
        elif isinstance(request.scope, Owner) and request.scope.agent in caller.agents:
            rows = rows.filter(thread__agent__name=request.scope.agent)
        else:
            raise RequestRefused(RefusalCode.FORBIDDEN, "all threads are listed for an agent only")
        if request.ns is not None:
            rows = rows.filter(ns=request.ns)
        if request.checkpoint_id is not None:
            rows = rows.filter(checkpoint_id=request.checkpoint_id)
        if request.before is not None:
            rows = rows.filter(checkpoint_id__lt=request.before)
        limit = _LIST_AT_MOST if request.limit is None else min(request.limit, _LIST_AT_MOST)
        return _stored(_first_matching(rows.order_by("-checkpoint_id"), request.metadata, limit))

    def _delete(self, caller: Caller, request: DeleteThread) -> Result:
        if request.thread not in self.threads:
            return Done()
        if not isinstance(request.scope, Owner):
            raise RequestRefused(RefusalCode.FORBIDDEN, "a run cannot delete its thread")
        thread = self._owned(caller, request.scope, request.thread)
        thread.delete()
        del self.threads[request.thread]
        return Done()


def _get(thread: Thread | None, ns: str, checkpoint_id: str | None) -> tuple[StoredCheckpoint, ...]:
    if thread is None:
        return ()
    rows = Checkpoint.objects.filter(thread=thread, ns=ns).select_related("thread")
    if checkpoint_id is not None:
        rows = rows.filter(checkpoint_id=checkpoint_id)
    return _stored(rows.order_by("-checkpoint_id")[:1])


def _first_matching(
    rows: Iterable[Checkpoint], metadata: dict[str, Any] | None, limit: int
) -> list[Checkpoint]:
    # Metadata is text here and keys are the caller's: they are compared in Python, never in SQL.
    found: list[Checkpoint] = []
    if limit <= 0:
        return found
    iterator = rows.iterator(chunk_size=_LIST_AT_MOST) if hasattr(rows, "iterator") else rows
    for row in iterator:
        if all(row.metadata.get(key, _ABSENT) == value for key, value in (metadata or {}).items()):
            found.append(row)
            if len(found) == limit:
                break
    return found


_ABSENT = object()


def _stored(rows: Iterable[Checkpoint]) -> tuple[StoredCheckpoint, ...]:
    """Read checkpoints whole: values, writes and parts of all of them in three queries."""
    checkpoints = list(rows)
    if not checkpoints:
        return ()
    versions = [_versions(row) for row in checkpoints]
    blobs = _blobs(checkpoints, versions)
    writes = _writes(checkpoints)
    values = read_values([*blobs.values(), *writes])
    blob_values = dict(zip(blobs, values, strict=False))
    write_values = values[len(blobs) :]
    by_checkpoint: dict[tuple[int, str, str], list[StoredWrite]] = {}
    for write, value in zip(writes, write_values, strict=True):
        place = (write.thread_id, write.ns, write.checkpoint_id)
        stored = StoredWrite(write.task_id, write.channel, value)
        by_checkpoint.setdefault(place, []).append(stored)
    return tuple(
        StoredCheckpoint(
            thread=row.thread.thread_id,
            ns=row.ns,
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            document=bytes(row.document),
            metadata=tagged.dumps(row.metadata).encode(),
            values=tuple(
                ChannelValue(channel, version, blob_values[key])
                for channel, version in seen.items()
                if (key := (row.thread_id, row.ns, channel, version)) in blob_values
            ),
            writes=tuple(by_checkpoint.get((row.thread_id, row.ns, row.checkpoint_id), ())),
        )
        for row, seen in zip(checkpoints, versions, strict=True)
    )


def _versions(row: Checkpoint) -> dict[str, str]:
    document = plain.decode("msgpack", bytes(row.document))
    versions = document.get("channel_versions") if isinstance(document, dict) else None
    return {str(channel): str(version) for channel, version in (versions or {}).items()}  # type: ignore[union-attr]  # a map, as LangGraph writes it


def _blobs(
    checkpoints: Sequence[Checkpoint], versions: Sequence[dict[str, str]]
) -> dict[tuple[int, str, str, str], Blob]:
    wanted = {
        (row.thread_id, row.ns, channel, version)
        for row, seen in zip(checkpoints, versions, strict=True)
        for channel, version in seen.items()
    }
    found = Blob.objects.filter(
        thread__in={key[0] for key in wanted},
        ns__in={key[1] for key in wanted},
        version__in={key[3] for key in wanted},
    )
    keyed = ((row.thread_id, row.ns, row.channel, row.version) for row in found)
    return {key: row for key, row in zip(keyed, found, strict=True) if key in wanted}


def _writes(checkpoints: Sequence[Checkpoint]) -> list[PendingWrite]:
    named = Q(
        thread__in={row.thread_id for row in checkpoints},
        checkpoint_id__in={row.checkpoint_id for row in checkpoints},
    )
    order = ("task_path", "task_id", "index")
    return list(PendingWrite.objects.filter(named).order_by(*order))


def state(thread: Thread, checkpoint_id: str) -> dict[str, Plain]:
    """The public channel values of a checkpoint of the root, as plain data; {} if it is unknown.

    Channels that LangGraph keeps for itself are left out, unreadable ones (encrypted, pickled) are
    text that says so. Queries: 4.
    """
    stored = _get(thread, "", checkpoint_id)
    if not stored:
        return {}
    document = plain.decode("msgpack", stored[0].document)
    inline = document.get("channel_values") if isinstance(document, dict) else None
    values: dict[str, Plain] = dict(inline) if isinstance(inline, dict) else {}  # type: ignore[arg-type]  # channels have names
    for item in stored[0].values:
        if isinstance(item.value, Whole):  # as everything that is read back
            values[item.channel] = _legible(item.value)
    return {name: value for name, value in values.items() if not _is_internal(name)}


def _legible(value: Whole) -> Plain:
    try:
        return plain.decode(value.kind, value.data)
    except plain.UnreadableValue as error:
        return f"⟨{error}⟩"


def _is_internal(channel: str) -> bool:
    return channel.startswith(("__", "branch:"))


def head(thread: Thread) -> str | None:
    """The newest checkpoint id of the thread's root, None before the first. One query."""
    rows = Checkpoint.objects.filter(thread=thread, ns="").order_by("-checkpoint_id")
    return rows.values_list("checkpoint_id", flat=True).first()
