"""The gate: the console is asked before each tool call of a run, whatever the agent's graph says.

Each run opens a gate. A call that comes from a thread which has lost its context (an agent's own
thread pool) belongs to one of the runs in this process, but nobody can say to which: the consoles
of all of them are asked, and the strictest answer counts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from langchain_core.tools import BaseTool
from langgraph.config import get_config

from reviewconsole.protocol.exceptions import FrameTooLarge
from reviewconsole.protocol.messages import Admission, CallTool, Lease, Verdict, Whole
from reviewconsole.runner import stored

_SEVERITY = {Verdict.RUN: 0, Verdict.REVIEW: 1, Verdict.REFUSE: 2}


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
    """What a gate asks."""

    async def ask(self, request: CallTool, /) -> Admission: ...
    def ask_sync(self, request: CallTool, /) -> Admission: ...


class Gate:
    """Asks the console for one run; safe for threads."""

    def __init__(self, console: Console, lease: Lease) -> None:
        self._console = console
        self._lease = lease

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let every tool that is called inside ask here, in whatever thread it runs."""
        token = _gate.set(self)
        with _lock:
            _open.append(self)
        _begun.set()
        try:
            yield
        finally:
            with _lock:
                _open.remove(self)
            _gate.reset(token)

    async def admit(self, call: Call) -> Admission:
        """Ask whether a call may run, and wait for the answer, for ever if the console is away.

        Raises:
            Refusal: the run is another runner's by now, or the console cannot say.
            Disconnected: the client was closed.
        """
        request = self._request(call)
        try:
            return await self._console.ask(request)
        except FrameTooLarge:
            return await self._console.ask(replace(request, args=None))

    def admit_sync(self, call: Call) -> Admission:
        """Do as `admit`, blocking the calling thread."""
        request = self._request(call)
        try:
            return self._console.ask_sync(request)
        except FrameTooLarge:
            return self._console.ask_sync(replace(request, args=None))

    def _request(self, call: Call) -> CallTool:
        return CallTool(self._lease, _namespace(), call.tool.name, call.id, _stored(call.args))


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
    return max(admissions, key=lambda admission: _SEVERITY[admission.verdict])


def _namespace() -> str:
    try:
        return str(get_config()["configurable"].get("checkpoint_ns", ""))
    except (KeyError, RuntimeError):  # outside of any task
        return ""


def _stored(args: dict[str, Any]) -> Whole | None:
    try:
        return stored.store(args)
    except stored.Unstorable:
        return None


_gate: ContextVar[Gate | None] = ContextVar("reviewconsole_gate", default=None)
_open: list[Gate] = []
_begun = threading.Event()  # a run of this process
_lock = threading.Lock()
