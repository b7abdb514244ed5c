"""The checkpoint store: what runners save and read back, many operations in one transaction.

Layout (figures and alternatives: `docs/decisions/0003-checkpoint-store.md`): a checkpoint's
document is kept as LangGraph made it, without its channel values; each value is a `Blob` by channel
and version; arrays are cut into `Part`s that a thread keeps once; pending writes stand beside, and
may come before their checkpoint. Nothing here imports LangGraph or rebuilds an agent's objects.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias, assert_never

from django.conf import settings

from agents import pipelines
from agents.exceptions import RequestRefused
from agents.history.documents import is_internal
from agents.models import Agent, Checkpoint, Run, RunnerToken, Thread
from agents.pipelines import Ending
from agents.services import agent_pruning, checkpoint_reads, checkpoint_states, outages
from agents.services.checkpoint_rows import Batch
from agents.services.copied_rows import copy_rows
from agents.services.engines import LeasedRun, LockedThread, StoredCheckpointRow, engine
from agents.services.known_leases import Known, KnownLeases
from agents.services.part_numbers import PartNumbers
from reviewconsole.protocol.messages import (
    CheckpointRequest,
    CopyThread,
    DeleteForRuns,
    DeleteThread,
    Done,
    Found,
    Get,
    Lease,
    List,
    Owner,
    Prune,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    Result,
    Show,
    StoredCheckpoint,
)
from reviewconsole.protocol.plain import Plain

log = logging.getLogger(__name__)


Call: TypeAlias = tuple[int, CheckpointRequest]
"""A request, and the primary key of the runner that asks."""


@dataclass(slots=True)
class Store:
    """Executes checkpoint requests for one writer thread, and remembers its part numbers."""

    numbers: PartNumbers = field(default_factory=PartNumbers)
    known: KnownLeases = field(default_factory=KnownLeases)

    def execute(self, calls: Sequence[Call]) -> list[Result]:
        """Do all calls in one transaction and answer each, in order.

        A call that is refused stores nothing and disturbs no other. When one breaks the transaction
        of all, each is tried in a transaction of its own, so that it fails alone. Calls may be
        repeated: puts and writes are keyed by their ids. Round trips on PostgreSQL: 1 for the steps
        of runs that are known from the step before, else 1 to resolve all, 1 to write and commit;
        3 a read, and 1 for the commit after reads alone; outside of runs 3 queries more a call.
        """
        try:
            return self._attempt(calls)
        except Exception as error:  # whatever one runner sent must not cost the others their work
            if outages.is_outage(error):  # nothing was stored
                return [_unavailable(error) for _ in calls]
            return [self._alone(call) for call in calls]

    def _alone(self, call: Call) -> Result:
        try:
            return self._attempt([call])[0]
        except Exception as error:
            if outages.is_outage(error):
                return _unavailable(error)
            log.exception("runner %d sent what cannot be stored or read", call[0])
            return Refused(RefusalCode.INVALID, f"this cannot be stored or read: {error}")

    def execute_after(self, first: Callable[[Ending], None], calls: Sequence[Call]) -> list[Result]:
        """Do as `execute`, in one transaction with what is to be done `first`, all or nothing.

        Raises:
            Exception: whatever breaks the transaction.
        """
        return self._attempt(calls, first)

    def _attempt(
        self,
        calls: Sequence[Call],
        first: Callable[[Ending], None] | None = None,
        *,
        trusting: bool = True,
    ) -> list[Result]:
        """Do all calls in one transaction, `trusting` what is known from the one before."""
        requests = [request for _, request in calls]
        gets = checkpoint_reads.all_gets(requests)
        steps = _steps(requests)
        found: Known | None = None
        try:
            with pipelines.transaction() as ending:
                if first is not None:
                    first(ending)
                began = engine().moment() if steps else None
                if steps and trusting and (found := self.known.of(steps, began)):
                    engine().guard(*found, ending)
                work = _Work(calls, self.numbers, gets, found)
                results = work.results(ending)
                if found and any(isinstance(result, Refused) for result in results):
                    raise _Doubted
                now = engine().moment() if steps else None
        except Exception as error:
            self.numbers.forget()  # their transaction was rolled back
            self.known.forget()
            if found and (isinstance(error, _Doubted) or engine().is_of_guard(error)):
                return self._attempt(calls, first, trusting=False)
            raise
        self.numbers.trim()
        if steps:
            self.known.keep(*work.left(), began, now)
        elif not gets:
            self.known.forget()
        return results


class _Doubted(Exception):
    """What was refused by what was known may be done after another look."""


def _steps(requests: Sequence[CheckpointRequest]) -> list[tuple[str, int]]:
    """The threads and runs, if with all of these requests runs save what they have done."""
    steps = [
        (request.thread, request.scope.run)
        for request in requests
        if isinstance(request, Put | PutWrites | Show) and isinstance(request.scope, Lease)
    ]
    return steps if len(steps) == len(requests) else []


def _unavailable(error: Exception) -> Refused:
    return Refused(RefusalCode.UNAVAILABLE, outages.told(error))


class _Work:
    """One transaction's calls, with the threads they name locked, unless all of them are `gets`."""

    def __init__(
        self,
        calls: Sequence[Call],
        numbers: PartNumbers,
        gets: Sequence[Get],
        known: Known | None = None,
    ) -> None:
        self.calls = calls
        self.batch = Batch(numbers)
        self.served: dict[int, list[str]] = {}
        self.read: Counter[int] = Counter()  # bytes, by the runner that they are for
        names = {name for call in calls for name in self._named(*call)}
        leases = {request.scope.run for _, request in calls if isinstance(request.scope, Lease)}
        self.rows: dict[Get, StoredCheckpointRow] = {}  # of `gets`, what was read already
        if known:
            threads, runs = known
        elif gets:
            threads, runs, self.rows = checkpoint_reads.look(names, leases, gets)
        else:
            threads, runs = engine().lock(names, leases)
        self.threads = {thread.thread_id: thread for thread in threads}
        self.runs = {run.pk: run for run in runs}
        self.owned: dict[str, Thread] = {}  # of the threads, those that owners name

    def _named(self, runner: int, request: CheckpointRequest) -> set[str]:
        """The threads that a request is about."""
        match request:
            case Prune(threads=threads):
                return set(threads)
            case DeleteForRuns(scope=Owner(agent), runs=runs):
                with suppress(RequestRefused):  # as it is again when its turn comes
                    self._check_served(runner, Owner(agent))
                    agent_pruning.check_runs(runs)
                    return agent_pruning.threads_of_runs(agent, runs)
                return set()
            case DeleteForRuns():
                return set()
            case CopyThread(thread=thread, target=target):
                return {thread, target}
        return set() if request.thread is None else {request.thread}

    def results(self, ending: Ending) -> list[Result]:
        results = [self._answer(runner, request) for runner, request in self.calls]
        self.batch.flush(ending)
        return results

    def left(self) -> Known:
        """The threads and runs as the transaction leaves them."""
        threads = [
            thread._replace(part_next=self.batch.next_part(thread))
            for thread in self.threads.values()
        ]
        return threads, list(self.runs.values())

    def _answer(self, runner: int, request: CheckpointRequest) -> Result:
        try:
            return self._do(runner, request)
        except RequestRefused as refusal:
            return Refused(RefusalCode(refusal.code), str(refusal))

    def _do(self, runner: int, request: CheckpointRequest) -> Result:
        match request:
            case Put():
                thread, run = self._writable(runner, request.scope, request.thread)
                self.batch.put(thread, run, request)
                return Done()
            case PutWrites():
                thread, _ = self._writable(runner, request.scope, request.thread)
                self.batch.put_writes(thread, request)
                return Done()
            case Show():
                thread, _ = self._writable(runner, request.scope, request.thread)
                self.batch.show(thread, request)
                return Done()
            case Get():
                self._check_room(runner)
                self.batch.flush()  # a read sees the writes before it
                readable = self._readable(runner, request.scope, request.thread)
                found = readable and checkpoint_reads.one(
                    readable, request.ns, request.checkpoint_id, self.rows.get(request)
                )
                return self._found(runner, (found,) if found else ())
            case List():
                self._check_room(runner)
                self.batch.flush()
                return self._found(runner, self._list(runner, request))
            case DeleteThread():
                self.batch.flush()
                return self._delete(runner, request)
            case CopyThread():
                self.batch.flush()
                return self._copy(runner, request)
            case Prune():
                self.batch.flush()
                return self._prune(runner, request)
            case DeleteForRuns():
                self.batch.flush()
                return self._delete_for_runs(runner, request)
        assert_never(request)

    def _check_room(self, runner: int) -> None:
        """Read no more than goes into one reply; what is asked for alone is always read."""
        limit = settings.RUNNER_MAX_FRAME_BYTES
        if self.read[runner] > limit:
            raise RequestRefused(
                RefusalCode.TOO_LARGE,
                f"what was asked for at once exceeds RUNNER_MAX_FRAME_BYTES={limit}; "
                "raise it, or read fewer checkpoints at once",
            )

    def _found(self, runner: int, checkpoints: tuple[StoredCheckpoint, ...]) -> Found:
        is_first = not self.read[runner]
        self.read[runner] += sum(map(checkpoint_reads.size, checkpoints))
        if not is_first:
            self._check_room(runner)
        return Found(checkpoints)

    def _writable(
        self, runner: int, scope: Lease | Owner, name: str
    ) -> tuple[LockedThread, int | None]:
        """The thread this call may write to, and its run.

        Under a lease: the run's own thread, while the lease holds. As an owner: a thread of that
        agent that no run has touched, made if it is new.
        """
        if isinstance(scope, Lease):
            return self._leased(runner, scope, name), scope.run
        self._owned(runner, scope, name)
        return self.threads[name], None

    def _readable(self, runner: int, scope: Lease | Owner, name: str) -> LockedThread | None:
        if isinstance(scope, Lease):
            return self._leased(runner, scope, name)
        self._check_served(runner, scope)
        thread = self.threads.get(name)
        if thread is not None:
            _check_belongs(thread, scope)
        return thread

    def _leased(self, runner: int, lease: Lease, name: str) -> LockedThread:
        run = self.runs.get(lease.run)
        if run is None or not _holds(runner, lease, run):
            raise RequestRefused(
                RefusalCode.FENCED,
                f"attempt {lease.attempt} of run {lease.run} is not yours any more",
            )
        thread = self.threads.get(name)
        if thread is None or thread.pk != run.thread_id:
            raise RequestRefused(RefusalCode.FORBIDDEN, f"run {run.pk} is not on thread {name!r}")
        return thread

    def _owned(self, runner: int, scope: Owner, name: str) -> Thread:
        self._check_served(runner, scope)
        if name not in self.threads:
            self._add(_new_thread(scope, name))
        _check_belongs(self.threads[name], scope)
        thread = self._model(name)
        if thread.deleted_at is not None:
            raise RequestRefused(
                RefusalCode.INVALID, f"thread {name!r} was deleted in the console; name another"
            )
        if thread.is_begun_by_people:
            raise RequestRefused(
                RefusalCode.FENCED,
                f"thread {name!r} was begun in the console: it is written under a lease only",
            )
        if thread.runs.exists():
            raise RequestRefused(
                RefusalCode.FENCED, f"thread {name!r} has runs: it is written under a lease only"
            )
        return thread

    def _model(self, name: str) -> Thread:
        if name not in self.owned:
            origin = ("created_by_id", "copied_from_id", "copied_checkpoint_id", "deleted_at")
            rows = Thread.objects.only("thread_id", *origin)
            self.owned[name] = rows.get(pk=self.threads[name].pk)
        return self.owned[name]

    def _add(self, thread: Thread) -> None:
        """Note a thread that this transaction has made."""
        self.owned[thread.thread_id] = thread
        self.threads[thread.thread_id] = LockedThread(
            thread.pk, thread.thread_id, thread.agent.name, thread.part_next, thread.part_epoch
        )

    def _check_served(self, runner: int, scope: Owner) -> None:
        if runner not in self.served:
            tokens = RunnerToken.objects.filter(runners=runner, revoked_at=None)
            self.served[runner] = tokens.values_list("agents", flat=True).first() or []
        if scope.agent not in self.served[runner]:
            raise RequestRefused(
                RefusalCode.FORBIDDEN, f"this token does not serve agent {scope.agent!r}"
            )

    def _list(self, runner: int, request: List) -> tuple[StoredCheckpoint, ...]:
        if request.thread is not None:
            thread = self._readable(runner, request.scope, request.thread)
            rows = Checkpoint.objects.filter(thread=thread.pk if thread else None)
            return checkpoint_reads.listed(rows, request)
        if not isinstance(request.scope, Owner):
            raise RequestRefused(RefusalCode.FORBIDDEN, "all threads are listed for an agent only")
        self._check_served(runner, request.scope)
        rows = Checkpoint.objects.filter(thread__agent__name=request.scope.agent)
        return checkpoint_reads.listed(rows, request)

    def _delete(self, runner: int, request: DeleteThread) -> Result:
        if not isinstance(request.scope, Owner):
            raise RequestRefused(RefusalCode.FORBIDDEN, "a run cannot delete its thread")
        self._check_served(runner, request.scope)
        if request.thread in self.threads:
            self._owned(runner, request.scope, request.thread).delete()
            del self.threads[request.thread], self.owned[request.thread]
        return Done()

    def _copy(self, runner: int, request: CopyThread) -> Result:
        if not isinstance(request.scope, Owner):
            raise RequestRefused(RefusalCode.FORBIDDEN, "a run cannot copy its thread")
        if self._readable(runner, request.scope, request.thread) is None:
            raise RequestRefused(
                RefusalCode.INVALID, f"there is no thread {request.thread!r} to copy"
            )
        source = self._model(request.thread)
        if request.target not in self.threads:
            target = _new_thread(request.scope, request.target, copied_from=source)
            copy_rows(source=source, target=target)
            target.refresh_from_db(fields=("part_next", "part_epoch"))
            self._add(target)
            return Done()
        target = self._model(request.target)
        if target.is_begun_by_people or target.copied_from_id != source.pk:
            raise RequestRefused(  # otherwise it is repeated, after a lost reply
                RefusalCode.INVALID, f"thread {request.target!r} is there already; name another"
            )
        return Done()

    def _prune(self, runner: int, request: Prune) -> Result:
        threads = self._kept_by_owner(runner, request.scope, set(request.threads))
        agent_pruning.refuse_delta_channels(threads)
        for thread in threads:
            agent_pruning.keep_latest(thread)
        self._reread(threads)
        return Done()

    def _delete_for_runs(self, runner: int, request: DeleteForRuns) -> Result:
        agent_pruning.check_runs(request.runs)
        # What was stored since the threads were locked, in others than these, was not meant.
        threads = self._kept_by_owner(runner, request.scope, self._named(runner, request))
        stored = [(each, agent_pruning.stored_by_runs(each, request.runs)) for each in threads]
        for thread, places in stored:
            agent_pruning.remove(thread, places)
        self._reread(threads)
        return Done()

    def _reread(self, threads: Sequence[Thread]) -> None:
        """Look again which parts these threads have: some were removed."""
        for locked in engine().lock([thread.thread_id for thread in threads], ())[0]:
            self.threads[locked.thread_id] = locked
            self.batch.forget(locked)

    def _kept_by_owner(
        self, runner: int, scope: Lease | Owner, names: Collection[str]
    ) -> list[Thread]:
        """Those threads of these names that are there, if all are the owner's to write."""
        if not isinstance(scope, Owner):
            raise RequestRefused(RefusalCode.FORBIDDEN, "a run cannot prune its thread")
        self._check_served(runner, scope)
        return [self._owned(runner, scope, name) for name in names if name in self.threads]


