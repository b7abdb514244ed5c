"""The questions put to a person about one tool call, and what the answers make of it.

A question has the form that LangChain's review middleware has with `interrupt_mode="per_call"`
(`langchain.agents.middleware.human_in_the_loop`), so one form serves both. `gate` tells them apart,
and `doubt` a call that may have run already from one that has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langchain_core.messages import ToolMessage
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, _validate_resume
from pydantic import (
    BaseModel,
    Discriminator,
    JsonValue,
    PydanticUserError,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    create_model,
)

from reviewconsole.protocol.plain import Plain
from reviewconsole.runner import places, tool_arguments
from reviewconsole.runner.answers import AnswerBook, Asked, open_book
from reviewconsole.runner.gate import Call
from reviewconsole.runner.stored import Unstorable

GATE = "console"
"""What the questions of this module say of themselves."""


class Approve(BaseModel):
    """Run the call as it is."""

    type: Literal["approve"]


class Reject(BaseModel):
    """Do not run the call; the agent is told so, and why."""

    type: Literal["reject"]
    message: str = ""


class Respond(BaseModel):
    """Do not run the call; the message stands for its result."""

    type: Literal["respond"]
    message: str


class GiveResult(BaseModel):
    """Do not run the call again; this is its result, of whatever type the tool returns."""

    type: Literal["respond"]
    message: JsonValue


@dataclass(frozen=True, slots=True)
class Allowed:
    """A call as a reviewer wants it, and the decision that says so."""

    call: Call
    decision: int | None


@dataclass(frozen=True, slots=True)
class Declined:
    """A call that does not run: what the agent gets in its place."""

    output: Any


@dataclass(frozen=True, slots=True)
class Given:
    """A call that may have run: what a person says its result is."""

    output: Any


class _Question:
    """A question about one call, in the task that makes it."""

    def __init__(self, call: Call, book: AnswerBook, **more: Any) -> None:
        self._call = call
        self._book = book
        self._question = {
            "type": "tool_approval",
            "tool_call_id": call.id,
            "name": call.tool.name,
            "args": call.shown,
            "description": "",
            "gate": GATE,
            **more,
        }

    def ask(self) -> GraphInterrupt:
        """The pause that puts the question to a person; raise it.

        Raises:
            Unstorable: LangGraph's store cannot hold the arguments.
        """
        name = self._book.name(Asked.here(self._question))
        schema = self._answers().json_schema()
        return GraphInterrupt((Interrupt(self._question, name, response_schema=schema),))

    def _take(self) -> tuple[dict[str, Any], int | None] | None:
        """The answer to this question, and by which decision; None: nobody decided yet."""
        if not self._book.has_answers:  # as in most runs: what would be asked need not be named
            return None
        try:
            asked = Asked.here(self._question)
        except Unstorable:
            return None  # it cannot be asked, so nobody can have answered it
        taken = self._book.take_bound(asked)
        if taken is None:
            return None
        answer = _validate_resume(self._answers(), taken.value)
        self._book.record(asked, taken)
        return answer, taken.source.decision if taken.source else None

    def _answers(self) -> TypeAdapter[Any]:
        raise NotImplementedError


class CallReview(_Question):
    """Whether a call may run: asked before it does, where the console says so."""

    @classmethod
    def of(cls, call: Call) -> CallReview | None:
        """The review of this call; None outside of a task, where nothing can pause."""
        book = _book_here()
        return None if book is None else cls(call, book)

    def decided(self) -> Allowed | Declined | None:
        """The call as a reviewer wants it, or what stands in its place; None: nobody decided yet.

        Raises:
            pydantic.ValidationError: the answer is none that this question allows.
        """
        taken = self._take()
        if taken is None:
            return None
        answer, decision = taken
        match answer["type"]:
            case "approve":
                return Allowed(self._call, decision)
            case "edit":
                return Allowed(self._call.edited(answer["edited_action"]["args"]), decision)
            case "respond":
                return declined(self._call, answer["message"], status="success")
            case _:
                return declined(self._call, _rejection(self._call, answer.get("message")))

    def _answers(self) -> TypeAdapter[Any]:
        """What may be answered: an edit must name the same tool, and fit its arguments."""
        name: Any = Literal[self._call.tool.name]
        action = create_model("EditedAction", name=name, args=_arguments(self._call))
        edit = create_model("Edit", type=Literal["edit"], edited_action=action)
        one: Any = Annotated[Approve | edit | Reject | Respond, Discriminator("type")]
        return TypeAdapter(Annotated[one, WrapValidator(_as_sent)])


class CallDoubt(_Question):
    """Whether a call that may have run is to run again: nobody knows how it ended.

    `doubt` is what the console knows of it.
    """

    @classmethod
    def of(cls, call: Call, doubt: dict[str, Any]) -> CallDoubt | None:
        """The question about this call; None outside of a task, where nothing can pause."""
        book = _book_here()
        return None if book is None else cls(call, book, doubt=doubt)

    def decided(self) -> Allowed | Declined | Given | None:
        """What a person says of the call; None: nobody decided yet.

        Raises:
            pydantic.ValidationError: the answer is none that this question allows.
        """
        taken = self._take()
        if taken is None:
            return None
        answer, decision = taken
        match answer["type"]:
            case "approve":
                return Allowed(self._call, decision)
            case "respond" if self._call.id is None:
                return Given(answer["message"])
            case "respond":
                return Given(declined(self._call, answer["message"], status="success").output)
            case _:
                return declined(self._call, _left(self._call, answer.get("message")))

    def _answers(self) -> TypeAdapter[Any]:
        """What may be answered. What a tool message says is text; a function may return more."""
        give: Any = GiveResult if self._call.id is None else Respond
        one: Any = Annotated[Approve | Reject | give, Discriminator("type")]
        return TypeAdapter(Annotated[one, WrapValidator(_as_sent)])


def _book_here() -> AnswerBook | None:
    """The book of this task's answers; None where no question would pause the run."""
    place = places.here()
    return None if place is None or place.is_apart else open_book()


