"""The runner's half of the effect journal: which call it is, whenever its task runs it again.

LangGraph runs a node again from its start after a pause and after a crash, and the node makes its
tool calls again. The console answers those that have ended (`reviewconsole.protocol.tool_messages`
says how); for that each call has a name here that is the same every time, and each execution of it
an id of its own.

A tool can outlive the pause of its task, and still be at work when the task runs again. What runs
in this process is known here: the same call then waits for the end of the first.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import Whole
from reviewconsole.runner import places, stored
from reviewconsole.runner.call_ends import UNTOUCHED, CallEnd


@dataclass(frozen=True, slots=True)
class CallName:
    """Which call it is, among all that the runs of a thread make."""

    thread: str
    ns: str  # the place of its task; "" outside of any, where no call can be told from another
    within: str  # names the call that makes it and what was injected; "": the task, and nothing
    tool: str
    call_id: str | None
    digest: str  # of its arguments; "" where LangGraph cannot store them
    occurrence: int  # how many calls alike this execution of the task has made before

    @property
    def key(self) -> str:
        """The name within its thread, in 64 characters: the same in a copy of the thread."""
        return question_digest(
            [self.ns, self.within, self.tool, self.call_id, self.digest, self.occurrence]
        )


@dataclass(eq=False, slots=True)
class CallExecution:
    """One execution of a call in this process, from before the console is asked."""

    name: CallName
    id: str = field(default_factory=lambda: secrets.token_hex(16))  # of no seed that agents set
    effect: int | None = None  # the console's entry, once the call may run
    is_begun: bool = False  # the tool's body runs, or has run
    _end: Future[CallEnd] = field(default_factory=Future)

    def end(self, end: CallEnd) -> None:
        """Hand the end to those who make the same call meanwhile. The first end counts."""
        with _lock:
            if _running.get(self.name) is self:
                del _running[self.name]
            if not self._end.done():
                self._end.set_result(end)

    def withdraw(self) -> None:
        """End it, if its body was not reached."""
        if not self.is_begun:
            self.end(UNTOUCHED)


class Journal:
    """Names the calls of one run; safe for threads."""

    def __init__(self, thread: str) -> None:
        self._thread = thread
        self._made: Counter[tuple[object, ...]] = Counter()

    def name(
        self, tool: str, call_id: str | None, args: Whole | None, injected: Whole | None = None
    ) -> CallName:
        """The name of a call that is made here and now. Counts it: ask once for each call.

        A retry of the task, as every later run of it, begins to count anew.
        """
        place, within = places.here(), _within.get()
        digest = question_digest(stored.to_plain(args)) if args else ""
        if injected is not None and (given := stored.to_plain(injected)):
            within = question_digest([within, given])
        if place is None or not place.ns:
            return CallName(self._thread, "", within, tool, call_id, digest, 0)
        alike = (place.execution, within, tool, call_id, digest)
        with _lock:
            occurrence = self._made[alike]
            self._made[alike] += 1
        return CallName(self._thread, place.ns, within, tool, call_id, digest, occurrence)


def begin(name: CallName) -> CallExecution | Future[CallEnd]:
    """Begin an execution of a call; where one runs in this process, the future of its end."""
    execution = CallExecution(name)
    execution._end.set_running_or_notify_cancel()  # who stops waiting for it does not cancel it
    with _lock:
        running = _running.get(name)
        if running is not None:
            return running._end
        if name.ns:
            _running[name] = execution
    return execution


@contextmanager
def inside(name: CallName) -> Iterator[None]:
    """Run the body of a call: the calls made inside are its own, and so are the graphs."""
    key = name.key
    token = _within.set(key)
    try:
        with places.of_call(1 + int(key[:12], 16)):
            yield
    finally:
        _within.reset(token)


_within: ContextVar[str] = ContextVar("reviewconsole_call_around", default="")
_running: dict[CallName, CallExecution] = {}
_lock = threading.Lock()
