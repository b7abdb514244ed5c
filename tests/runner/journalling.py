"""A console that keeps a journal of tool calls, as the real one does, and rules on them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reviewconsole.protocol.messages import (
    Admission,
    CallEnded,
    CallTool,
    Lease,
    Outcome,
    Request,
    Result,
    Verdict,
    Whole,
)
from reviewconsole.runner import stored
from reviewconsole.runner.client import ConsoleClient
from tests.runner.gating import GatedDesk
from tests.runner.peer import Peer

AGAIN = (Outcome.PAUSED, Outcome.UNTOUCHED)


@dataclass(slots=True)
class Entry:
    """One execution of a call."""

    key: tuple[Any, ...]
    execution: str
    lease: Lease
    args: Any
    outcome: Outcome | None = None  # None: it was begun
    result: Whole | None = None
    why: str = ""
    settled: int | None = None  # the decision that lets it run again

    @property
    def told(self) -> tuple[str, Any, str | None]:
        """Tool, arguments and outcome."""
        return self.key[2], self.args, self.outcome and self.outcome.value


class JournalDesk(GatedDesk):
    """A desk whose console answers calls that have ended, and holds those in doubt."""

    def __init__(self, peer: Peer, client: ConsoleClient, graph: Any, **verdicts: Verdict) -> None:
        super().__init__(peer, client, graph, **verdicts)
        self.entries: list[Entry] = []
        self.lost: set[str] = set()  # tools whose first call a lost runner has begun already
        self.instead: Callable[[Request], Result | None] = lambda request: None
        peer.answer_instead = self._instead

    @property
    def told(self) -> list[tuple[str, Any, str | None]]:
        """Tool, arguments and outcome of each execution, in the order they were let run."""
        return [entry.told for entry in self.entries]

    def _instead(self, request: Request) -> Result | None:
        if (instead := self.instead(request)) is not None:
            return instead
        match request:
            case CallTool():
                return self._admit(request)
            case CallEnded():
                self._end(request)
        return None

    def _admit(self, request: CallTool) -> Admission:
        key = _key(request)
        if request.tool in self.lost:
            self.lost.remove(request.tool)
            self.entries.append(Entry(key, "lost", Lease(request.lease.run, 0), _args(request)))
        number, last = next(
            (each for each in reversed([*enumerate(self.entries, 1)]) if each[1].key == key),
            (0, None),
        )
        if last is not None and last.execution == request.execution and last.outcome is None:
            return Admission(Verdict.RUN, "", number)
        if last is not None and request.ns and last.result is not None:
            return Admission(Verdict.ANSWER, "", number, last.result)
        is_open = last is not None and request.ns and last.outcome not in AGAIN
        if last is not None and is_open and not _is_retry(last, request):
            if not (request.is_idempotent or self._is_settled(request, number)):
                return Admission(Verdict.DOUBT, "", number, doubt=_doubt(number, last))
        elif (ruled := self.ruled(request)).verdict is not Verdict.RUN:
            return ruled
        entry = Entry(key, request.execution, request.lease, _args(request))
        self.entries.append(entry)
        return Admission(Verdict.RUN, "", len(self.entries))

    def _is_settled(self, request: CallTool, number: int) -> bool:
        """Whether the runner names a decision on the question about this very entry."""
        answers = {answer.decision: answer for answer in self.answers}
        answer = answers.get(request.decision or 0)
        assert self.paused is not None or answer is None
        if answer is None or self.paused is None:
            return False
        asked = {q.interrupt_id: stored.to_plain(q.value) for q in self.paused.interrupts}
        question: Any = asked.get(answer.interrupt_id, {})
        return bool(question.get("doubt", {}).get("effect") == number)

    def _end(self, request: CallEnded) -> None:
        entry = self.entries[request.effect - 1]
        if entry.outcome is None or request.outcome is Outcome.GIVEN:
            assert request.outcome is Outcome.GIVEN or request.execution == entry.execution
            entry.outcome, entry.result, entry.why = request.outcome, request.result, request.error


def _key(request: CallTool) -> tuple[Any, ...]:
    args = None if request.args is None else request.args.data
    return request.ns, request.within, request.tool, request.call_id, args, request.occurrence


def _args(request: CallTool) -> Any:
    return request.args and stored.to_plain(request.args)


def _is_retry(last: Entry, request: CallTool) -> bool:
    return last.outcome is Outcome.FAILED and last.lease == request.lease


def _doubt(number: int, entry: Entry) -> dict[str, Any]:
    return {
        "effect": number,
        "tool": entry.key[2],
        "started_at": "2026-11-22T12:03:00+00:00",
        "runner": "host:1",
        "what": {Outcome.FAILED: "failed", Outcome.FINISHED: "no_result"}.get(
            entry.outcome or Outcome.CUT_OFF, "no_end"
        ),
        "error": entry.why,
    }
