"""The decision form: what a reviewer chose and typed, and the decisions it means.

One form for every pause. It is the same object whether nothing was posted yet, half of it is made,
or it was refused: whatever was typed is in it, to be shown again. A post holds, for call 0:

    actions.0.type      the decision chosen, empty for none; the last one counts
    actions.0.reason    the words of a rejection
    actions.0.reply     the words that stand in for the call's result
    actions.0.args…     the edited arguments, see `reviews.fields`
    actions.0.answer…   the answer to a question, text or fields
    actions.0.shape     how that answer is wrapped
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from agents import reviews
from agents.exceptions import InvalidAnswer
from agents.reviews import raw_json, schema_form
from agents.reviews.diff import Diff, diff
from agents.reviews.fields import MISSING, Field, Nothing, errors_of, with_errors
from agents.reviews.request import (
    Action,
    ActionDecision,
    AnswerShape,
    DecisionType,
    Request,
    Schema,
)
from reviewconsole.protocol.plain import Plain

Post: TypeAlias = Mapping[str, Sequence[str]]

_PANELS = {DecisionType.REJECT: "reason", DecisionType.RESPOND: "reply"}


@dataclass(slots=True)
class CallForm:
    """The decision on one call, as far as it has come.

    `type` is what was chosen. `args` is the form of the arguments, None where they may not be
    edited; `edited` is the value it holds, which is not one while something in it is wrong.
    """

    position: int
    action: Action
    type: DecisionType | None = None
    reason: str = ""
    reply: str = ""
    args: Field | None = None
    edited: Plain | Nothing = MISSING
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the names of its inputs begin with."""
        return f"actions.{self.position}"

    @property
    def changes(self) -> Diff | None:
        """What the edit changes; None while the typed arguments are not a value."""
        return (
            None if isinstance(self.edited, Nothing) else diff(dict(self.action.args), self.edited)
        )

    def decision(self) -> ActionDecision:
        """What was decided.

        Raises:
            InvalidAnswer: nothing was chosen, or the edit cannot be used; `errors` by path.
        """
        match self.type:
            case None:
                raise _invalid(f"{self.name}.type", f"Decide on {self.action.name}.")
            case DecisionType.EDIT:
                return ActionDecision(self.type, args=self._edited_args())
            case DecisionType.REJECT:
                return ActionDecision(self.type, message=self.reason)
            case DecisionType.RESPOND:
                return ActionDecision(self.type, message=self.reply)
        return ActionDecision(self.type)

    def _edited_args(self) -> dict[str, Plain]:
        if self.args is None:
            raise _invalid(f"{self.name}.type", f"{self.action.name} may not be edited.")
        if found := errors_of(self.args):
            raise InvalidAnswer("The edited arguments cannot be used.", found)
        if not isinstance(self.edited, dict):
            raise _invalid(f"{self.name}.args", "Arguments are an object: keys with values.")
        if not self.changes:
            remedy = f"Change something, or approve {self.action.name} as it is."
            raise _invalid(f"{self.name}.args", f"Nothing was changed. {remedy}")
        return self.edited  # type: ignore[return-value]  # arguments have names

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside what they are about."""
        for path, message in errors.items():
            part, _, rest = path.removeprefix(f"{self.name}.").partition(".")
            if part == "message":
                part = _PANELS.get(self.type, part) if self.type else part
            if part != "args" or self.args is None:
                self.errors.setdefault(part, f"{rest}: {message}" if rest else message)
        if self.args is not None:
            self.args = with_errors(self.args, _untold(self.args, errors))

    def typed(self) -> Iterator[tuple[str, str]]:
        """What a person wrote, to be copied: label and text."""
        if self.reason:
            yield f"Reason to reject {self.action.name}", self.reason
        if self.reply:
            yield f"Answer for {self.action.name}", self.reply
        if self.args is not None and (self.changes or self.changes is None):
            yield f"Edited arguments of {self.action.name}", _field_text(self.args, self.edited)


@dataclass(slots=True)
class QuestionForm:
    """The answer to a question, as far as it has come.

    `text` is what was typed; with a response schema `fields` holds it instead.
    """

    action: Action
    shapes: tuple[AnswerShape, ...]
    shape: AnswerShape
    text: str = ""
    fields: Field | None = None
    value: Plain | Nothing = MISSING
    errors: dict[str, str] = field(default_factory=dict)

    name = "actions.0"

    def decision(self) -> ActionDecision:
        """What was answered.

        Raises:
            InvalidAnswer: the answer is not a value of its shape; `errors` by path.
        """
        return ActionDecision(DecisionType.RESPOND, answer=self._answer(), shape=self.shape)

    def _answer(self) -> Plain:
        if self.fields is not None:
            if isinstance(self.value, Nothing):
                raise InvalidAnswer("The answer is not complete.", errors_of(self.fields))
            return self.value
        if self.shape is not AnswerShape.JSON:
            return self.text
        if not self.text.strip():
            raise _invalid(f"{self.name}.answer", "Write a value as JSON; text in double quotes.")
        try:
            return raw_json.load(self.text)
        except raw_json.NotJson as error:
            raise _invalid(f"{self.name}.answer", str(error)) from error

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside what they are about."""
        if self.fields is not None:
            self.fields = with_errors(self.fields, _untold(self.fields, errors))
            return
        for path, message in errors.items():
            part, _, rest = path.removeprefix(f"{self.name}.").partition(".")
            self.errors.setdefault(part, f"{rest}: {message}" if rest else message)

    def typed(self) -> Iterator[tuple[str, str]]:
        """What a person wrote, to be copied: label and text."""
        if self.text:
            yield "Your answer", self.text
        if self.fields is not None:
            yield "Your answer", _field_text(self.fields, self.value)


