"""All open pages of this process: what has changed is drawn once, however many look at it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from operator import itemgetter
from typing import TypeAlias
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import close_old_connections
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import live, precedence, push, roles
from agents.consumers.onlookers import onlookers
from agents.consumers.rest import Rest
from agents.exceptions import NotFound
from agents.instruments import REDRAW
from agents.services import outages

SIGNED_OUT, NO_ROLE, NO_TOPIC, BROKEN = 4401, 4403, 4404, 1011  # close codes

_AFTER_FAILURE = 0.5  # seconds between rounds
_FEW = 20  # pages are shown each topic as soon as it is drawn
_SOON = 0.1  # seconds, until what nobody waits for is drawn: more will have changed with it
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
        self._is_told = False  # in this round
        self._ready = asyncio.Event()

    def show(self, drawn: Drawn | int) -> None:
        """Have this sent, as far as it is news; a number closes the page."""
        if isinstance(drawn, int):
            self._closed = drawn
        else:
            news = {name: html for name, html in drawn.items() if self._shown.get(name) != html}
            if not news:
                return
            self._news |= news
            self._shown |= news
        self._is_told = True
        self._ready.set()

    def end_round(self) -> None:
        """Have a page for which nothing was new hear at least that the console is there."""
        if not self._is_told:
            self._ready.set()
        self._is_told = False

    async def news(self) -> str | int:
        """Wait until it was drawn; what to send then, "" where nothing is new, or a close code."""
        await self._ready.wait()
        self._ready.clear()
        if self._closed is not None:
            return self._closed
        news, self._news = self._news, {}
        return "".join(news.values())


class Audience:
    """Draws for all pages of this process, in rounds.

    A page is drawn whole when it joins and now and then without a hint, as hints may be lost and
    some states change by time alone; in between those of its topics that hints are about. It is
    listening before it is first drawn, so nothing falls in between. What changes during a round is
    drawn in the next: at once if people wait for it, else a moment later, with what follows from
    it. A round that gives way to runners is broken off for what people wait for; what is left of it
    is drawn in the next. Where much changes, rounds rest as long as they work: whatever happens,
    the process keeps half of its time for other things.
    """

    def __init__(self) -> None:
        """Nobody looks yet."""
        self._pages: dict[Page, float] = {}  # when it was drawn last; the longest ago first
        self._woken_by: dict[str, set[Page]] = defaultdict(set)
        self._due: dict[Page, set[int]] = {}  # positions of topics
        self._called = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._gives_way = True  # in the next round: not if people wait for what has changed
        self._rest = Rest()
        # Its own: in the one that all sockets share, runners would wait to be let in.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drawing")
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
        self._call(page, range(len(page.topics)), at_once=True)
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
            await asyncio.get_running_loop().run_in_executor(self._thread, _pass)  # it has ended

    def _call(self, page: Page, positions: Iterable[int], *, at_once: bool) -> None:
        self._due.setdefault(page, set()).update(positions)
        if at_once:
            self._called.set()
        elif self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON, self._ring)

    def _ring(self) -> None:
        self._soon = None
        self._called.set()

    async def _hear(self) -> None:
        while True:
            try:
                source, at_once = await self._ear.hear()
            except Exception:
                log.exception("hints are not heard; pages look for themselves")
                await asyncio.sleep(_DEAF_SECONDS)
                continue
            woken = self._woken_by.get(source, ())
            for page in woken:
                self._call(page, page.woken_by[source], at_once=at_once)
            if at_once and woken:
                self._gives_way = False
                precedence.runners.call_back()

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
        begun, worked = loop.time(), 0.0
        due, self._due = self._due, {}
        gives_way, self._gives_way = self._gives_way, True
        if not due:
            return
        for page in due:
            del self._pages[page]
            self._pages[page] = begun

        left: dict[Page, Collection[int]] = {}
        held_back: list[tuple[Page, Drawn | int]] = []

        def show(page: Page, drawn: Drawn | int) -> None:
            if len(due) > _FEW:  # a frame each: sending costs more than drawing
                held_back.append((page, drawn))
            else:
                loop.call_soon_threadsafe(page.show, drawn)

        try:
            with REDRAW.time():
                breaks_off = self._is_awaited if gives_way else None
                worked, left = await loop.run_in_executor(
                    self._thread, _draw_here, due, show, breaks_off
                )
        except Exception as error:
            _complain(error, "pages are")
            held_back = [(page, BROKEN) for page in due]
        for page, drawn in held_back:
            page.show(drawn)
        for page in due.keys() - left.keys():
            page.end_round()
        for page in left.keys() & self._pages.keys():
            self._call(page, left[page], at_once=True)
        await asyncio.sleep(self._rest.after(worked, loop.time()))

    def _is_awaited(self) -> bool:
        """Whether people wait for what the next round draws; asked in the thread that draws."""
        return not self._gives_way

    async def _wait(self) -> None:
        """Return when something is due, at the latest when a page was not drawn for long."""
        clock = asyncio.get_running_loop().time
        oldest = next(iter(self._pages.values()), clock())
        with suppress(TimeoutError):
            # Not by `wait_for`: before Python 3.12 it takes no end that comes with a call.
            async with asyncio.timeout_at(oldest + settings.PAGE_REFRESH_SECONDS):
                await self._called.wait()
        self._called.clear()
        for page, drawn_at in self._pages.items():
            if drawn_at + settings.PAGE_REFRESH_SECONDS > clock():
                break
            self._due.setdefault(page, set()).update(range(len(page.topics)))


def _draw_here(
    due: Mapping[Page, Collection[int]],
    show: Callable[[Page, Drawn | int], None],
    breaks_off: Callable[[], bool] | None,
) -> tuple[float, dict[Page, Collection[int]]]:
    """Draw, with a connection to the database for as long as it takes."""
    close_old_connections()
    try:
        return draw(due, show, breaks_off=breaks_off)
    finally:
        close_old_connections()


def _pass() -> None:
    """Do nothing, when it is the thread's turn."""


