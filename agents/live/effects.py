"""What ran in a thread: the entries of its effect journal, as its page tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from agents.exceptions import NotFound
from agents.live.story import VERBS_IN_DOUBT
from agents.live.topic import Topic, Viewer
from agents.models import Agent, Decision, Effect, Run, Thread
from agents.prepared import Given, Prepared, PreparedCount, together
from agents.services import effects as journal

EFFECTS = 20  # shown at once; earlier ones are a click away
LINKED = 500  # newest entries that the calls of the story are linked to

_WORDS = {
    Effect.Status.STARTED: ("running", "running"),
    Effect.Status.FINISHED: ("succeeded", "ran"),
    Effect.Status.FAILED: ("failed", "failed"),
    Effect.Status.PAUSED: ("pending", "asked a person"),
    Effect.Status.UNTOUCHED: ("idle", "did not run"),
    Effect.Status.IN_DOUBT: ("in-doubt", "may have run"),
    Effect.Status.GIVEN: ("respond", "result given"),
}


@dataclass(frozen=True, slots=True)
class EffectView:
    """One execution of a tool call, as people read it."""

    row: Effect

    @property
    def state(self) -> str:
        """What the shape and the colour of its status are."""
        return _WORDS[self._status][0]

    @property
    def word(self) -> str:
        """Its status in words."""
        return _WORDS[self._status][1]

    @property
    def _status(self) -> Effect.Status:
        """As the entry says; one that began in a run which is over may have ended or not.

        It runs, as far as anybody knows, where its runner is connected and another one has the run.
        """
        status, run = Effect.Status(self.row.status), self.row.run
        is_over = run.status != Run.Status.RUNNING or run.attempt != self.row.attempt
        if status != Effect.Status.STARTED or not is_over:
            return status
        if journal.runs_elsewhere(self.row, run.runner_id):
            return status
        return Effect.Status.IN_DOUBT

    @property
    def said(self) -> str:
        """What a person said of it while it was in doubt, in a word."""
        decision = self.row.settled_by
        if decision is None or decision.status in Decision.VOID:
            return ""
        return next((VERBS_IN_DOUBT.get(str(item["type"]), "") for item in decision.actions), "")


@dataclass(frozen=True, slots=True)
class EffectsView:
    """A page of what ran, newest first."""

    agent: Agent
    rows: Sequence[EffectView]
    count: int
    newer: int | None  # the entry that the page before begins with; None: this is the first
    older: int | None  # the one that the next page begins with


def effects(topic: Topic, viewer: Viewer) -> dict[str, Any]:
    """What ran in a thread, from the entry that the filter `ran` names on. Queries: 3, one more
    where it names one.

    Raises:
        NotFound: there is no such thread, or no such entry in it.
    """
    ran = topic.filters.get("ran", "") or "0"
    first = int(ran) if ran.isascii() and ran.isdecimal() and len(ran) < 19 else None
    page = _PAGE_FROM if first else _PAGE
    given = {"thread": topic.pk, "first": first}
    agents, rows, (count,) = together(
        _AGENT.given(**given), page.given(**given), _COUNT.given(**given)
    )
    if not agents:
        raise NotFound("There is no such thread.")
    if first is None:
        raise NotFound(f"There is no entry {ran!r}.")
    newer = _NEWER(**given) if first else []
    return {
        "effects": EffectsView(
            agent=agents[0],
            rows=[EffectView(row) for row in rows[:EFFECTS]],
            count=count,
            newer=max((pk for (pk,) in newer), default=None),
            older=rows[EFFECTS].pk if len(rows) > EFFECTS else None,
        )
    }


def in_order(thread: Thread) -> QuerySet[Effect]:
    """All that ran in a thread, oldest first, with what a view of each tells. One query."""
    return Effect.objects.filter(thread=thread).select_related(*_PEOPLE).order_by("pk")


_PEOPLE = ("run", "runner", "decision__decided_by", "settled_by__decided_by")


def _made() -> QuerySet[Effect]:
    return Effect.objects.filter(thread=Given("thread", int))


def _page(made: QuerySet[Effect]) -> QuerySet[Effect]:
    return made.select_related(*_PEOPLE).defer("run__input", "run__update")[: EFFECTS + 1]


def _newer() -> QuerySet[Effect, tuple[int]]:
    newer = _made().filter(pk__gt=Given("first", int))
    return newer.order_by("pk").values_list("pk")[:EFFECTS]


_AGENT = Prepared(lambda: Agent.objects.filter(threads=Given("thread", int)))
_PAGE = Prepared(lambda: _page(_made()))
_PAGE_FROM = Prepared(lambda: _page(_made().filter(pk__lte=Given("first", int))))
_NEWER, _COUNT = Prepared(_newer), PreparedCount(_made)


def links(thread: Thread) -> Mapping[tuple[str, str], str]:
    """Where the newest entry of each call stands on the page, by tool and id. One query."""
    found: dict[tuple[str, str], str] = {}
    for pk, tool, call_id in _CALLS(thread=thread.pk):
        found.setdefault((tool, call_id), f"?ran={pk}#effect-{pk}")
    return found


def _calls() -> QuerySet[Effect, tuple[int, str, str]]:
    made = Effect.objects.filter(thread=Given("thread", int)).exclude(call_id="")
    return made.values_list("pk", "tool", "call_id")[:LINKED]


_CALLS = Prepared(_calls)