class DecisionForm:
    """The form of a request; without a post, the form as it is first shown."""

    def __init__(self, request: Request, fingerprint: str, post: Post | None = None) -> None:
        self.request = request
        self.fingerprint = _last(post, "fingerprint") or fingerprint  # of what was shown
        self.errors: dict[str, str] = {}
        self.question: QuestionForm | None = None
        self.calls: list[CallForm] = []
        if request.is_question:
            self.question = _question(request, post)
        else:
            self.calls = [_call(n, action, post) for n, action in enumerate(request.actions)]

    @property
    def single(self) -> CallForm | None:
        """The one call, where there is one: its buttons decide at once."""
        return self.calls[0] if len(self.calls) == 1 else None

    @property
    def undecided(self) -> int:
        """How many calls have no decision yet."""
        return sum(call.type is None for call in self.calls)

    @property
    def _parts(self) -> list[CallForm] | list[QuestionForm]:
        return [self.question] if self.question else self.calls

    def decisions(self) -> tuple[ActionDecision, ...]:
        """What was decided, one for each action.

        Raises:
            InvalidAnswer: with everything that is missing or cannot be read, by path.
        """
        made: list[ActionDecision] = []
        errors: dict[str, str] = {}
        for part in self._parts:
            try:
                made.append(part.decision())
            except InvalidAnswer as error:
                errors |= error.errors
        if errors:
            raise InvalidAnswer("The form is not complete.", errors)
        return tuple(made)

    def preview(self) -> str:
        """What the agent would receive, as JSON; empty while nothing could be sent."""
        try:
            return raw_json.dump(reviews.answer(self.request, self.decisions()).resume)
        except InvalidAnswer:
            return ""

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Show again with these errors, by path: beside what they are about, and in sum."""
        self.errors |= errors
        for part in self._parts:
            part.refuse({p: text for p, text in errors.items() if p.startswith(f"{part.name}.")})

    def summary(self) -> list[tuple[str, str]]:
        """Every error, with the id of the input it is about."""
        return [(self._anchor(path), text) for path, text in self.errors.items()]

    def _anchor(self, path: str) -> str:
        for part in self._parts:
            form = part.args if isinstance(part, CallForm) else part.fields
            for place in reversed(list(form.walk()) if form else []):
                if path == place.path or path.startswith(f"{place.path}."):
                    return place.input_name
            if isinstance(part, CallForm) and part.type and path == f"{part.name}.message":
                return f"{part.name}.{_PANELS.get(part.type, 'type')}"
        return path if path.startswith("actions.") else "decide"

    def typed(self) -> list[tuple[str, str]]:
        """What a person wrote, to be copied from a form that can no longer be sent."""
        return [item for part in self._parts for item in part.typed()]


def _call(position: int, action: Action, post: Post | None) -> CallForm:
    call = CallForm(position, action)
    if DecisionType.EDIT in action.allowed:
        call.args, call.edited = _fields(
            action.args_schema, dict(action.args), post, f"{call.name}.args"
        )
    chosen = _last(post, f"{call.name}.type")
    if chosen in tuple(DecisionType):
        call.type = DecisionType(chosen)
    elif chosen:
        call.errors["type"] = f"{chosen!r} is not a decision."
    call.reason = _last(post, f"{call.name}.reason")
    call.reply = _last(post, f"{call.name}.reply")
    return call


def _question(request: Request, post: Post | None) -> QuestionForm:
    chosen = _last(post, f"{QuestionForm.name}.shape")
    shape = next((s for s in request.shapes if s == chosen), request.shapes[0])
    form = QuestionForm(request.actions[0], request.shapes, shape)
    if shape is AnswerShape.TYPED:
        form.fields, form.value = _fields(
            request.response_schema, MISSING, post, f"{form.name}.answer"
        )
    else:
        form.text = _last(post, f"{form.name}.answer")
    return form


def _fields(
    schema: Schema | None, before: Plain | Nothing, post: Post | None, prefix: str
) -> tuple[Field, Plain | Nothing]:
    # A post without any of these inputs was made by a form that did not show them.
    shown = post is not None and any(name.startswith(prefix) for name in post)
    if post is None or not shown:
        form = schema_form.build(schema, before, prefix)
        return form, form.value
    parsed = schema_form.parse(schema, before, post, prefix)
    return parsed.form, parsed.form.value


def _untold(form: Field, errors: Mapping[str, str]) -> dict[str, str]:
    """The errors the form does not show already."""
    told = errors_of(form)
    return {path: text for path, text in errors.items() if told.get(path) != text}


def _field_text(form: Field, value: Plain | Nothing) -> str:
    if not isinstance(value, Nothing):
        return raw_json.dump(value)
    return "\n".join(f"{place.label}: {place.text}" for place in form.walk() if place.text)


def _last(post: Post | None, name: str) -> str:
    given = post.get(name) if post is not None else None
    return given[-1].replace("\r\n", "\n") if given else ""


def _invalid(path: str, message: str) -> InvalidAnswer:
    return InvalidAnswer(message, {path: message})
