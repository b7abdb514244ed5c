"""How long people and agents wait for each other: a real browser, console, runner, PostgreSQL.

A pause stored → its row in an open inbox, against one round trip of a socket and one commit, the
least that any design must pay. A click on Approve → the tool starts, against two of each. The floor
is taken beside each figure: the round trip between this Chromium and a bare socket server, the
commit of one row on the same PostgreSQL.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg

from benchmarks.commits import note_commits, stored_at
from benchmarks.floor import Floor, echo
from benchmarks.installation import Installation, installation, start
from benchmarks.row import Row, main

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import BrowserContext, Playwright

    from tests.pauses.browser import Browser
    from tests.servers import Console

WATCH_ROWS = """() => {
  window.rows = {};
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const row of document.querySelectorAll("#inbox-list .row:not([data-closed])")) {
      window.rows[row.id] ??= now;
    }
  }).observe(document.body, {childList: true, subtree: true, attributes: true});
}"""
WATCH_CLICK = """() => document.addEventListener("click", (event) => {
  localStorage.setItem("clicked", performance.timeOrigin + event.timeStamp);
}, {capture: true})"""
AGENTS = ("gated", "reviewed")
BESIDE = 10  # pauses that wait in the inbox all the time
WARM_UP = 3
PATIENCE = 20.0  # seconds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One pause: how long until it was seen, and until its tool started; beside it the floor.

    All in seconds.
    """

    shown: float
    started: float
    round_trip: float
    commit: float


class Desk:
    """alice in her browser: the inbox in one page, the pause that she decides in another."""

    def __init__(self, context: BrowserContext, starter: Browser, agent: str, notes: Path) -> None:
        """`starter` starts runs of `agent`, whose tool writes to `notes`."""
        self._inbox, self._asked = context.new_page(), context.new_page()
        self._starter = starter
        self._agent = agent
        self._notes = notes
        self._inbox.goto("/")
        self._inbox.locator("#connection[data-state=live]").wait_for(state="attached")
        self._inbox.evaluate(WATCH_ROWS)

    def pause(self, subject: str) -> int:
        """Have the agent propose its tool; the question, once it is shown."""
        from agents.models import Interrupt  # noqa: PLC0415 -- after `django.setup`

        start(self._starter, self._agent, subject)
        asked = Interrupt.objects.filter(thread__title=subject)
        return until(f"{subject} asks", asked.values_list("pk", flat=True).first)

    def shown_at(self, asked: int) -> float:
        """When its row was in the page; the time of day in seconds."""
        row = f"row-{asked}"
        shown: float = until(
            f"{row} is shown", lambda: self._inbox.evaluate("(row) => window.rows[row]", row)
        )
        return shown / 1000

    def approve(self, asked: int) -> None:
        """Open the question and approve it."""
        self._asked.goto(f"/interrupts/{asked}/")
        self._asked.evaluate(WATCH_CLICK)
        self._asked.get_by_role("button", name="Approve note", exact=True).click()

    def clicked_at(self) -> float:
        """When the button was clicked."""
        clicked: str = self._inbox.evaluate("() => localStorage.getItem('clicked')")
        return float(clicked) / 1000

    def started_at(self, subject: str) -> float:
        """When the tool of that run noted its start."""

        return noted(self._notes, subject)

    def leave(self) -> None:
        """Close both pages."""
        self._inbox.close()
        self._asked.close()


def noted(notes: Path, subject: str) -> float:
    """When the tool that was called about this noted its start; waits for it."""

    def found() -> float | None:
        lines = dict(line.split() for line in notes.read_text().splitlines())
        return float(lines[subject]) if subject in lines else None

    return until(f"the tool of {subject} starts", found)


