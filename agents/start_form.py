"""The form that starts a run: one message for an agent that converses, else its input's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.exceptions import InvalidInput
from agents.reviews import raw_json, schema_form
from agents.reviews.fields import INVALID, MISSING, Field, Nothing, with_errors
from agents.reviews.request import Schema
from agents.services.column_text import column_text
from reviewconsole.protocol.plain import Plain

if TYPE_CHECKING:
    from django.http import QueryDict

WAYS = {"message": "Message", "fields": "All fields", "json": "JSON"}
PREFIX = "input"  # of the names of the fields


class StartForm:
    """What a person gives a run to work on, in one of three ways, and what is wrong with it.

    A post holds `way`, `title`, `thread`, and with the way `message`, `json`, or the fields of
    `reviews.schema_form` under `input`. Whatever was typed is kept to be shown again.
    """

    def __init__(self, schema: Schema | None, given: QueryDict) -> None:
        """Read what was posted; the query of a GET may choose the way and the thread."""
        self.schema = schema
        self.ways = {way: WAYS[way] for way in WAYS if way != "message" or converses(schema)}
        if schema is None:
            del self.ways["fields"]
        self.way = given.get("way", "")
        if self.way not in self.ways:
            self.way = next(iter(self.ways))
        self.title = given.get("title", "").strip()[:200]
        self.thread = column_text(given.get("thread", ""))
        self.message = given.get("message", "")
        self.json = given.get("json", "")
        self.errors: dict[str, str] = {}
        self.is_final = True
        self._value: Plain | Nothing = MISSING
        self.fields: Field | None = None
        if self.way == "fields":
            self._read_fields(given)

    def _read_fields(self, given: QueryDict) -> None:
        posted = {name: values for name, values in given.lists() if name.startswith(PREFIX)}
        if not posted:
            self.fields = schema_form.build(self.schema, MISSING, PREFIX)
            return
        read = schema_form.parse(self.schema, MISSING, dict(given.lists()), PREFIX)
        self._value, self.fields, self.is_final = read.value, read.form, read.is_final
        self.errors = read.errors if read.is_final else {}

    def value(self) -> Plain:
        """The input as the agent gets it.

        Raises:
            InvalidInput: nothing was given, or it cannot be read.
        """
        match self.way:
            case "message":
                if not self.message.strip():
                    raise InvalidInput("no message", {"message": "Write what the agent should do."})
                return {"messages": [{"role": "user", "content": self.message}]}
            case "json":
                try:
                    return raw_json.load(self.json)
                except raw_json.NotJson as error:
                    raise InvalidInput(str(error), {"json": str(error)}) from error
        if self.errors or self._value in (INVALID, MISSING):
            raise InvalidInput("the input is not complete", self.errors)
        return self._value

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Write errors beside what they are about."""
        whole = ("", PREFIX)
        self.errors = {self.way if name in whole else name: errors[name] for name in errors}
        if self.fields is not None:
            self.fields = with_errors(self.fields, errors)


def converses(schema: Schema | None) -> bool:
    """Whether an input is a conversation, so that one message is enough to start."""
    if schema is None:
        return True  # unknown inputs are conversations more often than anything else
    properties: Any = schema.get("properties")
    required: Any = schema.get("required") or []
    if not isinstance(properties, Mapping) or "messages" not in properties:
        return False
    return isinstance(required, list) and all(name == "messages" for name in required)
