"""All open pages of this process: what has changed is drawn once, however many look at it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import TypeAlias
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import live, push, roles
from agents.consumers.onlookers import onlookers
from agents.consumers.rest import Rest
from agents.exceptions import NotFound
from agents.instruments import REDRAW
from agents.services import outages

SIGNED_OUT, NO_ROLE, NO_TOPIC, BROKEN = 4401, 4403, 4404, 1011  # close codes

_AFTER_FAILURE = 0.5  # seconds between rounds
_DEAF_SECONDS = 1.0  # after the broker has failed

Drawn: TypeAlias = dict[str, str]
"""Partials that replace fragments, by the fragments' ids."""

log = logging.getLogger(__name__)


class Page:
    """One open page: what it shows, for whom, and what is to be sent to it.

    While the page takes what it was sent, what is drawn meanwhile gathers: of each fragment the
    newest.
    """

    def __init__(self, topics: Iterable[live.Topic], session: str, console: str) -> None:
        """`session` is whose page it is; `console` the address at which they reach it.

        Raises:
            NotFound: there is no such topic.
        """
        self.topics = tuple(topics)
        self.session = session
        self.console = console
        self.woken_by: dict[str, set[int]] = defaultdict(set)  # by topic of `push`, positions
        for position, topic in enumerate(self.topics):
            for source in live.sources(topic):
                self.woken_by[source].add(position)
        self._shown: Drawn = {}
        self._news: Drawn = {}
        self._closed: int | None = None
        self._drawn = asyncio.Event()

    def show(self, drawn: Drawn | int) -> None:
        """Have this sent, as far as it is news; a number closes the page."""
        if isinstance(drawn, int):
            self._closed = drawn
        else:
            self._news |= {
                name: partial for name, partial in drawn.items() if self._shown.get(name) != partial
            }
            self._shown |= drawn
        self._drawn.set()

    async def news(self) -> str | int:
        """Wait until it was drawn; what to send then, "" where nothing is new, or a close code."""
        await self._drawn.wait()
        self._drawn.clear()
        if self._closed is not None:
            return self._closed
        news, self._news = self._news, {}
        return "".join(news.values())