def until(what: str, answer: Callable[[], T | None]) -> T:
    """The first answer that is one.

    Raises:
        TimeoutError: there is none in time.
    """
    deadline = time.monotonic() + PATIENCE
    while (found := answer()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {PATIENCE} s: {what}.")
        time.sleep(0.05)  # what is measured notes its own time: do not disturb it
    return found


def samples(
    desk: Desk, floor: Floor, database: psycopg.Connection, name: str, count: int
) -> Iterator[Sample]:
    """Pause and approve, `count` times, with the floor in between."""
    from django.utils import timezone  # noqa: PLC0415 -- after `django.setup`

    from agents.models import Interrupt  # noqa: PLC0415

    for number in range(WARM_UP + count):
        subject = f"{name}-{number}"
        round_trip, commit = floor.round_trip(), floor.commit()
        asked = desk.pause(subject)
        shown = desk.shown_at(asked)
        stored = stored_at(database, asked)
        desk.approve(asked)
        started = desk.started_at(subject) - desk.clicked_at()
        # As if a minute had passed: what was decided does not stay in the list.
        past = timezone.now() - timedelta(minutes=2)
        Interrupt.objects.filter(pk=asked).update(closed_at=past)
        if number >= WARM_UP:
            yield Sample(shown - stored, started, round_trip, commit)
    desk.leave()


def measured(name: str, taken: list[Sample]) -> Iterator[Row]:
    """The two rows of an agent: medians in milliseconds, and the median of the ratios."""
    yield row(
        f"pause stored → row in an open page ({name})",
        [(each.shown, each.round_trip + each.commit) for each in taken],
    )
    yield row(
        f"click on Approve → tool starts ({name})",
        [(each.started, 2 * (each.round_trip + each.commit)) for each in taken],
    )


def row(name: str, pairs: list[tuple[float, float]]) -> Row:
    """A row of (ours, floor) in seconds."""
    return Row(
        name,
        ours=statistics.median(ours for ours, _ in pairs) * 1000,
        peer=statistics.median(floor for _, floor in pairs) * 1000,
        ratio=statistics.median(ours / floor for ours, floor in pairs),
        goal=5,
        aim=3,
        wanted="at most",
        unit="ms",
    )


def rows(short: bool) -> Iterator[Row]:
    """Both waits, for an agent that the console holds and one that its own middleware holds."""
    with opened() as (_house, measure):
        for agent in AGENTS:
            yield from measured(agent, list(measure(agent, 2 if short else 30)))


@contextmanager
def opened() -> Iterator[tuple[Installation, Callable[[str, int], Iterator[Sample]]]]:
    """What is needed, started; and what measures so many pauses of an agent."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- a large package

    with installation() as house, echo() as port:
        from agents.models import Agent, Gate  # noqa: PLC0415 -- after `django.setup`
        from agents.roles import ADMINS, OPERATORS, REVIEWERS  # noqa: PLC0415
        from agents.services import tool_settings  # noqa: PLC0415
        from tests.pauses.browser import Browser  # noqa: PLC0415

        notes = house.folder / "notes"
        notes.touch()
        console = house.console()
        house.runner(console, NOTES=str(notes))
        alice = house.person("alice", REVIEWERS, OPERATORS, ADMINS)
        gated = Agent.objects.get(name="gated").pk
        tool_settings.set_gate(agent=gated, tool="note", gate=Gate.ALWAYS, user=alice)
        with (
            psycopg.connect(house.database, autocommit=True) as database,
            sync_playwright() as playwright,
        ):
            note_commits(database)
            context = signed_in(playwright, console, alice)
            floor = Floor(context.new_page(), port, database)
            starter = Browser(console, alice)
            beside = Desk(context, starter, AGENTS[0], notes)
            for number in range(BESIDE):
                beside.pause(f"beside-{number}")
            beside.leave()

            def measure(agent: str, count: int) -> Iterator[Sample]:
                return samples(Desk(context, starter, agent, notes), floor, database, agent, count)

            yield house, measure


def signed_in(playwright: Playwright, console: Console, person: User) -> BrowserContext:
    """A browser in which this person has signed in."""
    from django.conf import settings  # noqa: PLC0415 -- after `django.setup`
    from django.test import Client  # noqa: PLC0415

    from tests.chromium import executable  # noqa: PLC0415

    browser = playwright.chromium.launch(
        executable_path=executable(), args=["--no-sandbox", "--disable-dev-shm-usage"]
    )
    context = browser.new_context(base_url=console.url)
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": console.url}])
    return context


if __name__ == "__main__":
    sys.exit(main(rows, __doc__))
