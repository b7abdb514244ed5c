"""What a runner says about an error of an agent, LangGraph or the console."""

from __future__ import annotations

import traceback

from reviewconsole.protocol.exceptions import Unauthorised, WrongVersion
from reviewconsole.protocol.messages import Failed, Lease, PostedInterrupt, RefusalCode
from reviewconsole.runner.exceptions import Disconnected, Refusal, RunnerError
from reviewconsole.runner.pauses import Standing

LONGEST_MESSAGE = 10_000  # characters
LONGEST_TRACEBACK = 20_000


def connection_error(error: BaseException | None) -> RunnerError | None:
    """The console's refusal, or the end of the client, that an agent or LangGraph wrapped."""
    while error is not None and not isinstance(error, RunnerError):
        error = error.__cause__ or error.__context__
    return error


def is_over(error: BaseException) -> bool:
    """Whether there is nobody to tell: the lease is another runner's, or the client has ended."""
    if isinstance(error, Refusal):
        return error.reason is RefusalCode.FENCED
    return isinstance(error, Disconnected | Unauthorised | WrongVersion)


def failed(
    error: Exception,
    lease: Lease,
    standing: Standing | None,
    waiting: tuple[PostedInterrupt, ...] = (),
) -> Failed:
    """Report an error with the end of its traceback, the state it left behind, and what waits."""
    return Failed(
        lease=lease,
        error=type(error).__name__,
        message=_text(str(error))[:LONGEST_MESSAGE],
        traceback=_text("".join(traceback.format_exception(error)))[-LONGEST_TRACEBACK:],
        checkpoint_id=standing.checkpoint_id if standing else None,
        snapshot=standing.snapshot if standing else None,
        next=standing.next if standing else (),
        interrupts=waiting,
    )


def _text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()  # lone surrogates cannot be sent
