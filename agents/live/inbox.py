"""The inbox: what waits for a person, in the order and with the filters of the reader's URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils import timezone

from agents.live.topic import Topic, Viewer
from agents.models import Agent, Decision, Interrupt, Run, Runner
from agents.models.interrupt import InterruptQuerySet

PAGE = 50  # rows
MOST = 1000  # are counted; more are "1000+": what a page costs does not grow with what waits
RECENT = 12  # decisions beside the list
# A row that somebody else decided stays in the answer this long, so that an open page can say who.
LINGER = timedelta(seconds=60)

_ROW = (
    "pk", "position", "kind", "status", "created_at", "closed_at", "dialect", "headline", "actions",
    "thread__title", "thread__thread_id", "thread__agent__name", "run__status",
)  # fmt: skip
_CLOSED = (
    "decision__summary", "decision__decided_by__username", "decision__decided_by__first_name",
    "decision__status", "superseded_by__trigger", "superseded_by__created_by__username",
    "superseded_by__created_by__first_name",
)  # fmt: skip
_CLOSED_BY = ("decision__decided_by", "superseded_by__created_by")


@dataclass(frozen=True, slots=True)
class Inbox:
    """The list as one reader sees it."""

    rows: list[Interrupt]
    closed: list[Interrupt]  # left a moment ago, newest first
    waiting: int  # of those that wait and pass the filters, at most `MOST`
    agent: str
    order: str
    search: str
    agents: Iterable[str]  # to filter by, read when it is drawn
    open: int  # the row whose page this is, 0 for none
    next_page: str  # query of the rows after these, "" at the end
    is_first_page: bool
    runners: int  # online
    running: int  # runs in hand, told where nothing waits
    console: str

    @property
    def query(self) -> str:
        """The filters as the query of a URL, so that a row's page keeps the list as it is."""
        return self._query()

    @property
    def next_query(self) -> str:
        """The query of the page after this one."""
        return self._query(after=self.next_page)

    def _query(self, **place: str) -> str:
        chosen = {"agent": self.agent, "order": self.order, "q": self.search, **place}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"?{query}" if query else ""


def waiting(_topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """How many pauses wait, whatever the filters, at most `MOST`. One query."""
    return {"waiting": _count(Interrupt.objects.pending())}


def inbox(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """The list. At most seven queries, whatever its length and however many wait."""
    asked = topic.filters
    newest_first = asked.get("order") == "newest"
    matching = _matching(asked)
    pending = matching.pending().order_by("-pk" if newest_first else "pk")
    if (after := _number(asked.get("after", ""))) is not None:
        pending = pending.filter(**{"pk__lt" if newest_first else "pk__gt": after})
    rows = list(pending.only(*_ROW)[: PAGE + 1])
    is_last_page = len(rows) <= PAGE
    rows = rows[:PAGE]
    closed = matching.exclude(status=Interrupt.Status.PENDING)
    closed = closed.filter(closed_at__gte=timezone.now() - LINGER).order_by("-closed_at")
    listing = Inbox(
        rows=rows,
        closed=list(closed.select_related(*_CLOSED_BY).only(*_ROW, *_CLOSED)[:PAGE]),
        waiting=len(rows) if after is None and is_last_page else _count(matching.pending()),
        agent=asked.get("agent", ""),
        order="newest" if newest_first else "",
        search=asked.get("q", ""),
        agents=Agent.objects.values_list("name", flat=True),
        open=_number(asked.get("open", "")) or 0,
        next_page="" if is_last_page else str(rows[-1].pk),
        is_first_page=after is None,
        runners=Runner.objects.online().count(),
        running=0 if rows else Run.objects.active().count(),
        console=viewer.console,
    )
    return {"inbox": listing}


def _count(found: InterruptQuerySet) -> int:
    return found.order_by("pk")[:MOST].count()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def _matching(filters: Mapping[str, str]) -> InterruptQuerySet:
    found = Interrupt.objects.select_related("thread__agent", "run")
    if agent := filters.get("agent"):
        found = found.filter(thread__agent__name=agent)
    for word in filters.get("q", "").split():
        found = found.filter(Q(headline__icontains=word) | Q(thread__title__icontains=word))
    return found


def recent(_topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """What was decided last, and how far it has come. One query."""
    decisions = Decision.objects.select_related(
        "interrupt__thread__agent", "decided_by", "run"
    ).order_by("-pk")
    return {
        "recent": decisions.only(
            "summary", "status", "decided_at", "applied_at",
            "decided_by__username", "decided_by__first_name", "run__status", "interrupt__headline",
            "interrupt__thread__agent__name",
        )[:RECENT]
    }  # fmt: skip