def _holds(runner: int, lease: Lease, run: LeasedRun) -> bool:
    return (
        run.status == Run.Status.RUNNING
        and run.attempt == lease.attempt
        and run.runner_id == runner
        and not run.is_revoked
    )


def _new_thread(scope: Owner, name: str, **fields: Any) -> Thread:
    agent = Agent.objects.filter(name=scope.agent).defer("spec").first()
    if agent is None:
        raise RequestRefused(RefusalCode.INVALID, f"agent {scope.agent!r} was never announced")
    return Thread.objects.create(thread_id=name, agent=agent, **fields)


def _check_belongs(thread: LockedThread, scope: Owner) -> None:
    if thread.agent != scope.agent:
        raise RequestRefused(
            RefusalCode.FORBIDDEN,
            f"thread {thread.thread_id!r} does not belong to {scope.agent!r}",
        )


def state(thread: Thread, checkpoint_id: str) -> dict[str, Plain]:
    """The public channel values of a checkpoint of the root, as plain data; {} if it is unknown.

    What cannot be read (encrypted, pickled, too large) is text that says so. Queries: at most 3.
    """
    found = checkpoint_states.public_values(thread, checkpoint_id)
    problems = {name: f"⟨{why}⟩" for name, why in found.unreadable.items() if not is_internal(name)}
    return {**found.values, **problems}


def head(thread: Thread) -> str | None:
    """The newest checkpoint id of the thread's root, None before the first. One query."""
    rows = Checkpoint.objects.filter(thread=thread, ns="").order_by("-checkpoint_id")
    return rows.values_list("checkpoint_id", flat=True).first()
