"""The form of one question of a pause. A post holds, for question 1:

questions.1.fingerprint     of what was shown
questions.1.raw             "1": answered in JSON instead of the form for its format
questions.1.moving          "on": answered whatever stands in the parts that move
questions.1.actions…        see `action_form` and `answer_form`
"""

from __future__ import annotations

from collections.abc import Mapping

from agents import reviews
from agents.exceptions import InvalidAnswer
from agents.forms.action_form import ActionForm
from agents.forms.answer_form import AnswerForm
from agents.forms.posts import Post, last
from agents.models import Interrupt
from agents.reviews import Answer, Request
from agents.services.decisions import Submission
from reviewconsole.protocol.messages import Moving


def is_raw(post: Post | None, interrupt: Interrupt) -> bool:
    """Whether this question is answered in JSON, which decides how it is read."""
    return last(post, f"questions.{interrupt.position}.raw") == "1"


class QuestionForm:
    """The decisions on one interrupt, as far as they have come."""

    def __init__(self, interrupt: Interrupt, request: Request, post: Post | None = None) -> None:
        self.interrupt = interrupt
        self.request = request
        self.name = f"questions.{interrupt.position}"
        self.fingerprint = last(post, f"{self.name}.fingerprint") or interrupt.fingerprint
        self.raw = is_raw(post, interrupt)
        self.moving = last(post, f"{self.name}.moving") == "on"
        self.errors: dict[str, str] = {}
        self.question: AnswerForm | None = None
        self.actions: list[ActionForm] = []
        if request.is_question:
            self.question = AnswerForm.read(f"{self.name}.actions.0", request, post)
        else:
            self.actions = [
                ActionForm.read(f"{self.name}.actions.{number}", number, action, post)
                for number, action in enumerate(request.actions)
            ]

    @property
    def parts(self) -> list[ActionForm] | list[AnswerForm]:
        """What is decided in it, one by one."""
        return [self.question] if self.question else self.actions

    @property
    def answer(self) -> Answer | None:
        """What the agent would receive; None while nothing could be sent."""
        try:
            return reviews.answer(self.request, [part.decision() for part in self.parts])
        except InvalidAnswer:
            return None

    def submission(self) -> Submission:
        """What was decided.

        Raises:
            InvalidAnswer: with everything that is missing or cannot be read, by path.
        """
        made = []
        errors: dict[str, str] = {}
        for part in self.parts:
            try:
                made.append(part.decision())
            except InvalidAnswer as error:
                errors |= error.errors
        if errors:
            raise InvalidAnswer("The form is not complete.", errors)
        moving = [Moving(**moved) for moved in self.interrupt.moving] if self.moving else ()
        return Submission(
            interrupt=self.interrupt.pk,
            fingerprint=self.fingerprint,
            decisions=tuple(made),
            moving=tuple(moving),
            raw=self.raw,
        )

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside what they are about; others are ignored."""
        mine = {path: text for path, text in errors.items() if self.is_about(path)}
        for part in self.parts:
            below = {path: mine.pop(path) for path in [*mine] if path.startswith(f"{part.name}.")}
            if below:
                part.refuse(below)
        self.errors |= mine

    def is_about(self, path: str) -> bool:
        """Whether an error with this path is about something in this question."""
        return path == self.name or path.startswith(f"{self.name}.")

    def anchor(self, path: str) -> str:
        """The id of the element that an error is about."""
        for part in self.parts:
            if path.startswith(f"{part.name}."):
                return part.anchor(path)
        return f"question-{self.interrupt.position}"

    def typed(self) -> list[tuple[str, str]]:
        """What a person wrote, to be copied from a form that can no longer be sent."""
        return [item for part in self.parts for item in part.typed()]
