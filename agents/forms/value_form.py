"""A value as fields: arguments, a typed answer, a channel of the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.exceptions import InvalidAnswer
from agents.forms.posts import Post, holds
from agents.reviews import raw_json, schema_form
from agents.reviews.fields import Field, Nothing, errors_of, with_errors
from agents.reviews.request import Schema
from reviewconsole.protocol.plain import Plain


@dataclass(slots=True)
class ValueForm:
    """The fields of a value as they were typed, and the value they mean, if they mean one."""

    root: Field
    value: Plain | Nothing

    @classmethod
    def read(
        cls,
        schema: Schema | None,
        before: Plain | Nothing,
        post: Post | None,
        prefix: str,
        *,
        as_json: bool = False,
    ) -> ValueForm:
        """Make the form of `before`, or of what was posted of it.

        A post without any of its inputs was made by a form that did not show them. `as_json` shows
        it first as one JSON text.
        """
        is_first = post is None or not holds(post, prefix)
        if is_first and as_json and not isinstance(before, Nothing):
            root = schema_form.build_json(before, prefix)
        elif post is None or is_first:
            root = schema_form.build(schema, before, prefix)
        else:
            root = schema_form.parse(schema, before, post, prefix).form
        return cls(root, root.value)

    def checked(self) -> Plain:
        """The value.

        Raises:
            InvalidAnswer: the fields say what is wrong; `errors` by path.
        """
        found = errors_of(self.root)
        if found or isinstance(self.value, Nothing):
            raise InvalidAnswer("What was typed cannot be used.", found)
        return self.value

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors, by path, beside the fields they are about; others are ignored."""
        told = errors_of(self.root)
        news = {path: text for path, text in errors.items() if told.get(path) != text}
        self.root = with_errors(self.root, news)

    def anchor(self, path: str) -> str | None:
        """The name of the input that stands nearest to a path, None when it is of another form."""
        for place in reversed(list(self.root.walk())):
            if path == place.path or path.startswith(f"{place.path}."):
                return place.input_name
        return None

    @property
    def text(self) -> str:
        """What was typed, to be copied."""
        if not isinstance(self.value, Nothing):
            return raw_json.dump(self.value)
        return "\n".join(f"{place.label}: {place.text}" for place in self.root.walk() if place.text)