class Audience:
    """Draws for all pages of this process, in rounds.

    A page is drawn whole when it joins and now and then without a hint, as hints may be lost and
    some states change by time alone; in between those of its topics that hints are about. It is
    listening before it is first drawn, so nothing falls in between. What changes during a round is
    drawn in the next. Where much changes, rounds rest as long as they took: whatever happens, the
    process keeps half of its time for other things.
    """

    def __init__(self) -> None:
        """Nobody looks yet."""
        self._pages: dict[Page, float] = {}  # when it was drawn last; the longest ago first
        self._woken_by: dict[str, set[Page]] = defaultdict(set)
        self._due: dict[Page, set[int]] = {}  # positions of topics
        self._called = asyncio.Event()
        self._rest = Rest()
        self._ear = push.Ear()
        self._work: list[asyncio.Task[None]] = []

    async def join(self, page: Page) -> None:
        """Draw for this page from now on, whole at first."""
        self._pages[page] = asyncio.get_running_loop().time()
        for source in page.woken_by:
            self._woken_by[source].add(page)
        await self._ear.listen(tuple(page.woken_by))
        if page not in self._pages:
            return  # it was drawn meanwhile, for the last time
        self._call(page, range(len(page.topics)))
        if not self._work:
            self._work = [asyncio.create_task(self._hear()), asyncio.create_task(self._draw())]

    async def leave(self, page: Page) -> None:
        """Forget a page; the last one ends the work. Idempotent."""
        if self._pages.pop(page, None) is None:
            return
        self._due.pop(page, None)
        for source in page.woken_by:
            self._woken_by[source].remove(page)
            if not self._woken_by[source]:
                del self._woken_by[source]
        await self._ear.ignore(tuple(page.woken_by))
        if not self._pages:
            work, self._work = self._work, []
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    def _call(self, page: Page, positions: Iterable[int]) -> None:
        self._due.setdefault(page, set()).update(positions)
        self._called.set()

    async def _hear(self) -> None:
        while True:
            try:
                source = await self._ear.hear()
            except Exception:
                log.exception("hints are not heard; pages look for themselves")
                await asyncio.sleep(_DEAF_SECONDS)
                continue
            for page in self._woken_by.get(source, ()):
                self._call(page, page.woken_by[source])

    async def _draw(self) -> None:
        while True:
            try:
                await self._one_round()
            except Exception:  # without this task no page would ever be drawn again
                log.exception("pages were not drawn; the next round goes on")
                await asyncio.sleep(_AFTER_FAILURE)

    async def _one_round(self) -> None:
        loop = asyncio.get_running_loop()
        await self._wait()
        begun = loop.time()
        due, self._due = self._due, {}
        for page in due:
            del self._pages[page]
            self._pages[page] = begun
        try:
            with REDRAW.time():
                drawn = await database_sync_to_async(draw)(due)
        except Exception as error:
            _complain(error, "pages are")
            drawn = dict.fromkeys(due, BROKEN)
        for page, shown in drawn.items():
            page.show(shown)
        await asyncio.sleep(self._rest.after(begun, loop.time()))

    async def _wait(self) -> None:
        """Return when something is due, at the latest when a page was not drawn for long."""
        if not self._due:
            self._called.clear()
            now = asyncio.get_running_loop().time()
            oldest = next(iter(self._pages.values()), now)
            with suppress(TimeoutError):
                left = oldest + settings.PAGE_REFRESH_SECONDS - now
                await asyncio.wait_for(self._called.wait(), max(left, 0))
        now = asyncio.get_running_loop().time()
        for page, drawn_at in self._pages.items():
            if drawn_at + settings.PAGE_REFRESH_SECONDS > now:
                break
            self._call(page, range(len(page.topics)))


def draw(due: Mapping[Page, Collection[int]]) -> dict[Page, Drawn | int]:
    """Draw these topics of these pages, those that are alike once, as each may see them now.

    Instead of what is drawn, a number is the code to close a page with.
    """
    held = onlookers({page.session for page in due})
    alike: dict[tuple[str, live.Viewer], Drawn | int] = {}
    drawn: dict[Page, Drawn | int] = {}
    for page, positions in due.items():
        permissions = held.get(page.session)
        if permissions is None or roles.LOOK not in permissions:
            drawn[page] = SIGNED_OUT if permissions is None else NO_ROLE
            continue
        viewer = live.Viewer(permissions, page.console)
        shown: Drawn = {}
        for topic in (page.topics[position] for position in sorted(positions)):
            key = str(topic), viewer
            part = alike[key] = alike[key] if key in alike else _drawn(topic, viewer)
            if isinstance(part, int):
                drawn[page] = part
                break
            shown |= part
        else:
            drawn[page] = shown
    return drawn


def _drawn(topic: live.Topic, viewer: live.Viewer) -> Drawn | int:
    try:
        return {name: _partial(name, html) for name, html in live.render(topic, viewer).items()}
    except NotFound:
        return NO_TOPIC
    except Exception as error:
        _complain(error, f"{topic} is")
        return BROKEN


def _complain(error: Exception, what: str) -> None:
    if outages.is_outage(error):
        log.warning("%s not drawn: %s", what, outages.told(error))
    else:
        log.error("%s not drawn", what, exc_info=error)


def _partial(name: str, html: str) -> SafeString:
    return format_html(
        '<hx-partial hx-target="#{}" hx-swap="outerMorph">{}</hx-partial>', name, SafeString(html)
    )


_audiences: WeakKeyDictionary[asyncio.AbstractEventLoop, Audience] = WeakKeyDictionary()


def audience() -> Audience:
    """The audience of this event loop: one a process, and one a test."""
    loop = asyncio.get_running_loop()
    if loop not in _audiences:
        _audiences[loop] = Audience()
    return _audiences[loop]
