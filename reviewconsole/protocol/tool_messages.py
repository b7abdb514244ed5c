"""The messages about tool calls: whether one may run, and what became of it.

Each call that runs is an *effect*, and the console keeps a journal of them: begun before its tool
starts, ended when the tool has. LangGraph runs a node again from its start after a pause or a
crash; a call that has ended is then answered from the journal, and one that has begun and not ended
is in doubt until a person says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from reviewconsole.protocol.values import Lease, Whole


@dataclass(frozen=True, slots=True)
class CallTool:
    """A tool is about to run: may it? Asked before every call, also when a node runs again."""

    code: ClassVar[int] = 20
    lease: Lease
    ns: str  # checkpoint namespace of the task; "" outside of any
    tool: str
    call_id: str | None  # None where the agent calls the tool by hand, without one
    args: Whole | None  # what the tool would get, without what LangGraph injects; None: unstorable
    occurrence: int = 0  # how many calls alike (tool, id, arguments) this execution made before
    execution: str = ""  # names this one call, so that it can be asked twice; "": no journal
    decision: int | None = (
        None  # on the console's own question about this call, whose answer it has
    )
    is_idempotent: bool = False  # the agent's author says that running it twice does no harm
    within: str = ""  # names the call that makes this one, and what an app injected into it


class Verdict(StrEnum):
    """What the console says to a tool call."""

    RUN = "run"  # `Admission.effect` is begun: say how it ends
    REVIEW = "review"  # ask a person first, by an interrupt; with its answer, ask again
    REFUSE = "refuse"  # do not run: an admin blocked the tool, or a reviewer decided otherwise
    ANSWER = "answer"  # it has run: `Admission.result` is what it returned
    DOUBT = "doubt"  # it may have run: ask a person `Admission.doubt`, by an interrupt
    WAIT = "wait"  # it is running still, at another runner that is connected: ask again soon


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a tool call."""

    code: ClassVar[int] = 46
    verdict: Verdict
    message: str  # why it is refused, for the agent and for people
    effect: int | None = None  # the journal's entry: to be ended, or that the answer comes from
    result: Whole | None = None  # what the call returned, with `ANSWER`
    doubt: dict[str, Any] | None = (
        None  # what is known of the call in doubt: a part of the question
    )


class Outcome(StrEnum):
    """How a call ended."""

    FINISHED = "finished"  # with a result
    FAILED = "failed"  # with an exception
    PAUSED = "paused"  # it asked a person: with the answer it runs again from its start
    UNTOUCHED = "untouched"  # before its body: the arguments did not fit
    CUT_OFF = "cut_off"  # cancelled in the middle: it may or may not have done its work
    GIVEN = "given"  # not run again: a person gave its result


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call that was admitted has ended. Counts for the execution that it names, and once."""

    code: ClassVar[int] = 22
    lease: Lease
    effect: int
    execution: str
    outcome: Outcome
    result: Whole | None  # None where there is none, or none that can be kept
    error: str  # the exception, or why the result cannot be kept
