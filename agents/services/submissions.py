"""Submissions: what a reviewer sent, checked before anything of it is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agents import reviews
from agents.exceptions import InvalidAnswer
from agents.models import Agent, Interrupt
from agents.reviews import schemas
from agents.reviews.paths import join
from agents.reviews.request import Arguments
from agents.reviews.state_schema import channels
from agents.reviews.storable import unstorable, walk
from agents.services import interrupts
from agents.services.moved_questions import is_bound, moving_of
from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Plain, Typed
from reviewconsole.protocol.values import Moving

_OF_LANGGRAPH = ("__", "branch:")  # how the names of its own channels begin


@dataclass(frozen=True, slots=True)
class Submission:
    """The decision on one question, as a form carries it.

    `fingerprint` is of what the form showed, `decisions` has one entry for each action of the
    request. `moving` are the parts of the question that the decision does not depend on. `raw`
    answers in JSON where the console reads a custom into the question that the agent may not have.
    """

    interrupt: int
    fingerprint: str
    decisions: Sequence[reviews.ActionDecision]
    moving: tuple[Moving, ...] = ()
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A decision that may be recorded, with the exact value that the agent will receive."""

    asked: Interrupt
    request: reviews.Request
    decisions: tuple[reviews.ActionDecision, ...]
    moving: tuple[Moving, ...]
    answer: reviews.Answer

    @property
    def actions(self) -> list[Plain]:
        """What was decided about each action, as it is kept."""
        return [_described(self.request, item) for item in self.decisions]

    @property
    def writes(self) -> frozenset[str]:
        """The channels of the agent's state that are written as the waiting node."""
        if self.answer.then != "write" or not isinstance(self.answer.resume, dict):
            return frozenset()
        if self.asked.ns:
            return frozenset()  # a graph inside has channels of its own
        return frozenset(map(str, self.answer.resume))


def check(asked: Interrupt, submission: Submission) -> Checked:
    """Check one decision against the question it is about. Queries: 1 for skip and write, else 0.

    Raises:
        InvalidAnswer: the request does not allow this answer; `errors` by path.
    """
    request = interrupts.request_of(asked, raw=submission.raw, learned=False)
    made = tuple(submission.decisions)
    answer = reviews.answer(request, made)
    _check_storable(answer.resume)
    _check_moving(asked, submission.moving)
    if answer.then in ("skip", "write"):
        _check_alone(asked)
    return Checked(asked, request, made, submission.moving, answer)


def check_update(
    agent: Agent, update: Mapping[str, Plain] | None, written: Collection[str] = ()
) -> Arguments | None:
    """Check the channels of the state that are to be written before the agent goes on. Pure.

    `written` are those that are written as the waiting node, by the same form.

    Raises:
        InvalidAnswer: no such channel, or one of LangGraph's own, or one in `written`, or a value
            against its schema, or one that cannot be stored; `errors` by paths like
            `state.<channel>`.
    """
    if not update:
        return None
    known = {channel.name: channel.schema for channel in channels(agent.spec.get("state_schema"))}
    errors: dict[str, str] = {}
    for name, value in update.items():
        at = join("state", name)
        if not name or name.startswith(_OF_LANGGRAPH) or (known and name not in known):
            errors[at] = f"The agent's state has no channel {name!r}."
            continue
        if name in written:
            errors[at] = (
                "The values written as the node write this channel already, so this would be lost: "
                "write it in one place."
            )
            continue
        schema = known.get(name)
        if schema is not None and not any(isinstance(item, Typed) for _, item in walk(value)):
            found = schemas.errors(value, schema)
            errors |= {join(at, *path): message for path, message in found.items()}
        errors |= {join(at, *path): message for path, message in unstorable(value)}
        if at not in errors and (problem := _encoding_problem(value)):
            errors[at] = problem
    if errors:
        told = " ".join(f"{path}: {message}" for path, message in errors.items())
        raise InvalidAnswer(f"The state cannot be changed like this. {told}"[:300], errors)
    return dict(update)


def _check_storable(value: Plain) -> None:
    if problem := _encoding_problem(value):
        raise InvalidAnswer(problem, {"": f"LangGraph cannot store this answer: {problem}"})


def _encoding_problem(value: Plain) -> str:
    try:
        plain.encode(value)
    except plain.UnreadableValue as error:
        return str(error)
    return ""


def _check_moving(asked: Interrupt, moving: tuple[Moving, ...]) -> None:
    known = set(moving_of(asked))
    for part in moving:
        if part not in known:
            raise _invalid("moving", f"Nothing was seen to move at {part.path}.")
    if moving and not is_bound(asked.value, moving):
        raise _invalid("moving", "Nothing of the question would be left to answer.")


def _check_alone(asked: Interrupt) -> None:
    others = Interrupt.objects.filter(run=asked.run_id).exclude(pk=asked.pk).exists()
    if others or len(asked.run.next) > 1:
        waiting = ", ".join(asked.run.next)
        raise _invalid(
            "actions.0.type",
            f"Several things wait at once ({waiting}), so {asked.node} cannot be stepped over or "
            "written for: answer each instead.",
        )


def _invalid(path: str, message: str) -> InvalidAnswer:
    return InvalidAnswer(f"This answer cannot be sent. {message}", {path: message})


def _described(request: reviews.Request, item: reviews.ActionDecision) -> Plain:
    said: dict[str, Plain] = {"type": str(item.type)}
    if item.args is not None:
        said["args"] = item.args
    if item.message:
        said["message"] = item.message
    if request.is_question or item.shape is not None:
        said["answer"] = item.answer
        said["shape"] = str(item.shape or request.shapes[0])
    return said  # type: ignore[return-value]  # a dict with text keys is plain
