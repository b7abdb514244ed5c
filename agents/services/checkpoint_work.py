"""One round of the checkpoint store: each request checked for its right, done, and answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TypeAlias, assert_never

from django.conf import settings

from agents.exceptions import RequestRefused
from agents.models import Checkpoint, RunnerToken, Thread
from agents.pipelines import Ending
from agents.services import (
    agent_pruning,
    checkpoint_reads,
)
from agents.services.checkpoint_rights import check_belongs, holds, new_thread
from agents.services.checkpoint_rows import Batch
from agents.services.copied_rows import copy_rows
from agents.services.engines import LockedThread, engine
from agents.services.guessed_reads import Moment
from agents.services.known_leases import Known
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

Call: TypeAlias = tuple[int, CheckpointRequest]
"""A request, and the primary key of the runner that asks."""


class Work:
    """One transaction's calls, with the threads they name locked, or what is read of one `moment`.

    `batch` takes what is to be written; `read` counts what was read, by runner, where several share
    one reply.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        batch: Batch,
        moment: Moment | None = None,
        read: Counter[int] | None = None,
    ) -> None:
        self.calls = calls
        self.batch = batch
        self.served: dict[int, list[str]] = {}
        self.read = Counter() if read is None else read  # bytes, by the runner that they are for
        threads, runs, self.find = moment or self._lock()
        self.threads = {thread.thread_id: thread for thread in threads}
        self.runs = {run.pk: run for run in runs}
        self.owned: dict[str, Thread] = {}  # of the threads, those that owners name

    def _lock(self) -> Moment:
        names = {name for call in self.calls for name in self._named(*call)}
        scopes = (request.scope for _, request in self.calls)
        leases = {scope.run for scope in scopes if isinstance(scope, Lease)}
        return Moment(*engine().lock(names, leases), checkpoint_reads.found)

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

    def results(self, ending: Ending | None = None) -> list[Result]:
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
                found = readable and self.find(readable, request)
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
            check_belongs(thread, scope)
        return thread

    def _leased(self, runner: int, lease: Lease, name: str) -> LockedThread:
        run = self.runs.get(lease.run)
        if run is None or not holds(runner, lease, run):
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
            self._add(new_thread(scope, name))
        check_belongs(self.threads[name], scope)
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
            target = new_thread(request.scope, request.target, copied_from=source)
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
