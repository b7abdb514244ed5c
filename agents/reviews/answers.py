"""From what a reviewer decided to what the agent receives, or a refusal that says why.

Agents check answers late or not at all, and LangGraph keeps a wrong one for ever; so everything
that can be checked is checked here, before anything is sent. Nothing ever falls through to approve.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn, TypeAlias, assert_never

from agents.exceptions import InvalidAnswer
from agents.reviews import raw_json, schemas
from agents.reviews.dialects import dialect_of
from agents.reviews.diff import diff
from agents.reviews.headline import shorten
from agents.reviews.paths import Path, join
from agents.reviews.request import (
    Action,
    ActionDecision,
    Answer,
    AnswerShape,
    Arguments,
    DecisionType,
    Request,
    Schema,
    Then,
)
from agents.reviews.storable import unstorable
from reviewconsole.protocol.plain import Plain

Problems: TypeAlias = Iterator[tuple[Path, str]]

_SUMMARY = 300  # characters
_NAMED_CHANGES = 3  # of an edit, in its summary
_FIELDS = {
    DecisionType.APPROVE: (),
    DecisionType.EDIT: ("args",),
    DecisionType.REJECT: ("message",),
    DecisionType.RESPOND: ("message",),
    DecisionType.SKIP: (),
    DecisionType.WRITE: ("args",),
}
_VALUE = ("answer", "shape")  # of a result that is no text
_THEN: Mapping[DecisionType, Then] = {DecisionType.SKIP: "skip", DecisionType.WRITE: "write"}


def answer(request: Request, decisions: Sequence[ActionDecision]) -> Answer:
    """Check the decisions, one for each action in order, and write what the agent will receive.

    Pure and cheap: it also serves to show what will be sent before it is sent.

    Raises:
        InvalidAnswer: with every problem found, by path: a wrong count, a decision that is not
            allowed or has what does not belong to it, arguments or an answer against their schema,
            words that are missing or would be lost, a value LangGraph cannot store.
    """
    if len(decisions) != len(request.actions):
        _refuse({"actions": f"Needs {len(request.actions)} decisions, got {len(decisions)}."})
    pairs = list(zip(request.actions, decisions, strict=True))
    errors: dict[str, str] = {}
    for position, (action, decision) in enumerate(pairs):
        for path, message in _problems(request, action, decision):
            errors.setdefault(join("actions", position, *path), message)
    if errors:
        _refuse(errors)
    summary = "; ".join(_summary(request, action, decision) for action, decision in pairs)
    resume = dialect_of(request).resume(request, decisions)
    if not request.is_question and request.response_schema is not None:
        found = schemas.errors(resume, request.response_schema)  # a last look, as the agent's own
        if found:
            _refuse({join("actions", 0, *path): message for path, message in found.items()})
    return Answer(resume, shorten(summary, _SUMMARY), _then(decisions))


def _refuse(errors: Mapping[str, str]) -> NoReturn:
    told = " ".join(f"{path}: {message}" for path, message in errors.items())
    raise InvalidAnswer(shorten(f"This answer cannot be sent. {told}", _SUMMARY), errors)


def _then(decisions: Sequence[ActionDecision]) -> Then:
    """How the agent goes on; only a node that waits alone can be skipped or written for."""
    return next((_THEN[d.type] for d in decisions if d.type in _THEN), "run")


def _problems(request: Request, action: Action, decision: ActionDecision) -> Problems:
    if decision.type not in action.allowed:
        allowed = ", ".join(action.allowed) or "nothing"
        yield ("type",), f"{decision.type} is not allowed for {action.name}; allowed: {allowed}."
    elif request.is_question:
        yield from _answer_problems(request, decision)
    else:
        yield from _call_problems(action, decision)


def _call_problems(action: Action, decision: ActionDecision) -> Problems:
    given = {
        "args": decision.args is not None,
        "message": bool(decision.message),
        "answer": decision.answer is not None,
        "shape": decision.shape is not None,
    }
    is_value = action.doubt is not None and decision.shape is AnswerShape.JSON
    fields = _VALUE if is_value else _FIELDS[decision.type]
    for name, is_given in given.items():
        if is_given and name not in fields:
            yield (name,), f"Does not belong to {decision.type} and would be lost."
    match decision.type:
        case DecisionType.EDIT if not isinstance(decision.args, dict):
            yield ("args",), "An edit needs all arguments, as an object."
        case DecisionType.EDIT:
            yield from _args_problems(decision.args, action.args_schema)
        case DecisionType.WRITE if not isinstance(decision.args, dict) or not decision.args:
            yield ("args",), f"Name what {action.name} would have written, or skip it."
        case DecisionType.WRITE:
            yield from _args_problems(decision.args, action.write_schema)
        case DecisionType.RESPOND if is_value:
            yield from _within("message", unstorable(decision.answer))
        case DecisionType.RESPOND if not decision.message.strip():
            yield ("message",), "Write the answer: the agent takes it as the result of the call."
        case DecisionType.REJECT if decision.message and not action.takes_reason:
            instead = ", or respond" if DecisionType.RESPOND in action.allowed else ""
            yield ("message",), f"The agent would not see a reason. Leave it out{instead}."
    yield from _within("message", unstorable(decision.message))


def _args_problems(args: Arguments | None, schema: Schema | None) -> Problems:
    if schema is not None:
        yield from _within("args", schemas.errors(args, schema).items())
    yield from _within("args", unstorable(args))


def _answer_problems(request: Request, decision: ActionDecision) -> Problems:
    if decision.args is not None:
        yield ("args",), "A question has no arguments; write an answer."
    if decision.message:
        yield ("message",), "The answer to a question is its answer, not a message."
    shape = decision.shape or request.shapes[0]
    if shape not in request.shapes:
        shapes = ", ".join(request.shapes)
        yield ("shape",), f"This question cannot be answered as {shape}; possible: {shapes}."
        return
    match shape:
        case AnswerShape.TEXT | AnswerShape.DATA:
            if not isinstance(decision.answer, str) or not decision.answer.strip():
                yield ("answer",), "Write an answer."
        case AnswerShape.TYPED if request.response_schema is not None:
            found = schemas.errors(decision.answer, request.response_schema)
            yield from _within("answer", found.items())
    yield from _within("answer", unstorable(decision.answer))


def _within(name: str, problems: Iterable[tuple[Path, str]]) -> Problems:
    return (((name, *path), message) for path, message in problems)


def _summary(request: Request, action: Action, decision: ActionDecision) -> str:
    if action.doubt is not None:
        return _doubt_summary(action, decision)
    match decision.type:
        case DecisionType.APPROVE:
            return f"approved {action.name}"
        case DecisionType.EDIT:
            return f"edited {action.name} ({_edited(action, decision)})"
        case DecisionType.REJECT:
            return f"rejected {action.name}" + (f": {decision.message}" if decision.message else "")
        case DecisionType.RESPOND if request.is_question:
            return f"answered: {_told(decision.answer)}"
        case DecisionType.RESPOND:
            return f"responded to {action.name}: {decision.message}"
        case DecisionType.SKIP:
            return f"skipped {action.name}"
        case DecisionType.WRITE:
            return f"wrote as {action.name}: {_told(decision.args)}"
    assert_never(decision.type)


def _doubt_summary(action: Action, decision: ActionDecision) -> str:
    match decision.type:
        case DecisionType.APPROVE:
            return f"let {action.name} run again"
        case DecisionType.RESPOND:
            value = decision.answer if decision.shape is AnswerShape.JSON else decision.message
            return f"gave the result of {action.name}: {_told(value)}"
        case _:
            reason = f": {decision.message}" if decision.message else ""
            return f"kept {action.name} from running again{reason}"


def _edited(action: Action, decision: ActionDecision) -> str:
    changes = diff(action.args, decision.args).changes
    paths = list(dict.fromkeys(join("", *change.path) for change in changes))
    more = f" and {len(paths) - _NAMED_CHANGES} more" if len(paths) > _NAMED_CHANGES else ""
    return (", ".join(paths[:_NAMED_CHANGES]) + more) or "nothing changed"


def _told(value: Plain) -> str:
    return value if isinstance(value, str) else raw_json.dump(value, indent=None)
