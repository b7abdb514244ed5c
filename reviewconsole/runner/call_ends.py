"""How a tool call ended, and whether what it returned can be kept for when its task runs again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from types import TracebackType
from typing import Any

from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp, ParentCommand
from langgraph.types import Command
from pydantic import BaseModel

from reviewconsole.protocol.messages import Outcome, Whole
from reviewconsole.runner import stored
from reviewconsole.runner.failures import connection_error

LONGEST_ERROR = 2000  # characters


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How one execution of a call ended: with a value, or with an exception."""

    outcome: Outcome
    value: Any = None
    kept: Whole | None = None  # the value, as the journal keeps it
    why: str = ""  # the exception, or why the value cannot be kept
    error: BaseException | None = None

    @property
    def is_known(self) -> bool:
        """Whether it says what the call did: if not, the call is asked for again."""
        return self.outcome in (Outcome.FINISHED, Outcome.FAILED)

    def take(self) -> Any:
        """What another execution of this very call gets: its own copy, where one is kept."""
        if self.error is not None:
            raise self.error
        return self.value if self.kept is None else stored.load(self.kept)


UNTOUCHED = CallEnd(Outcome.UNTOUCHED)


def returned(value: Any, *, keep: bool = True, outcome: Outcome = Outcome.FINISHED) -> CallEnd:
    """The end of a call that returned a value, to be kept if a task can ask for it again.

    A value that does not come back from LangGraph's store as it was is not kept: an agent must
    not get another one when its node runs again.
    """
    if not keep:
        return CallEnd(outcome, value)
    try:
        kept, back = stored.store_and_load(value)
        changed = not is_same(value, back)
    except Exception as error:  # of the store, or of a value that cannot be compared
        return CallEnd(outcome, value, why=_text(str(error)))
    if changed:
        name = type(value).__name__
        why = f"this {name} does not come back from LangGraph's store as it was"
        return CallEnd(outcome, value, why=why)
    return CallEnd(outcome, value, kept)


def raised(error: BaseException) -> CallEnd:
    """The end of a call that raised an exception."""
    outcome, name = _outcome(error), type(error).__name__
    why = name if outcome is Outcome.CUT_OFF else f"{name}: {error}"
    return CallEnd(outcome, why=_text(why), error=error)


def _outcome(error: BaseException) -> Outcome:
    match error:
        case ParentCommand():  # of a graph that the tool ran: it has done its work, and leaves
            return Outcome.FAILED
        case GraphBubbleUp():
            return Outcome.PAUSED
        case BaseExceptionGroup() if all(_outcome(e) is Outcome.PAUSED for e in error.exceptions):
            return Outcome.PAUSED  # of the calls that it made side by side
        case Exception() if connection_error(error) is not None:
            return Outcome.CUT_OFF  # by the loss of its run, in a call that it made: not its fault
        case Exception():
            return Outcome.UNTOUCHED if _is_before_body(error.__traceback__) else Outcome.FAILED
        case _:  # cancelled, or the process is to end
            return Outcome.CUT_OFF


def _is_before_body(traceback: TracebackType | None) -> bool:
    """Whether an exception comes from reading the arguments: the tool itself was not reached."""
    while traceback is not None:
        match traceback.tb_frame.f_code.co_name:
            case BaseTool._to_args_and_kwargs.__name__:
                return isinstance(traceback.tb_frame.f_locals.get("self"), BaseTool)
            case "_run" | "_arun":
                return False
        traceback = traceback.tb_next
    return False


def _text(text: str) -> str:
    whole = text.encode(errors="backslashreplace").decode()  # lone surrogates cannot be sent
    return whole[:LONGEST_ERROR]


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types throughout."""
    if type(one) is not type(other):
        return False
    match one:
        case dict():
            return _are_same(one, other) and _are_same(one.values(), other.values())
        case list() | tuple():
            return _are_same(one, other)
        case BaseModel():
            return is_same(one.__dict__, other.__dict__) and is_same(
                one.__pydantic_extra__, other.__pydantic_extra__
            )
        case float():
            return repr(one) == repr(other)  # a NaN is the same as a NaN; 0.0 is not -0.0
        case Command(goto=tuple() as goto):  # it comes back as a list, which says the same
            return is_same(replace(one, goto=list(goto)), other)
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return all(is_same(getattr(one, name), getattr(other, name)) for name in names)
    equal: Any = one == other
    return equal is True


def _are_same(some: Iterable[Any], others: Iterable[Any]) -> bool:
    some, others = list(some), list(others)
    return len(some) == len(others) and all(map(is_same, some, others))
