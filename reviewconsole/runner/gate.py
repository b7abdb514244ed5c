"""The gate: the console is asked before each tool call of a run, whatever the agent's graph says.

Each run opens a gate. A call that comes from a thread which has lost its context (an agent's own
thread pool) belongs to one of the runs in this process, but nobody can say to which: the consoles
of all of them are asked, and the strictest answer counts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Any, Protocol

from langchain_core.tools import BaseTool

from reviewconsole.protocol.exceptions import FrameTooLarge, ProtocolError
from reviewconsole.protocol.messages import (
    Admission,
    CallEnded,
    CallTool,
    Lease,
    Refused,
    Result,
    Verdict,
    Whole,
)
from reviewconsole.runner import places
from reviewconsole.runner.call_ends import UNTOUCHED, CallEnd
from reviewconsole.runner.exceptions import Disconnected, Refusal
from reviewconsole.runner.journal import Journal
from reviewconsole.runner.waiting import Waiting

WAIT_SECONDS = 0.5  # between questions about a call that another runner is making

_SEVERITY = {Verdict.RUN: 0, Verdict.REVIEW: 1}  # anything else lets nothing run


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: its id, and the arguments without those that are injected.

    `injected` are those of the injected ones that a model may have given.
    """

    tool: BaseTool
    id: str | None
    args: dict[str, Any]
    injected: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> dict[str, Any]:
        """All that a person is shown."""
        return {**self.args, **self.injected}

    def edited(self, shown: dict[str, Any]) -> Call:
        """The call with other arguments; what is injected stays unless it is among them."""
        args = {name: value for name, value in shown.items() if name not in self.injected}
        kept = {name: shown.get(name, value) for name, value in self.injected.items()}
        return replace(self, args=args, injected=kept)


class Console(Protocol):
    """What a gate asks, and tells how calls ended."""

    @property
    def lease_seconds(self) -> float:
        """How long a run is this runner's without a sign of life."""

    def submit(self, request: CallTool | CallEnded, /) -> Future[tuple[Result, ...]]: ...


class Gate:
    """Asks the console for one run of a thread; safe for threads."""

    def __init__(self, console: Console, lease: Lease, thread: str) -> None:
        self.journal = Journal(thread)
        self._console = console
        self.lease = lease

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let every tool that is called inside ask here, in whatever thread it runs."""
        token = _gate.set(self)
        with _lock:
            _open.append(self)
        _begun.set()
        try:
            with places.of_run():
                yield
        finally:
            with _lock:
                _open.remove(self)
            _gate.reset(token)

    def request(self, call: Call, args: Whole | None) -> CallTool:
        """The question whether a call may run, outside of the journal."""
        place = places.here()
        return CallTool(self.lease, place.ns if place else "", call.tool.name, call.id, args)

    async def admit(self, request: CallTool, waiting: Waiting) -> Admission:
        """Ask whether a call may run, and wait for the answer, for ever if the console is away.

        A call that may run is admitted for this moment: where the answer comes late, the console
        may have let another runner make it meanwhile, and is asked again.

        Raises:
            Refusal: the run is another runner's by now, or the console cannot say.
            Disconnected: the client was closed.
        """
        begun: int | None = None  # the entry of an answer that came late
        try:
            while True:
                asked_at = monotonic()
                try:
                    admission = await self._ask(request, waiting)
                except FrameTooLarge:
                    request = replace(request, args=None)
                    continue
                if admission.verdict is Verdict.WAIT:
                    await waiting.sleep(WAIT_SECONDS)
                elif admission.verdict is not Verdict.RUN:
                    return admission
                elif monotonic() - asked_at <= self._console.lease_seconds / 2:
                    begun = None
                    return admission
                else:
                    begun = admission.effect
        finally:
            if begun is not None:
                self.tell(begun, request.execution, UNTOUCHED)

    async def _ask(self, request: CallTool, waiting: Waiting) -> Admission:
        future = self._console.submit(request)
        try:
            (result,) = await waiting.result(future)
        except BaseException:  # cancelled: what it is let run meanwhile, it will not
            future.add_done_callback(partial(self._give_back, request))
            raise
        if isinstance(result, Refused):
            raise Refusal.of(result)
        admission: Admission = result  # type: ignore[assignment]  # the session has checked it
        return admission

    def _give_back(self, request: CallTool, future: Future[tuple[Result, ...]]) -> None:
        if future.exception() is not None:
            return
        match future.result():
            case (Admission(verdict=Verdict.RUN, effect=int(effect)),):
                self.tell(effect, request.execution, UNTOUCHED)

    def tell(self, effect: int, execution: str, end: CallEnd) -> Future[tuple[Result, ...]]:
        """Say how a call ended, behind all that was said before. Returns without waiting."""
        request = CallEnded(self.lease, effect, execution, end.outcome, end.kept, end.why)
        try:
            return self._console.submit(request)
        except (Disconnected, ProtocolError, Refusal) as error:
            future: Future[tuple[Result, ...]] = Future()
            future.set_exception(error)
            return future


def gates() -> Sequence[Gate]:
    """The gate of the run that this code belongs to, else those of all runs of this process."""
    gate = _gate.get()
    if gate is not None:
        return (gate,)
    with _lock:
        return tuple(_open)


def has_begun() -> bool:
    """Whether this process has ever begun a run. Before, what is called belongs to none."""
    return _begun.is_set()


def strictest(admissions: Iterable[Admission]) -> Admission:
    """The admission that allows least."""
    return max(admissions, key=lambda admission: _SEVERITY.get(admission.verdict, 2))


_gate: ContextVar[Gate | None] = ContextVar("reviewconsole_gate", default=None)
_open: list[Gate] = []
_begun = threading.Event()  # a run of this process
_lock = threading.Lock()
