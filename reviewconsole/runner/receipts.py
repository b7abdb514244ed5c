"""What a run tells of its decisions: which of them the agent has taken, each once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

from reviewconsole.protocol.exceptions import ProtocolError
from reviewconsole.protocol.messages import (
    Answer,
    Applied,
    Assignment,
    Delivered,
    Done,
    PostedInterrupt,
)
from reviewconsole.runner import pauses, resumption
from reviewconsole.runner.exceptions import Disconnected, Refusal
from reviewconsole.runner.pauses import Standing

logger = logging.getLogger(__name__)

_SOON = 0.1  # seconds: what is taken sooner is told as that alone, which says both


class Listener(Protocol):
    """Who is told."""

    async def ask(self, request: Applied, /) -> Done: ...

    def submit(self, request: Delivered, /) -> Future[Any]: ...


class Receipts:
    """The decisions of one run that were reported as applied."""

    def __init__(self, assignment: Assignment, listener: Listener) -> None:
        self._assignment = assignment
        self._listener = listener
        self._applied: set[int] = set()
        self._delivery: asyncio.TimerHandle | None = None

    def deliver(self) -> None:
        """Tell soon that what was decided is handed over, unless it was taken by then.

        Nobody waits for it: what refuses it refuses all that the graph asks for after it.
        """
        if self.due():
            loop = asyncio.get_running_loop()
            self._delivery = loop.call_later(_SOON, self.tell_delivered)

    def tell_delivered(self) -> None:
        """Tell it now, if it is to be told and was not."""
        if self._delivery is not None:
            self._forget_delivery()
            with suppress(Disconnected, ProtocolError, Refusal):  # as does what comes next
                self._listener.submit(Delivered(self._assignment.lease))

    def _forget_delivery(self) -> None:
        if self._delivery is not None:
            self._delivery.cancel()
            self._delivery = None

    async def report(self, decisions: Iterable[int]) -> None:
        """Tell of those that were not told of before."""
        new = sorted(set(decisions) - self._applied)
        if new:
            self._applied.update(new)
            if not self.due():
                self._forget_delivery()
            await self._listener.ask(Applied(self._assignment.lease, tuple(new)))

    def not_taken(
        self, asked: Sequence[PostedInterrupt], standing: Standing, changed: bool
    ) -> str | None:
        """Why answers were not taken by tasks that could still have taken them.

        `asked` are the questions as they were when the answers were handed over; `changed` says
        whether the decisions of the run have changed the state.
        """
        unused = [
            answer for answer in self.due() if (answer.kind, answer.then) == ("interrupt", "run")
        ]
        for answer in unused:
            lease = self._assignment.lease
            logger.warning(
                "run %s: the answer of decision %s was not taken", lease.run, answer.decision
            )
        stale = resumption.overtaken(unused, asked, standing)
        if not stale:
            return None
        written = "; what was decided about the state is written" if changed else ""
        live = {pauses.question(question).digest for question in standing.questions}
        same = all(answer.digest in live for answer in stale)
        what = "the same, out of reach of the answer," if same else "something else"
        return (
            f"the agent asked {what} when it ran again, so decision "
            f"{', '.join(str(answer.decision) for answer in stale)} was not applied{written}"
        )

    def due(self) -> list[Answer]:
        """The answers that are not known as taken, by this run or one before."""
        return [
            answer
            for answer in self._assignment.answers
            if not answer.settled and answer.decision not in self._applied
        ]

    def passed(self, standing: Standing) -> list[int]:
        """The decisions on what tasks asked that have ended since.

        Also those that no `interrupt()` took: a call that had ended is not made again, and what its
        tool had asked does not come up.
        """
        moved = standing.checkpoint_id != self._assignment.base_checkpoint_id
        return [
            answer.decision
            for answer in self._assignment.answers
            if (answer.kind, answer.then) == ("interrupt", "run")
            and (moved or answer.task_id not in standing.unfinished)
        ]

    def done_without_asking(self, ended: str | None = None) -> list[int]:
        """The decisions that no `interrupt()` takes: carried out once the graph has gone on.

        Where a node runs again for its `NodeInterrupt`: once the task that has `ended` is its own.
        """
        return [
            answer.decision
            for answer in self._assignment.answers
            if (answer.kind != "interrupt" or answer.then != "run") and not answer.settled
            if answer.kind != "node_interrupt" or ended in (None, answer.task_id)
        ]
