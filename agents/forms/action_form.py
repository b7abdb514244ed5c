"""The decision on one call or waiting node. A post holds, for action 0 of question 1:

questions.1.actions.0.type      the decision chosen, empty for none; the last one counts
questions.1.actions.0.reason    the words of a rejection
questions.1.actions.0.reply     the words that stand in for the call's result
questions.1.actions.0.shape     of a result that is given: `json` for a value, else text
questions.1.actions.0.args…     the edited arguments, or what is written as the node
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agents.forms.posts import Post, last, wrong
from agents.forms.value_form import ValueForm
from agents.reviews import raw_json
from agents.reviews.diff import Diff, diff
from agents.reviews.fields import Nothing
from agents.reviews.request import (
    Action,
    ActionDecision,
    AnswerShape,
    Arguments,
    DecisionType,
)
from reviewconsole.protocol.plain import Plain

_WORDS_OF = {DecisionType.REJECT: "reason", DecisionType.RESPOND: "reply"}


@dataclass(slots=True)
class ActionForm:
    """The decision on one call or node, as far as it has come.

    `type` is what was chosen. `args` is the form of the arguments, or of the values that are
    written as the node; None where neither is allowed.
    """

    name: str  # what the names of its inputs begin with
    position: int
    action: Action
    type: DecisionType | None = None
    reason: str = ""
    reply: str = ""
    is_value: bool = False  # the reply is JSON: the result of a call in doubt
    args: ValueForm | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, position: int, action: Action, post: Post | None) -> ActionForm:
        """Make the form of an action, or of what was posted of it."""
        form = cls(name, position, action)
        if DecisionType.EDIT in action.allowed:
            proposed = dict(action.args)
            form.args = ValueForm.read(action.args_schema, proposed, post, f"{name}.args")
        elif DecisionType.WRITE in action.allowed:
            # Without a schema there is nothing to make fields of.
            as_json = action.write_schema is None
            form.args = ValueForm.read(
                action.write_schema, {}, post, f"{name}.args", as_json=as_json
            )
        chosen = last(post, f"{name}.type")
        if chosen in tuple(DecisionType):
            form.type = DecisionType(chosen)
        elif chosen:
            form.errors["type"] = f"{chosen!r} is not a decision."
        form.reason = last(post, f"{name}.reason")
        form.reply = last(post, f"{name}.reply")
        form.is_value = action.doubt is not None and last(post, f"{name}.shape") == AnswerShape.JSON
        return form

    @property
    def key(self) -> str:
        """What the ids of its elements end with: `1-0`."""
        return self.name.removeprefix("questions.").replace(".actions.", "-")

    @property
    def word(self) -> str:
        """What was chosen; empty for nothing."""
        return self.type or ""

    @property
    def changes(self) -> Diff | None:
        """What the edit changes; None while the typed arguments are not a value."""
        if self.args is None or isinstance(self.args.value, Nothing):
            return None
        return diff(dict(self.action.args), self.args.value)

    def decision(self) -> ActionDecision:
        """What was decided.

        Raises:
            InvalidAnswer: nothing was chosen, or what was typed cannot be used; `errors` by path.
        """
        match self.type:
            case None:
                raise wrong(f"{self.name}.type", f"Decide on {self.action.name}.")
            case DecisionType.EDIT:
                return ActionDecision(self.type, args=self._edited())
            case DecisionType.WRITE:
                return ActionDecision(self.type, args=self._values("cannot be written for"))
            case DecisionType.REJECT:
                return ActionDecision(self.type, message=self.reason)
            case DecisionType.RESPOND if self.is_value:
                return ActionDecision(self.type, answer=self._value(), shape=AnswerShape.JSON)
            case DecisionType.RESPOND:
                return ActionDecision(self.type, message=self.reply)
        return ActionDecision(self.type)

    def _value(self) -> Plain:
        try:
            return raw_json.load(self.reply)
        except raw_json.NotJson as error:
            raise wrong(f"{self.name}.reply", str(error)) from error

    def _edited(self) -> Arguments:
        edited = self._values("may not be edited")
        if not self.changes:
            remedy = f"Change something, or approve {self.action.name} as it is."
            raise wrong(f"{self.name}.args", f"Nothing was changed. {remedy}")
        return edited

    def _values(self, refusal: str) -> Arguments:
        if self.args is None or self.type not in self.action.allowed:
            raise wrong(f"{self.name}.type", f"{self.action.name} {refusal}.")
        values = self.args.checked()
        if not isinstance(values, dict):
            raise wrong(f"{self.name}.args", "This is an object: keys with values.")
        return values

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside what they are about."""
        for path, message in errors.items():
            part, _, rest = path.removeprefix(f"{self.name}.").partition(".")
            if part == "message" and self.type is not None:
                part = _WORDS_OF.get(self.type, part)
            if part != "args" or self.args is None:
                self.errors.setdefault(part, f"{rest}: {message}" if rest else message)
        if self.args is not None:
            self.args.refuse(errors)

    def anchor(self, path: str) -> str:
        """The id of the input that an error is about."""
        if self.args is not None and (found := self.args.anchor(path)):
            return found
        if path == f"{self.name}.message" and self.type is not None:
            return f"{self.name}.{_WORDS_OF.get(self.type, 'type')}"
        words = (f"{self.name}.reason", f"{self.name}.reply")
        return path if path in words else f"{self.name}.type"

    def typed(self) -> Iterator[tuple[str, str]]:
        """What a person wrote, to be copied: label and text."""
        if self.reason:
            yield f"Reason to reject {self.action.name}", self.reason
        if self.reply:
            label = "Result of" if self.action.doubt else "Answer for"
            yield f"{label} {self.action.name}", self.reply
        if self.args is not None and (self.changes or self.changes is None):
            is_edit = DecisionType.EDIT in self.action.allowed
            label = "Edited arguments of" if is_edit else "Values to write as"
            yield f"{label} {self.action.name}", self.args.text