def draw(
    due: Mapping[Page, Collection[int]],
    show: Callable[[Page, Drawn | int], None],
    *,
    breaks_off: Callable[[], bool] | None = None,
) -> tuple[float, dict[Page, Collection[int]]]:
    """Draw these topics of these pages, those that are alike once, as each may see them now.

    Each is shown as soon as it is drawn, to all that it is due for. Instead of what is drawn, a
    number is the code to close a page with. Where the drawing may break off, what runners ask for
    goes before each topic; without, it goes before nothing. Returns the seconds that this thread
    has worked, and what was not drawn.
    """
    begun = time.thread_time()
    held = onlookers({page.session for page in due})
    seen: list[tuple[int, live.Viewer, Page]] = []
    for page, positions in due.items():
        permissions = held.get(page.session)
        if permissions is None or roles.LOOK not in permissions:
            show(page, SIGNED_OUT if permissions is None else NO_ROLE)
            continue
        viewer = live.Viewer(permissions, page.console)
        seen += [(position, viewer, page) for position in positions]
    alike: dict[tuple[str, live.Viewer], list[tuple[int, Page]]] = {}
    for position, viewer, page in sorted(seen, key=itemgetter(0)):  # what stands first comes first
        alike.setdefault((str(page.topics[position]), viewer), []).append((position, page))
    left: dict[Page, set[int]] = defaultdict(set)
    for (_, viewer), places in alike.items():
        if breaks_off is not None:
            precedence.runners.give_way(unless=breaks_off)
        if left or (breaks_off is not None and breaks_off()):
            for position, page in places:
                left[page].add(position)
            continue
        position, page = places[0]
        drawn = _drawn(page.topics[position], viewer)
        for _, page in places:
            show(page, drawn)
    return time.thread_time() - begun, dict(left)


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
