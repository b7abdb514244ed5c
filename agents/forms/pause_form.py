"""The form of a whole pause: every question that is open, and changes of the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agents.exceptions import InvalidAnswer
from agents.forms.action_form import ActionForm
from agents.forms.answer_form import AnswerForm
from agents.forms.posts import Post
from agents.forms.question_form import QuestionForm
from agents.forms.state_form import StateForm
from agents.models import Interrupt
from agents.reviews import Request
from agents.services.decisions import Submission
from reviewconsole.protocol.plain import Plain


class Made(NamedTuple):
    """What a form says once it is complete."""

    submissions: list[Submission]
    update: dict[str, Plain] | None


class PauseForm:
    """The form of a pause; without a post, as it is first shown."""

    def __init__(
        self,
        asked: Sequence[tuple[Interrupt, Request]],
        post: Post | None = None,
        state: StateForm | None = None,
    ) -> None:
        self.questions = [QuestionForm(*question, post) for question in asked]
        self.state = state
        self.errors: dict[str, str] = {}

    @property
    def parts(self) -> list[ActionForm | AnswerForm]:
        """What is decided on this page, one by one."""
        return [part for question in self.questions for part in question.parts]

    @property
    def single(self) -> ActionForm | None:
        """The one call or node, where there is nothing beside it: its buttons decide at once."""
        match self.parts:
            case [ActionForm() as only]:
                return only
        return None

    @property
    def lone_question(self) -> AnswerForm | None:
        """The one question, where there is nothing beside it."""
        match self.parts:
            case [AnswerForm() as only]:
                return only
        return None

    @property
    def undecided(self) -> int:
        """How many parts have no decision yet."""
        return sum(not part.word for part in self.parts)

    def of(self, interrupt: Interrupt) -> QuestionForm | None:
        """The form of this interrupt; None when it is no longer open."""
        found = (form for form in self.questions if form.interrupt.pk == interrupt.pk)
        return next(found, None)

    def made(self) -> Made:
        """What was decided and changed.

        Raises:
            InvalidAnswer: with everything that is missing or cannot be read, by path.
        """
        submissions: list[Submission] = []
        update: dict[str, Plain] | None = None
        errors: dict[str, str] = {}
        for question in self.questions:
            try:
                submissions.append(question.submission())
            except InvalidAnswer as error:
                errors |= error.errors
        try:
            update = self.state.update() if self.state else None
        except InvalidAnswer as error:
            errors |= error.errors
        if errors:
            raise InvalidAnswer("The form is not complete.", errors)
        return Made(submissions, update)

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Show again with these errors, by path: beside what they are about, and in sum."""
        self.errors |= errors
        for question in self.questions:
            question.refuse(errors)
        if self.state:
            self.state.refuse(errors)

    def summary(self) -> list[tuple[str, str]]:
        """Every error, with the id of the element it is about."""
        return [(self._anchor(path), text) for path, text in self.errors.items()]

    def _anchor(self, path: str) -> str:
        for question in self.questions:
            if question.is_about(path):
                return question.anchor(path)
        if self.state and (found := self.state.anchor(path)):
            return found
        return "decide"

    def typed(self) -> list[tuple[str, str]]:
        """What a person wrote, to be copied from a form that can no longer be sent."""
        return [item for question in self.questions for item in question.typed()]
