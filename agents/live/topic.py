"""What an open page shows live, and for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlencode

from django.contrib.auth.models import User

from agents.exceptions import NotFound


@dataclass(frozen=True, slots=True)
class Topic:
    """A live part of a page: its kind, the row it is about, and the reader's own filters.

    Written `kind`, `kind.<pk>` or `kind?name=value`, as the browser's socket names it.
    """

    kind: str
    pk: int = 0
    filters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a written topic.

        Raises:
            NotFound: it is not written as one.
        """
        name, _, query = text.partition("?")
        kind, dot, pk = name.partition(".")
        filters = dict(parse_qsl(query))
        if dot and not (pk.isascii() and pk.isdecimal() and len(pk) < 19):
            raise NotFound(f"There is no topic {text!r}.")
        if any("\0" in value for value in filters.values()):
            raise NotFound(f"There is no topic {text!r}: a NUL is in no text.")
        return cls(kind, int(pk or 0), filters)

    def __str__(self) -> str:
        name = f"{self.kind}.{self.pk}" if self.pk else self.kind
        return f"{name}?{urlencode(self.filters)}" if self.filters else name


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, as far as it makes a difference: viewers that are equal see the same."""

    permissions: frozenset[str]
    console: str  # at what address they reach it, such as `wss://console.example.com`

    @classmethod
    def of(cls, user: User, console: str) -> Self:
        """The viewer that a person is."""
        return cls(frozenset(user.get_all_permissions()), console)

    def may(self, permission: str) -> bool:
        """Whether they hold this permission, of those in `roles`."""
        return permission in self.permissions
