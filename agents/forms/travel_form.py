"""What people order from a thread's past: replay, fork, copy, another decision. A post holds:

next        the nodes that the page said run next, once for each
reason      why, in the person's words
title       of a copy, the new thread's

and for a fork besides

as_node     whose writes the changes are; empty for the node that ran last
then        `run` or `stay`
previewed   what the preview was drawn for, see `ForkForm.digest`
state.…     the changes, see `state_form`
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.exceptions import InvalidAnswer
from agents.forms.posts import Post, last
from agents.forms.state_form import StateForm
from agents.reviews.diff import Diff, diff, same
from agents.reviews.fields import Nothing
from agents.reviews.state_edit import PREFIX, ChannelForm
from reviewconsole.protocol.plain import Plain
from reviewconsole.protocol.tagged import canonical

START, END = "__start__", "__end__"
MAX_REASON = 2000  # characters

_NOTHING = "This changes nothing yet: change the state, or choose another place to go on from."


class TravelForm:
    """Why somebody goes back, and what they were told would happen."""

    def __init__(self, post: Post | None = None) -> None:
        self.reason = last(post, "reason").strip()
        self.title = last(post, "title").strip()[:200]
        self.said = tuple((post or {}).get("next", ()))
        self.errors: dict[str, str] = {}
        if len(self.reason) > MAX_REASON:
            self.errors["reason"] = f"At most {MAX_REASON:,} characters; these are {self.length}."

    @property
    def length(self) -> str:
        """How long the reason is."""
        return f"{len(self.reason):,}"

    def check(self, *, reason: bool = False) -> None:
        """Let what cannot be used fail before anything is ordered.

        Raises:
            InvalidAnswer: the reason is too long, or missing where `reason` asks for one.
        """
        if reason and not self.reason:
            self.errors["reason"] = "Say why; it is kept in the history."
        if self.errors:
            raise InvalidAnswer("The form is not complete.", self.errors)

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Show again with these errors."""
        self.errors |= errors


@dataclass(frozen=True, slots=True)
class Writer:
    """A node whose writes the changes can be, which says where the agent goes on.

    `node` is empty for LangGraph's own choice, the node that ran last, and `END` to finish.
    """

    node: str
    waits: bool = False  # it was to run next: it is passed over

    @property
    def is_end(self) -> bool:
        """Whether nothing runs afterwards."""
        return self.node == END

    @property
    def is_other(self) -> bool:
        """Whether it is a node that neither ran last nor was to run next."""
        return bool(self.node) and not (self.waits or self.is_end)


class Fork(NamedTuple):
    """What a fork writes, as whom, and whether it goes on."""

    update: dict[str, Plain] | None
    as_node: str
    stays: bool


@dataclass(frozen=True, slots=True)
class United:
    """A value that a reducer unites with what stands in its channel."""

    channel: str
    reducer: str
    value: Plain


@dataclass(frozen=True, slots=True)
class Written:
    """What a fork writes: channels that get another value, and those that a reducer unites."""

    replaced: Diff
    united: tuple[United, ...]

    def __bool__(self) -> bool:
        """Whether anything is written."""
        return bool(self.replaced or self.united)


