"""One tool call, from the question whether it may run to its end: the same for every door.

Written once for tools that block and tools that await (`waiting`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

from reviewconsole.protocol.exceptions import FrameTooLarge, ProtocolError
from reviewconsole.protocol.messages import (
    Admission,
    CallTool,
    Outcome,
    RefusalCode,
    Refused,
    Result,
    Verdict,
    Whole,
)
from reviewconsole.runner import call_ends, journal, stored
from reviewconsole.runner.call_ends import CallEnd
from reviewconsole.runner.exceptions import Disconnected, Refusal
from reviewconsole.runner.gate import Call, Gate, strictest
from reviewconsole.runner.idempotence import is_idempotent
from reviewconsole.runner.journal import CallExecution
from reviewconsole.runner.stored import Unstorable
from reviewconsole.runner.tool_review import (
    Allowed,
    CallDoubt,
    CallReview,
    Declined,
    Given,
    declined,
)
from reviewconsole.runner.waiting import Waiting

logger = logging.getLogger(__name__)

LARGE = 256 * 1024  # bytes of a result that is waited for until the console has it

_NOTHING = stored.store({})

Body = Callable[[Call], Awaitable[Any]]
"""The tool itself, run with the arguments of a call; cancelled where its caller is."""


async def make(call: Call, gates: Sequence[Gate], body: Body, waiting: Waiting) -> Any:
    """What the agent gets for a call: the tool's result, or what stands in its place.

    Raises:
        GraphInterrupt: a person is asked first.
        Refusal, Disconnected: nobody can say whether it may run.
        Exception: whatever the tool raises.
    """
    if not gates:
        return _late(call)
    review = CallReview.of(call)
    decided = review.decided() if review is not None else None
    if isinstance(decided, Declined):
        return decided.output
    allowed = decided or Allowed(call, None)
    if len(gates) > 1:
        return await _make_anywhere(allowed.call, gates, body, waiting)
    (gate,) = gates
    return await _Making(allowed, gate, body, waiting).make()


def _late(call: Call) -> Any:
    """What stands in place of a call in a thread that outlived all runs: no console can say."""
    return _refused(
        call,
        f"This call of {call.tool.name} was made after its run, so nobody can say whether it may "
        "run. The tool was not executed.",
    )


async def _make_anywhere(call: Call, gates: Sequence[Gate], body: Body, waiting: Waiting) -> Any:
    """Make a call of which nobody can say to which of several runs it belongs.

    It has no place in the journal of any, so whenever its node runs again, it runs again.
    """
    args = _stored(call.args)
    asked = [await gate.admit(gate.request(call, args), waiting) for gate in gates]
    admission = strictest(asked)
    match admission.verdict:
        case Verdict.RUN:
            return await body(call)
        case Verdict.REFUSE:
            return _refused(call, admission.message)
        case _:
            return _held(call, None, f"Calls of {call.tool.name} are reviewed first")


class _Making:
    """A call of one run, at each place where it can end."""

    def __init__(self, allowed: Allowed, gate: Gate, body: Body, waiting: Waiting) -> None:
        self._call = allowed.call
        self._decision = allowed.decision
        self._gate = gate
        self._body = body
        self._waiting = waiting
        name, given = allowed.call.tool.name, allowed.call.injected
        injected = _stored(given) if given else _NOTHING
        self._args = injected and _stored(allowed.call.args)
        self._name = gate.journal.name(name, allowed.call.id, self._args, injected)

    async def make(self) -> Any:
        """Make the call once, however often its task runs: see `calls.make`."""
        while isinstance(begun := journal.begin(self._name), Future):
            end = await self._waiting.result(begun)
            if end.is_known:
                return end.take()
        try:
            return await self._ask(begun)
        finally:
            begun.withdraw()

    async def _ask(self, execution: CallExecution) -> Any:
        while True:
            admission = await self._gate.admit(self._request(execution), self._waiting)
            match admission:
                case Admission(verdict=Verdict.RUN, effect=effect):
                    execution.effect = effect
                    return await self._run(execution)
                case Admission(verdict=Verdict.ANSWER, result=Whole() as result):
                    return stored.load(result)
                case Admission(verdict=Verdict.DOUBT, doubt=dict(doubt), effect=int(effect)):
                    said = self._settle(doubt)
                    if isinstance(said, Allowed):
                        self._decision = said.decision
                    elif not isinstance(said, Given):
                        return said
                    elif await self._is_given(effect, said):
                        return said.output
                case Admission(verdict=Verdict.REVIEW):
                    why = f"Calls of {self._name.tool} are reviewed first"
                    return _held(self._call, CallReview.of(self._call), why)
                case _:
                    return _refused(self._call, admission.message)

    def _request(self, execution: CallExecution) -> CallTool:
        name = self._name
        return CallTool(
            self._gate.lease, name.ns, name.tool, name.call_id, self._args,
            occurrence=name.occurrence,
            execution=execution.id,
            decision=self._decision,
            is_idempotent=is_idempotent(self._call.tool),
            within=name.within,
        )  # fmt: skip

    def _settle(self, doubt: dict[str, Any]) -> Any:
        """What a person says of a call in doubt: `Allowed`, `Given`, or what stands in its place.

        Raises:
            GraphInterrupt: nobody said anything yet.
        """
        question = CallDoubt.of(self._call, doubt)
        said = question.decided() if question is not None else None
        if said is None:
            why = f"Calls of {self._name.tool} that may have run already are held"
            return _held(self._call, question, why)
        return said.output if isinstance(said, Declined) else said

    async def _is_given(self, effect: int, given: Given) -> bool:
        """Have the console keep the result that a person gave, before the agent goes on with it.

        It does not where the call's own end has come meanwhile: then it knows better.
        """
        end = call_ends.returned(given.output, outcome=Outcome.GIVEN)
        (result,) = await self._waiting.result(self._gate.tell(effect, "", end))
        match result:
            case Refused(reason=RefusalCode.FENCED):
                return False  # or the lease is over: who asks again is told so
            case Refused():
                raise Refusal.of(result)
        return True

    async def _run(self, execution: CallExecution) -> Any:
        execution.is_begun = True
        return await self._waiting.work(self._run_body(execution))

    async def _run_body(self, execution: CallExecution) -> Any:
        try:
            try:
                with journal.inside(self._name):
                    value = await self._body(self._call)
            except BaseException as error:
                await self._end(execution, call_ends.raised(error))
                raise
            await self._end(execution, call_ends.returned(value, keep=bool(self._name.ns)))
            return value
        finally:  # whatever went wrong here: the first end counts, and nobody may wait for ever
            execution.end(CallEnd(Outcome.CUT_OFF))

    async def _end(self, execution: CallExecution, end: CallEnd) -> None:
        """Tell the console before anybody goes on with the result.

        It is told before whatever the task writes, for what is sent stays in order, and not waited
        for; but a result so large that it may not be taken is.
        """
        if execution.effect is not None:
            told = self._gate.tell(execution.effect, execution.id, end)
            told.add_done_callback(partial(_log_refusal, self._name.tool))
            if end.kept is not None and len(end.kept.data) > LARGE:
                await self._see_taken(execution.effect, execution.id, end, told)
        execution.end(end)

    async def _see_taken(
        self, effect: int, execution: str, end: CallEnd, told: Future[tuple[Result, ...]]
    ) -> None:
        """Wait until the console has a large result; tell it without where no frame holds it."""
        try:
            await self._waiting.result(told)
        except FrameTooLarge as error:
            self._gate.tell(effect, execution, replace(end, kept=None, why=str(error)))
        except (Disconnected, ProtocolError, Refusal):
            pass  # it is in the log, and the agent's next step will say so too


def _log_refusal(tool: str, told: Future[tuple[Result, ...]]) -> None:
    error = told.exception()
    if error is not None:
        logger.warning("nobody could be told how a call of %s ended: %s", tool, error)
        return
    (result,) = told.result()
    if isinstance(result, Refused):
        logger.warning("the end of a call of %s does not count: %s", tool, result.message)


def _stored(args: dict[str, Any]) -> Whole | None:
    try:
        return stored.store(args)
    except Unstorable:
        return None


def _held(call: Call, question: CallReview | CallDoubt | None, why: str) -> Any:
    """Pause for a question, or what stands in place of the call where it cannot be put.

    Raises:
        GraphInterrupt: it can.
    """
    if question is None:
        return _refused(
            call,
            f"{why}, and this one was made outside of the graph's task, where nothing can pause "
            "(in a thread of its own: start it with contextvars.copy_context().run; in a graph "
            "with a thread_id of its own: leave that out). The tool was not executed.",
        )
    try:
        pause = question.ask()
    except Unstorable as error:
        return _refused(
            call, f"{why}, and this one cannot be shown: {error}. The tool was not executed."
        )
    raise pause


def _refused(call: Call, reason: str) -> Any:
    logger.warning("a call of %s was refused: %s", call.tool.name, reason)
    return declined(call, reason).output
