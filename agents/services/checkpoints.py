"""The checkpoint store: what runners save and read back, many operations in one transaction.

Layout (figures and alternatives: `docs/decisions/0003-checkpoint-store.md`): a checkpoint's
document is kept as LangGraph made it, without its channel values; each value is a `Blob` by channel
and version; arrays are cut into `Part`s that a thread keeps once; pending writes stand beside, and
may come before their checkpoint. Nothing here imports LangGraph or rebuilds an agent's objects.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agents import pipelines
from agents.history.documents import is_internal
from agents.models import Checkpoint, Thread
from agents.pipelines import Ending
from agents.services import (
    checkpoint_reads,
    checkpoint_states,
    guessed_reads,
    outages,
)
from agents.services.checkpoint_rows import Batch
from agents.services.checkpoint_work import Call, Work
from agents.services.engines import engine, guesser
from agents.services.guessed_reads import Moment
from agents.services.known_leases import Known, KnownLeases
from agents.services.part_numbers import PartNumbers
from agents.services.remembered_heads import RememberedHeads
from reviewconsole.protocol.messages import (
    CheckpointRequest,
    Lease,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    Result,
    Show,
)
from reviewconsole.protocol.plain import Plain

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Store:
    """Executes checkpoint requests for one writer thread, and remembers part numbers and heads."""

    numbers: PartNumbers = field(default_factory=PartNumbers)
    known: KnownLeases = field(default_factory=KnownLeases)
    heads: RememberedHeads = field(default_factory=RememberedHeads)

    def execute(self, calls: Sequence[Call]) -> list[Result]:
        """Do all calls in one transaction and answer each, in order; reads alone need none.

        A call that is refused stores nothing and disturbs no other. When one breaks the transaction
        of all, each is tried in a transaction of its own, so that it fails alone. Calls may be
        repeated: puts and writes are keyed by their ids. Round trips on PostgreSQL: 1 for the steps
        of runs that are known from the step before, else 1 to resolve all, 1 to write and commit,
        3 a read; of reads alone 1 for all that are as they were remembered. Outside of runs 3
        queries more a call.
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
        return self._written(calls, first)

    def _attempt(self, calls: Sequence[Call]) -> list[Result]:
        if gets := checkpoint_reads.all_gets([request for _, request in calls]):
            read: Counter[int] = Counter()

            def answer(places: Sequence[int], at: Moment) -> Sequence[Result]:
                return Work([calls[place] for place in places], self._batch(), at, read).results()

            return guessed_reads.answered(gets, self.heads, answer)
        return self._written(calls)

    def _written(
        self,
        calls: Sequence[Call],
        first: Callable[[Ending], None] | None = None,
        *,
        trusting: bool = True,
    ) -> list[Result]:
        """Do all calls in one transaction, `trusting` what is known from the one before."""
        steps = _steps([request for _, request in calls])
        found: Known | None = None
        try:
            with pipelines.transaction() as ending:
                if first is not None:
                    first(ending)
                began = engine().stamp() if steps else None
                if steps and trusting and (found := self.known.of(steps, began)):
                    engine().guard(*found, ending)
                work = Work(calls, self._batch(), found and Moment(*found, checkpoint_reads.found))
                results = work.results(ending)
                if found and any(isinstance(result, Refused) for result in results):
                    raise _Doubted
                now = engine().stamp() if steps else None
        except Exception as error:
            self.numbers.forget()  # their transaction was rolled back
            self.known.forget()
            if found and (isinstance(error, _Doubted) or engine().is_of_guard(error)):
                return self._written(calls, first, trusting=False)
            raise
        self.numbers.trim()
        if steps:
            self.known.keep(*work.left(), began, now)
        else:
            self.known.forget()
        return results

    def _batch(self) -> Batch:
        return Batch(self.numbers, self.heads if guesser() else None)


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
