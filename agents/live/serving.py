"""The runners that serve an agent."""

from __future__ import annotations

from datetime import datetime

from agents.models import Runner
from agents.models.runner import RunnerQuerySet, online_since
from agents.prepared import Given, Prepared, together


def online(agent: str) -> list[Runner]:
    """Those that are connected now. One query."""
    return _ONLINE(agent=agent, since=online_since())


def online_and_last(agent: str) -> tuple[list[Runner], Runner | None]:
    """Those that are connected now, and the one that was heard last. Two queries."""
    given = {"agent": agent, "since": online_since()}
    connected, last = together(_ONLINE.given(**given), _LAST.given(**given))
    return connected, next(iter(last), None)


def _serving() -> RunnerQuerySet:
    return Runner.objects.serving(Given("agent", str)).order_by("-last_seen_at")


_ONLINE = Prepared(lambda: _serving().online(Given("since", datetime)))
_LAST = Prepared(lambda: _serving()[:1])
