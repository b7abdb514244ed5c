"""What a run tells of its decisions: which of them the agent has taken, each once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from reviewconsole.protocol.messages import Answer, Applied, Assignment, Done


class Listener(Protocol):
    """Who is told."""

    async def ask(self, request: Applied, /) -> Done: ...


class Receipts:
    """The decisions of one run that were reported as applied."""

    def __init__(self, assignment: Assignment, listener: Listener) -> None:
        self._assignment = assignment
        self._listener = listener
        self._applied: set[int] = set()

    async def report(self, decisions: Iterable[int]) -> None:
        """Tell of those that were not told of before."""
        new = sorted(set(decisions) - self._applied)
        if new:
            self._applied.update(new)
            await self._listener.ask(Applied(self._assignment.lease, tuple(new)))

    def due(self) -> list[Answer]:
        """The answers that are not known as taken, by this run or one before."""
        return [
            answer
            for answer in self._assignment.answers
            if not answer.settled and answer.decision not in self._applied
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
