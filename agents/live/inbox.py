"""The inbox: what waits for a person, in the order and with the filters of the reader's URL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from agents.live import inbox_rows
from agents.live.inbox_rows import Closed, Decided, Waiting
from agents.live.topic import Topic, Viewer
from agents.models import Agent, Interrupt, Run, Runner
from agents.models.runner import online_since
from agents.prepared import Given, PreparedCount, together

PAGE = 50  # rows
MOST = 1000  # are counted; more are "1000+": what a page costs does not grow with what waits
RECENT = 12  # decisions beside the list
# A row that somebody else decided stays in the answer this long, so that an open page can say who.
LINGER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Inbox:
    """The list as one reader sees it."""

    rows: list[Waiting]
    closed: list[Closed]  # left a moment ago, newest first
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
    return {"waiting": _waiting(MOST)()[0]}


@cache
def _waiting(most: int) -> PreparedCount:
    return PreparedCount(lambda: Interrupt.objects.pending().order_by("pk")[:most])


def inbox(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """The list. At most six queries, whatever its length and however many wait."""
    asked = topic.filters
    agent, words = asked.get("agent", ""), asked.get("q", "").split()
    newest_first = asked.get("order") == "newest"
    after = _number(asked.get("after", ""))
    queries = inbox_rows.queries(
        of_agent=bool(agent),
        words=len(words),
        is_newest_first=newest_first,
        is_after=after is not None,
        page=PAGE,
        most=MOST,
    )
    given = {"agent": agent, "after": after, "since": timezone.now() - LINGER}
    given |= {f"word_{number}": word for number, word in enumerate(words)}
    waiting, closed, (runners,) = together(
        queries.waiting.given(**given),
        queries.closed.given(**given),
        _ONLINE.given(since=online_since()),
    )
    rows = list(map(Waiting._make, waiting[:PAGE]))
    is_last_page = len(waiting) <= PAGE
    is_all = after is None and is_last_page
    listing = Inbox(
        rows=rows,
        closed=list(map(Closed._make, closed)),
        waiting=len(rows) if is_all else queries.counted(**given)[0],
        agent=agent,
        order="newest" if newest_first else "",
        search=asked.get("q", ""),
        agents=Agent.objects.values_list("name", flat=True),
        open=_number(asked.get("open", "")) or 0,
        next_page="" if is_last_page else str(rows[-1].pk),
        is_first_page=after is None,
        runners=runners,
        running=0 if rows else _ACTIVE()[0],
        console=viewer.console,
    )
    return {"inbox": listing}


_ONLINE = PreparedCount(lambda: Runner.objects.online(Given("since", datetime)))
_ACTIVE = PreparedCount(lambda: Run.objects.active())


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def recent(_topic: Topic, _viewer: Viewer) -> dict[str, Any]:
    """What was decided last, and how far it has come. One query."""
    return {"recent": list(map(Decided._make, inbox_rows.decided(RECENT)()))}
