"""Changes of the agent's state, made before it goes on. A post holds, for the channel `plan`:

state.plan:on       it is to be written
state.plan:shown    its fields were drawn, which they are once it is on
state.plan…         the fields, see `reviews.state_edit`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agents.exceptions import InvalidAnswer
from agents.forms.posts import Post
from agents.reviews import state_edit
from agents.reviews.fields import with_errors
from agents.reviews.state_edit import ChannelForm
from reviewconsole.protocol.plain import Plain


class StateForm:
    """The channels that may be written, those that are on with their fields."""

    def __init__(self, schema: Plain, state: Plain, post: Post | None = None) -> None:
        post = post or {}
        every = state_edit.build(schema, state)
        asked_for = {form.channel for form in every if form.on_name in post}
        hidden = {form.channel for form in every if _shown_name(form) not in post}
        # A channel that was switched on a moment ago has no fields in the post yet.
        unread = {form.on_name for form in every if form.channel in hidden}
        read = state_edit.parse(
            schema, state, {name: texts for name, texts in post.items() if name not in unread}
        )
        self.channels = [
            replace(form, on=True) if form.channel in asked_for else form for form in read.channels
        ]
        self.preview = read.update
        self._errors = dict(read.errors)
        for form in self.channels:
            if form.on and form.channel in hidden:
                self._errors[form.field.path] = f"Write what {form.channel} is to be."

    @property
    def is_open(self) -> bool:
        """Whether any channel is to be written."""
        return any(form.on for form in self.channels)

    def update(self) -> dict[str, Plain] | None:
        """The channels to write; None for none.

        Raises:
            InvalidAnswer: what was typed for one cannot be used; `errors` by path.
        """
        if self._errors:
            raise InvalidAnswer("The state cannot be changed so.", self._errors)
        return self.preview

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside the fields they are about; others are ignored."""
        news = {path: text for path, text in errors.items() if self._errors.get(path) != text}
        self.channels = [
            replace(form, field=with_errors(form.field, news)) for form in self.channels
        ]

    def anchor(self, path: str) -> str | None:
        """The id of the element that an error is about; None when it is about something else."""
        for form in self.channels:
            for place in reversed(list(form.field.walk())):
                if path == place.path or path.startswith(f"{place.path}."):
                    return place.input_name if form.on else form.on_name
        return None


def _shown_name(form: ChannelForm) -> str:
    return f"{form.field.name}:shown"