class ForkForm(TravelForm):
    """Changes of the state at a checkpoint, whose they are, and what happens then."""

    def __init__(
        self,
        schema: Plain,
        values: Mapping[str, Plain],
        writers: Sequence[Writer],
        post: Post | None = None,
    ) -> None:
        """Make the form of this state, or of what was posted of it; the first writer is usual."""
        super().__init__(post)
        state: dict[Any, Plain] = {**values}
        self.state = StateForm(schema, state, post)
        self.writers = tuple(writers)
        self.as_node = last(post, "as_node")
        self.stays = last(post, "then") == "stay"
        self.previewed = last(post, "previewed")
        self._post = post or {}
        if self.as_node not in {writer.node for writer in self.writers}:
            self.errors["as_node"] = f"{self.as_node!r} is no node that can have written here."

    @property
    def is_unfolding(self) -> bool:
        """Whether a button or box of the form was pressed that only shows more fields."""
        opened = (form for form in self.state.channels if form.on)
        return "op" in self._post or any(
            f"{form.field.name}:shown" not in self._post for form in opened
        )

    @property
    def chosen(self) -> Writer:
        """As whom the changes are written."""
        found = (writer for writer in self.writers if writer.node == self.as_node)
        return next(found, self.writers[0])

    @property
    def has_others(self) -> bool:
        """Whether it can be written as a node that neither ran last nor was to run next."""
        return any(writer.is_other for writer in self.writers)

    def made(self) -> Fork:
        """The fork as it was ordered; what stands there already is not written again.

        Raises:
            InvalidAnswer: something that was typed or chosen cannot be used; `errors` by path.
        """
        errors = dict(self.errors)
        try:
            self.state.update()
            if not (self.update or self.as_node or self.stays):
                errors["update"] = _NOTHING
        except InvalidAnswer as error:
            errors |= error.errors
        if errors:
            raise InvalidAnswer("The form is not complete.", errors)
        return Fork(self.update, self.as_node, self.stays)

    @property
    def update(self) -> dict[str, Plain] | None:
        """The channels that get something new; None for none, or while one cannot be read."""
        known = {form.channel: form for form in self.state.channels}
        given = self.state.preview or {}
        news = {
            channel: value for channel, value in given.items() if _is_new(known[channel], value)
        }
        return news or None

    @property
    def written(self) -> Written:
        """What would be written, to be shown before it is."""
        known = {form.channel: form for form in self.state.channels}
        update = self.update or {}
        replaced = [channel for channel in update if not known[channel].reducer]
        stood = ((channel, known[channel].current) for channel in replaced)
        return Written(
            replaced=diff(
                {channel: value for channel, value in stood if not isinstance(value, Nothing)},
                {channel: update[channel] for channel in replaced},
            ),
            united=tuple(
                United(channel, known[channel].reducer, value)
                for channel, value in update.items()
                if known[channel].reducer
            ),
        )

    @property
    def digest(self) -> str:
        """What a preview was drawn for: the post that orders the fork repeats it."""
        update: dict[Any, Plain] = {**(self.update or {})}
        made = canonical([update, self.as_node, self.stays])
        return hashlib.sha256(made).hexdigest()

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Show again with these errors: beside the fields they are about, and in sum."""
        super().refuse(errors)
        self.state.refuse(errors)

    def summary(self) -> list[tuple[str, str]]:
        """Every error, with the id of the element it is about."""
        return [(self._anchor(path), _named(path, text)) for path, text in self.errors.items()]

    def _anchor(self, path: str) -> str:
        if path.startswith(PREFIX):
            return self.state.anchor(path) or "fork"
        return path if path in ("as_node", "reason") else "fork"


def writers(waiting: Sequence[str], nodes: Sequence[str]) -> tuple[Writer, ...]:
    """Everybody as whom a change can be written: the usual first, then the nodes that wait.

    `nodes` are all nodes that the graph is known to have.
    """
    # One node can wait several times (Send), and the start has no writes but the input.
    skipped = [node for node in dict.fromkeys(waiting) if node != START]
    others = (node for node in nodes if node not in skipped)
    return (
        Writer(""),
        *(Writer(node, waits=True) for node in skipped),
        *map(Writer, others),
        Writer(END),
    )


def _named(path: str, text: str) -> str:
    """An error of a channel with its place in front."""
    return f"{path.removeprefix(f'{PREFIX}.')}: {text}" if path.startswith(f"{PREFIX}.") else text


def _is_new(form: ChannelForm, value: Plain) -> bool:
    """Whether writing a value changes anything, as far as that is known before."""
    return bool(form.reducer) or isinstance(form.current, Nothing) or not same(form.current, value)
