"""A thread's story: its messages, with every pause standing at the call it was about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.models import Interrupt
from agents.reviews import Request, raw_json
from agents.reviews.conversation import Entry, ToolCall
from agents.reviews.diff import Diff, diff
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain

_VERBS = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "respond": "answered in its place",
    "skip": "skipped",
    "write": "written by hand",
    "dismiss": "dismissed",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One call or question of a pause, and what was decided about it."""

    interrupt: Interrupt
    name: str
    is_question: bool
    decided: Mapping[str, Any] | None  # {type, args?, message?, answer?}; None while it waits
    args: Arguments = field(default_factory=dict)  # as the agent proposed them

    @property
    def verb(self) -> str:
        """What was done, in a word."""
        if self.decided is None:
            return ""
        if self.is_question and self.decided["type"] == "respond":
            return "answered"
        return _VERBS.get(self.decided["type"], "decided")

    @property
    def words(self) -> str:
        """What the person said: the reason, or the answer."""
        if self.decided is None:
            return ""
        answer = self.decided.get("answer")
        said = self.decided.get("message") or answer
        if said is None:
            return ""
        return said if isinstance(said, str) else raw_json.dump(said, indent=None)

    @property
    def changes(self) -> Diff | None:
        """What a person made of the arguments; None where they were left alone."""
        if self.decided is None or "args" not in self.decided:
            return None
        return diff(self.args, self.decided["args"])


@dataclass(slots=True)
class Call:
    """A call in the story: what the model wanted, what a person made of it, what came back."""

    call: ToolCall
    asked: Asked | None = None


@dataclass(slots=True)
class Passage:
    """A message with its calls, and the questions that were asked after it."""

    entry: Entry | None  # None: asked before the first message
    calls: list[Call] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


def tell(
    entries: Sequence[Entry], pauses: Iterable[tuple[Interrupt, Request, Sequence[Any] | None]]
) -> list[Passage]:
    """Put the pauses, oldest first, with their decisions into the conversation.

    A pause finds its call by id, or else by name and arguments, at or after the place of the pause
    before it. One that is about no call stands after the message it was reached at, as far as that
    can be told; one that still waits stands at the end.
    """
    story = [Passage(entry, [Call(call) for call in entry.tool_calls]) for entry in entries]
    place = _first_said(story)
    for interrupt, request, decisions in pauses:
        for position, action in enumerate(request.actions):
            decided = decisions[position] if decisions and position < len(decisions) else None
            asked = Asked(interrupt, action.name, request.is_question, decided, action.args)
            args = request.value if request.is_question else action.args
            found = _find(story, place, action.call_id, action.name, args, request.is_question)
            if found is None:
                _stand_alone(story, place if decided else len(story) - 1, asked)
            else:
                place, call = found
                call.asked = asked
    return story


def _first_said(story: Sequence[Passage]) -> int:
    said = (index for index, passage in enumerate(story) if passage.entry and passage.entry.text)
    return next(said, 0)


def _find(
    story: Sequence[Passage],
    start: int,
    call_id: str | None,
    name: str,
    args: Plain | Mapping[str, Plain],
    is_question: bool,
) -> tuple[int, Call] | None:
    for index in range(start, len(story)):
        for call in story[index].calls:
            if call.asked is not None:
                continue
            same_name = is_question or call.call.name == name
            if (call_id and call.call.id == call_id) or (same_name and call.call.args == args):
                return index, call
    return None


def _stand_alone(story: list[Passage], place: int, asked: Asked) -> None:
    if not story:
        story.append(Passage(None))
    story[max(place, 0)].asked.append(asked)
