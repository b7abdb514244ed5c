"""The words of a review: what a pause asks, what a reviewer decided, what the agent receives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from reviewconsole.protocol.plain import Plain

PauseKind = Literal["interrupt", "breakpoint", "node_interrupt"]
Then = Literal["run", "skip", "write", "finish"]
"""How the agent goes on; see `Decision.Then`."""
Schema: TypeAlias = dict[Any, Any]
Arguments: TypeAlias = dict[Any, Plain]
"""The arguments of a call; the keys are text unless an agent stored something odd."""


class DecisionType(StrEnum):
    """What a reviewer may decide about one action; the first four are LangChain's words."""

    APPROVE = "approve"  # run it as proposed
    EDIT = "edit"  # run it with other arguments
    REJECT = "reject"  # do not run it; tell the agent why
    RESPOND = "respond"  # do not run it; the reviewer's words are its result
    SKIP = "skip"  # a waiting node: go on as if it had run and changed nothing
    WRITE = "write"  # a waiting node: go on as if it had run and made these values


class AnswerShape(StrEnum):
    """How the answer to a question is wrapped. Agents read it strictly, type and all."""

    TEXT = "text"  # the words themselves
    DATA = "data"  # {"data": words}, as the tutorial chatbot reads it
    JSON = "json"  # the value as written
    TYPED = "typed"  # a value that fits the question's response schema


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the agent, as its runner described it: the source of argument schemas."""

    name: str
    args_schema: Schema


@dataclass(frozen=True, slots=True)
class Pause:
    """What the runner reported of one pause; what the dialects read."""

    value: Plain
    kind: PauseKind
    response_schema: Plain = None
    tools: tuple[Tool, ...] = ()
    state_schema: Plain = None  # of the agent's state: what may be written as a node
    is_doubted: bool = False  # the effect journal says of the call what the question says


class DoubtKind(StrEnum):
    """Why nobody knows whether a call did its work."""

    NO_END = "no_end"  # it began, and its end was never told
    FAILED = "failed"  # it failed, perhaps after a part of its work
    NO_RESULT = "no_result"  # it has run, and what it returned could not be kept


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the effect journal knows of a call that may have run."""

    effect: int  # the journal's entry
    started_at: datetime
    runner: str
    kind: DoubtKind
    error: str  # the exception, or why the result could not be kept


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to decide: a tool call, a node to run, or a question to answer.

    `args` are the real arguments; `description` is the agent's own claim about them. `args_schema`
    is None where nobody published a usable one; `schema_problem` then says why, if there was one.
    For a node that waits, `write_schema` is of the values that may be written as this node, each
    key a channel of the state (None: any channels). `takes_reason` is False where the agent would
    never see the reason of a rejection: then it may have none. `doubt` is set where the call may
    have run: then `approve` runs it again, and `respond` gives its result, as text or as a value.
    """

    name: str
    args: Arguments = field(default_factory=dict)
    description: str = ""
    args_schema: Schema | None = None
    schema_problem: str = ""
    allowed: tuple[DecisionType, ...] = ()
    call_id: str | None = None
    write_schema: Schema | None = None
    takes_reason: bool = True
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What a pause asks of a reviewer, whatever format it came in.

    Either calls or a node to decide on one by one, or a question: then `shapes` is not empty, the
    usual shape first, and the only action allows `respond` alone. `value` is what the agent sent,
    untouched; `note` tells the reviewer what the console could not make of it, or what a decision
    cannot do here. `guessed` says that the format is a custom and not a published one: the reviewer
    may answer in JSON instead (`read` with `raw`). `response_schema` is what the agent checks the
    answer by; the console has checked it first.
    """

    dialect: str
    actions: tuple[Action, ...]
    headline: str
    value: Plain
    question: str = ""
    shapes: tuple[AnswerShape, ...] = ()
    response_schema: Schema | None = None
    note: str = ""
    guessed: bool = False

    @property
    def is_question(self) -> bool:
        """Whether the reviewer answers in their own words rather than deciding calls."""
        return bool(self.shapes)


@dataclass(frozen=True, slots=True)
class ActionDecision:
    """What a reviewer decided about one action; only the fields of its type may be set.

    `edit` has all `args` of the call, `write` the channels to write with their values; `reject` may
    have and a call's `respond` must have a `message`; the answer to a question has `answer` and its
    `shape` (the request's first shape when None). The result of a call in doubt is a `message`, or
    an `answer` whose `shape` is JSON.
    """

    type: DecisionType
    args: Arguments | None = None
    message: str = ""
    answer: Plain = None
    shape: AnswerShape | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What will be sent to the agent, exactly, and one line about it for people.

    `resume` is what the agent receives when it runs; None when the node is skipped, and the map of
    channels to their values when they are written in its place. `then` says which.
    """

    resume: Plain
    summary: str
    then: Then = "run"
