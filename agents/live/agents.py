"""Agents: who serves them, and what they are at."""

from __future__ import annotations

from typing import Any

from django.db.models import Count

from agents import roles
from agents.exceptions import NotFound
from agents.live import graphs
from agents.live.tools import tools_of
from agents.live.topic import Topic, Viewer
from agents.models import Agent, Interrupt, Runner, Thread

THREADS = 8  # newest, on the page of an agent


def agents(_topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """All agents with who serves them and what waits. Three queries."""
    serving: dict[int, int] = dict(
        Runner.objects.online().values_list("agents").annotate(Count("pk"))
    )
    waiting: dict[int, int] = dict(
        Interrupt.objects.pending().values_list("thread__agent").annotate(Count("pk"))
    )
    rows = Agent.objects.order_by("name")
    return {
        "agents": [
            {"row": row, "runners": serving.get(row.pk, 0), "waiting": waiting.get(row.pk, 0)}
            for row in rows
        ],
        "console": viewer.console,
    }


def agent(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """One agent: its tools and graph, its runners that are online, its newest threads. Six queries.

    Raises:
        NotFound: there is no such agent.
    """
    row = Agent.objects.filter(pk=topic.pk).first()
    if row is None:
        raise NotFound(f"There is no agent {topic.pk}.")
    serving = Runner.objects.serving(row.name)
    online = list(serving.online())
    newest = Thread.objects.kept().filter(agent=row).defer("snapshot", "metadata")
    return {
        "agent": row,
        "picture": graphs.of_agent(row),
        "tools": tools_of(row, online, may_gate=viewer.may(roles.GATE)),
        "online": online,
        "last_seen": serving.order_by("-last_seen_at").first(),
        "threads": list(newest[:THREADS]),
        "console": viewer.console,
    }
