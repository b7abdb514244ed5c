"""A thread's story: its messages, with what happened between them.

A pause stands at the call it was about, a failure and a way back where the thread was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.models import Interrupt, Run
from agents.reviews import Action, Request, raw_json
from agents.reviews.conversation import Entry, ToolCall
from agents.reviews.diff import Diff, diff
from agents.reviews.request import Arguments
from reviewconsole.protocol.plain import Plain

VERBS = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "respond": "answered in its place",
    "skip": "skipped",
    "write": "written by hand",
    "dismiss": "dismissed",
}
VERBS_IN_DOUBT = {  # of a call that may have run
    **VERBS,
    "approve": "run again",
    "reject": "not run again",
    "respond": "result given",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One call or question of a pause, and what was decided about it."""

    interrupt: Interrupt
    name: str
    is_question: bool
    decided: Mapping[str, Any] | None  # {type, args?, message?, answer?}; None while it waits
    args: Arguments = field(default_factory=dict)  # as the agent proposed them
    in_doubt: bool = False  # the call may have run before it was asked about

    @property
    def verb(self) -> str:
        """What was done, in a word."""
        if self.decided is None:
            return ""
        if self.is_question and self.decided["type"] == "respond":
            return "answered"
        verbs = VERBS_IN_DOUBT if self.in_doubt else VERBS
        return verbs.get(self.decided["type"], "decided")

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


def asked_about(
    interrupt: Interrupt, request: Request, action: Action, decided: Mapping[str, Any] | None
) -> Asked:
    """An action of a question, with what was decided about it."""
    in_doubt = action.doubt is not None
    return Asked(interrupt, action.name, request.is_question, decided, action.args, in_doubt)


@dataclass(slots=True)
class Call:
    """A call in the story: what the model wanted, what a person made of it, what came back."""

    call: ToolCall
    asked: Asked | None = None
    ran: str = ""  # where the page tells how it ran; "": it did not, or nobody knows


@dataclass(frozen=True, slots=True)
class Note:
    """A run that failed, or that took the thread back, where it did."""

    run: Run
    checkpoint_id: str  # where it stands
    is_travel: bool
    step: int | None = None  # of that checkpoint


@dataclass(slots=True)
class Passage:
    """A message with its calls, and what happened after it."""

    entry: Entry | None  # None: before the first message
    calls: list[Call] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    counted: range = range(0)  # how many messages there are with it, and with each of its results
    checkpoint_id: str = ""  # the first that is known to have the message

    @property
    def after(self) -> list[Asked | Note]:
        """What happened after the message, oldest first."""
        return sorted([*self.notes, *self.asked], key=_when)


def _when(happened: Asked | Note) -> tuple[int, int]:
    """A run goes back before it asks, and has failed before what it asks waits."""
    if isinstance(happened, Note):
        return happened.run.pk, 0 if happened.is_travel else 1
    return happened.interrupt.run_id or 0, 2


def tell(
    entries: Sequence[Entry],
    pauses: Iterable[tuple[Interrupt, Request, Sequence[Any] | None]],
    notes: Iterable[Note] = (),
    counts: Mapping[str, int] | None = None,
) -> list[Passage]:
    """Put the pauses, oldest first, with their decisions into the conversation.

    `counts` say how many messages there were at checkpoints, as far as that is known. A pause finds
    its call by id, or else by name and arguments, at or after the place of the pause before it. One
    that is about no call stands after the last message of its checkpoint; where that is not known,
    after the message it was reached at as far as that can be told, and at the end while it waits.
    """
    counts = counts or {}
    story = passages(entries)
    place = _first_said(story)
    for interrupt, request, decisions in pauses:
        told = _place(story, counts.get(interrupt.checkpoint_id))
        for position, action in enumerate(request.actions):
            decided = decisions[position] if decisions and position < len(decisions) else None
            asked = asked_about(interrupt, request, action, decided)
            args = request.value if request.is_question else action.args
            found = _find(story, place, action.call_id, action.name, args, request.is_question)
            if found is not None:
                place, call = found
                call.asked = asked
            elif told is not None:
                _passage(story, told).asked.append(asked)
            else:
                _passage(story, place if decided else len(story) - 1).asked.append(asked)
    for note in notes:
        told = _place(story, counts.get(note.checkpoint_id))
        _passage(story, len(story) - 1 if told is None else told).notes.append(note)
    return story


def passages(entries: Sequence[Entry]) -> list[Passage]:
    """The messages alone, each with its calls and with the messages that are told with it."""
    following = [entry.position for entry in entries[1:]]
    ends = [*following, *(entry.position + 1 for entry in entries[-1:])]
    return [
        Passage(
            entry,
            [Call(call) for call in entry.tool_calls],
            counted=range(entry.position + 1, end + 1),
        )
        for entry, end in zip(entries, ends, strict=True)
    ]


def date(story: Sequence[Passage], counts: Mapping[str, int]) -> None:
    """Name the first checkpoint of each message, where the one before it is known too.

    `counts` are those of the checkpoints of one branch.
    """
    known = sorted(counts.items())
    at = 0
    for passage in story:
        while at < len(known) and passage.entry and known[at][1] <= passage.entry.position:
            at += 1
        if 0 < at < len(known) and passage.entry:
            passage.checkpoint_id = known[at][0]


def link(story: Sequence[Passage], links: Mapping[tuple[str, str], str]) -> None:
    """Say of each call where it is told how it ran, by its tool and id."""
    for passage in story:
        for item in passage.calls:
            item.ran = links.get((item.call.name, item.call.id or ""), "")


def _place(story: Sequence[Passage], count: int | None) -> int | None:
    """Which passage is the last one when there are so many messages."""
    if count is None:
        return None
    said = [n for n, each in enumerate(story) if each.entry and each.entry.position < count]
    return said[-1] if said else 0


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


def _passage(story: list[Passage], place: int) -> Passage:
    if not story:
        story.append(Passage(None))
    return story[max(place, 0)]