def is_doubt(question: Plain) -> bool:
    """Whether a question asks what to do about a call that may have run already."""
    return isinstance(question, dict) and question.get("gate") == GATE and "doubt" in question


def declined(
    call: Call, message: str, *, status: Literal["success", "error"] = "error"
) -> Declined:
    """What the agent gets in place of the result: a tool message, or its text without a call id."""
    if call.id is None:
        return Declined(message)
    return Declined(ToolMessage(message, name=call.tool.name, tool_call_id=call.id, status=status))


def _rejection(call: Call, reason: str | None) -> str:
    """What LangChain's middleware tells the model."""
    if reason:
        return f"User rejected the tool call for `{call.tool.name}` with reason: {reason}"
    named = f" with id {call.id}" if call.id else ""
    return (
        f"User rejected the tool call for `{call.tool.name}`{named}. The tool was not executed. "
        "Do not retry this tool call unless the user explicitly requests it."
    )


def _left(call: Call, reason: str | None) -> str:
    """What the model is told of a call that may have run, and does not run again."""
    because = f" The reviewer says: {reason}" if reason else ""
    return (
        f"Nobody can say whether this call of `{call.tool.name}` has done its work: it was cut "
        f"off. It was not run again.{because}"
    )


def _arguments(call: Call) -> Any:
    """The type of edited arguments; those that an app injects may be left out, and stay."""
    try:
        shown = tool_arguments.schema(call.tool)
        known = tool_arguments.model(call.tool)
        if known is not None and call.injected:
            known = _with_injected(known, call)
    except PydanticUserError:  # a type that JSON Schema cannot say: the tool itself will check
        return dict[str, Any]
    if known is not None:
        return known
    properties = {**shown.get("properties", {}), **{name: {} for name in call.injected}}
    return Annotated[dict[str, Any], WithJsonSchema({**shown, "properties": properties})]


def _with_injected(known: type[BaseModel], call: Call) -> type[BaseModel]:
    """The model with the injected arguments, checked to have a JSON schema."""
    fields: dict[str, Any] = {
        name: (tool_arguments.hint(call.tool, name), value) for name, value in call.injected.items()
    }
    made = create_model(known.__name__, __base__=known, **fields)
    TypeAdapter(made).json_schema()
    return made


def _as_sent(answer: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Check an answer and pass it on as it was sent: the tool itself converts its arguments."""
    check(answer)
    return answer
