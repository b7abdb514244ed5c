"""Tool calls as the console reads them: which run makes one, on which branch, with what."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models import Run
from agents.services.column_text import column_text
from reviewconsole.protocol import plain
from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import CallTool, Whole
from reviewconsole.protocol.plain import Plain, UnreadableValue

LONGEST = 255  # characters of a tool's name, and of a call's id, that a column keeps


@dataclass(frozen=True, slots=True)
class ReadCall:
    """A request about a tool call, read: all that can be said of it without its run."""

    request: CallTool
    tool: str  # these three as columns keep them
    call_id: str  # "" for a call without one
    ns: str  # "" outside of any task
    args: Plain  # None too where they are none that LangGraph can store
    digest: str | None  # of the arguments; None where these cannot be read

    @property
    def is_journalled(self) -> bool:
        """Whether it has a name of its own, under which the journal can keep it."""
        return bool(self.request.execution)

    def key_on(self, branch: int | None) -> str:
        """Which call it is on a branch, whenever it is made again."""
        request = self.request
        which: list[Plain] = [
            branch, request.ns, request.within, request.tool, request.call_id or "", self.digest,
            request.occurrence,
        ]  # fmt: skip
        return question_digest(which)


@dataclass(frozen=True, slots=True)
class MadeCall(ReadCall):
    """A tool call that an agent is about to make."""

    run: Run  # loaded by `Run.objects.with_branch()`, with its thread and agent
    key: str  # which call it is, whenever it is made again

    @property
    def is_on_other_branch(self) -> bool:
        """Whether a replay or fork began the branch, or a copy the thread, with no input since."""
        began = self.run.began  # type: ignore[attr-defined]  # annotated by `with_branch`
        if began is None:
            return self.run.thread.copied_from_id is not None
        return began in Run.TRAVELS


def read_call(request: CallTool) -> ReadCall:
    """Read a request."""
    is_readable, args = _read(request.args)
    return ReadCall(
        request=request,
        tool=column_text(request.tool, LONGEST),
        call_id=column_text(request.call_id or "", LONGEST),
        ns=column_text(request.ns),
        args=args,
        digest=question_digest(args) if is_readable else None,
    )


def made_call(run: Run, call: ReadCall, key: str | None = None) -> MadeCall:
    """The call as this run makes it; `key` where it is known already."""
    branch = run.branch  # type: ignore[attr-defined]  # annotated by `with_branch`
    return MadeCall(
        request=call.request,
        tool=call.tool,
        call_id=call.call_id,
        ns=call.ns,
        args=call.args,
        digest=call.digest,
        run=run,
        key=key or call.key_on(branch),
    )


def _read(args: Whole | None) -> tuple[bool, Plain]:
    try:
        return (False, None) if args is None else (True, plain.decode(args.kind, args.data))
    except UnreadableValue:
        return False, None
