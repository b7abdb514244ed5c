"""What the lists of the inbox tell of each pause and decision.

Rows are values: what is equal looks alike, and need not be drawn twice (`templatetags/rows.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Q

from agents.models import Decision, Interrupt
from agents.models.interrupt import InterruptQuerySet
from agents.prepared import Given, Prepared, PreparedCount

_KEPT = 64  # shapes of lists whose queries are kept


class Person(NamedTuple):
    """Somebody's names."""

    first_name: str  # "" where it is not known
    username: str

    def get_username(self) -> str:
        """As a user tells it."""
        return self.username


class Waiting(NamedTuple):
    """A pause that waits for a person."""

    pk: int
    status: str
    kind: str
    dialect: str
    headline: str
    actions: int  # calls to decide
    created_at: datetime
    agent: str
    title: str  # of the thread; "" where it has none
    thread_id: str
    run_status: str

    @property
    def thread(self) -> str:
        """The name of its thread, as the thread itself says it."""
        return self.title or self.thread_id


class Closed(NamedTuple):
    """A pause that left the list a moment ago, and why."""

    pk: int
    status: str
    headline: str
    closed_at: datetime
    summary: str | None  # of its decision; None: there is none
    decided_by_name: str | None
    decided_by_username: str | None
    trigger: str | None  # of the run that superseded it; None: there is none
    began_by_name: str | None
    began_by_username: str | None

    @property
    def get_status_display(self) -> str:
        """What became of it, as the pause itself says it."""
        return Interrupt.Status(self.status).label

    @property
    def decided_by(self) -> Person | None:
        """Who decided it."""
        return _person(self.decided_by_name, self.decided_by_username)

    @property
    def began_by(self) -> Person | None:
        """Who began the run that superseded it."""
        return _person(self.began_by_name, self.began_by_username)


class Decided(NamedTuple):
    """A decision among those that were made last."""

    pk: int
    interrupt: int
    status: str
    summary: str
    decided_at: datetime
    decided_by_name: str
    decided_by_username: str
    headline: str
    agent: str

    @property
    def decided_by(self) -> Person | None:
        """Who made it."""
        return _person(self.decided_by_name, self.decided_by_username)


_WAITING = (
    "pk", "status", "kind", "dialect", "headline", "actions", "created_at",
    "thread__agent__name", "thread__title", "thread__thread_id", "run__status",
)  # fmt: skip
_CLOSED = (
    "pk", "status", "headline", "closed_at", "decision__summary",
    "decision__decided_by__first_name", "decision__decided_by__username", "superseded_by__trigger",
    "superseded_by__created_by__first_name", "superseded_by__created_by__username",
)  # fmt: skip
_DECIDED = (
    "pk", "interrupt", "status", "summary", "decided_at", "decided_by__first_name",
    "decided_by__username", "interrupt__headline", "interrupt__thread__agent__name",
)  # fmt: skip


class Queries(NamedTuple):
    """What is asked for a list of one shape; `agent`, `word_<n>`, `after` and `since` are given."""

    waiting: Prepared[tuple[Any, ...]]
    closed: Prepared[tuple[Any, ...]]
    counted: PreparedCount  # of those that wait


@lru_cache(_KEPT)
def queries(
    *, of_agent: bool, words: int, is_newest_first: bool, is_after: bool, page: int, most: int
) -> Queries:
    """Those of a list of an agent, with so many words to search for, from a place on.

    `page` are shown, and one more is read that waits; at most `most` are counted.
    """

    def matching() -> InterruptQuerySet:
        searched = (Given(f"word_{number}", str) for number in range(words))
        return _matching(Given("agent", str) if of_agent else None, searched)

    def waiting() -> InterruptQuerySet:
        found = matching().pending().order_by("-pk" if is_newest_first else "pk")
        if is_after:
            found = found.filter(**{"pk__lt" if is_newest_first else "pk__gt": Given("after", int)})
        return found[: page + 1]

    def closed() -> InterruptQuerySet:
        found = matching().exclude(status=Interrupt.Status.PENDING)
        return found.filter(closed_at__gte=Given("since", datetime)).order_by("-closed_at")[:page]

    return Queries(
        Prepared(lambda: waiting().values_list(*_WAITING)),
        Prepared(lambda: closed().values_list(*_CLOSED)),
        PreparedCount(lambda: matching().pending().order_by("pk")[:most]),
    )


def _matching(agent: Given | None, words: Iterable[Given]) -> InterruptQuerySet:
    found = Interrupt.objects.all()
    if agent is not None:
        found = found.filter(thread__agent__name=agent)
    for word in words:
        found = found.filter(Q(headline__icontains=word) | Q(thread__title__icontains=word))
    return found


@lru_cache(_KEPT)
def decided(most: int) -> Prepared[tuple[Any, ...]]:
    """The query for so many decisions, the newest first."""
    return Prepared(lambda: Decision.objects.order_by("-pk").values_list(*_DECIDED)[:most])


def _person(first_name: str | None, username: str | None) -> Person | None:
    return None if username is None else Person(first_name or "", username)
