"""The answer to a question. A post holds, for question 1:

questions.1.actions.0.answer…   what was answered, a text or fields
questions.1.actions.0.shape     how it is wrapped
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agents.exceptions import InvalidAnswer
from agents.forms.posts import Post, last, wrong
from agents.forms.value_form import ValueForm
from agents.reviews import raw_json
from agents.reviews.fields import MISSING
from agents.reviews.request import (
    Action,
    ActionDecision,
    AnswerShape,
    DecisionType,
    Request,
)
from reviewconsole.protocol.plain import Plain


@dataclass(slots=True)
class AnswerForm:
    """The answer to a question, as far as it has come.

    `text` is what was typed; with a response schema `fields` holds it instead.
    """

    name: str  # what the names of its inputs begin with
    action: Action
    shapes: tuple[AnswerShape, ...]
    shape: AnswerShape
    text: str = ""
    fields: ValueForm | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, request: Request, post: Post | None) -> AnswerForm:
        """Make the form of a question, or of what was posted of it."""
        chosen = last(post, f"{name}.shape")
        shape = next((shape for shape in request.shapes if shape == chosen), request.shapes[0])
        form = cls(name, request.actions[0], request.shapes, shape)
        if shape is AnswerShape.TYPED:
            schema = request.response_schema
            form.fields = ValueForm.read(schema, MISSING, post, f"{name}.answer")
        else:
            form.text = last(post, f"{name}.answer")
        return form

    @property
    def key(self) -> str:
        """What the ids of its elements end with: `1-0`."""
        return self.name.removeprefix("questions.").replace(".actions.", "-")

    @property
    def word(self) -> str:
        """`respond` when there is an answer that could be sent; empty while there is none."""
        try:
            self.decision()
        except InvalidAnswer:
            return ""
        return DecisionType.RESPOND if self.fields is not None or self.text.strip() else ""

    def decision(self) -> ActionDecision:
        """What was answered.

        Raises:
            InvalidAnswer: the answer is not a value of its shape; `errors` by path.
        """
        return ActionDecision(DecisionType.RESPOND, answer=self._answer(), shape=self.shape)

    def _answer(self) -> Plain:
        if self.fields is not None:
            return self.fields.checked()
        if self.shape is not AnswerShape.JSON:
            return self.text
        if not self.text.strip():
            raise wrong(f"{self.name}.answer", "Write a value as JSON; text in double quotes.")
        try:
            return raw_json.load(self.text)
        except raw_json.NotJson as error:
            raise wrong(f"{self.name}.answer", str(error)) from error

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside what they are about."""
        if self.fields is not None:
            self.fields.refuse(errors)
            return
        for path, message in errors.items():
            part, _, rest = path.removeprefix(f"{self.name}.").partition(".")
            self.errors.setdefault(part, f"{rest}: {message}" if rest else message)

    def anchor(self, path: str) -> str:
        """The id of the input that an error is about."""
        found = self.fields.anchor(path) if self.fields is not None else None
        return found or f"{self.name}.{'shape' if path.endswith('.shape') else 'answer'}"

    def typed(self) -> Iterator[tuple[str, str]]:
        """What a person wrote, to be copied: label and text."""
        if self.text:
            yield "Your answer", self.text
        if self.fields is not None and self.fields.text:
            yield "Your answer", self.fields.text
