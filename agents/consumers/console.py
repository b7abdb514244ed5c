"""The browsers' socket: it tells an open page what has changed. It never takes an order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from autobahn.exception import Disconnected
from channels.generic.websocket import AsyncWebsocketConsumer

from agents import live
from agents.consumers.audience import NO_TOPIC, Page, audience
from agents.exceptions import NotFound

MOST_TOPICS = 8  # of one page
RESTARTING = 1012  # close code


class ConsoleConsumer(AsyncWebsocketConsumer):
    """One open page: `/ws/console/?topic=inbox&topic=thread.5`.

    It is sent every fragment whole: all at the start, then those that have changed, as the
    `Audience` of this process draws them.

    Closes with 4401 for somebody who is not signed in (any more), 4403 for somebody without a role,
    4404 for topics that do not exist.
    """

    page: Page
    showing: asyncio.Task[None] | None = None

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler of an event, without Channels' visit to the database before each."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        """Accept, and begin to show; who may not look is told so by a close code."""
        await self.accept()
        try:
            topics = _topics(self.scope["query_string"])
            session = self.scope["session"].session_key or ""
            self.page = Page(topics, session, _address(self.scope))
        except NotFound:
            await self.close(NO_TOPIC)
            return
        self.showing = asyncio.create_task(self.show())
        await audience().join(self.page)

    async def disconnect(self, code: int) -> None:
        """Look no more."""
        if self.showing is not None:
            await audience().leave(self.page)
            self.showing.cancel()
            await asyncio.gather(self.showing, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore what a page says: decisions are posts."""

    async def console_ends(self, _: dict[str, Any]) -> None:
        """The console ends: the page opens its socket again, at the next one."""
        await self.close(RESTARTING, reason="the console ends; another one takes over")

    async def show(self) -> None:
        """Send what was drawn, until the person may see it no more."""
        while not isinstance(news := await self.page.news(), int):
            with suppress(Disconnected):  # the page has left; Daphne is about to say so
                # An empty frame is a sign of life: a page that hears nothing opens a new socket.
                await self.send(text_data=news or "{}")
        await audience().leave(self.page)
        await self.close(news)


def _topics(query: bytes) -> tuple[live.Topic, ...]:
    pairs = parse_qsl(query.decode("ascii", "replace"))
    asked = [value for name, value in pairs if name == "topic"]
    if not 0 < len(asked) <= MOST_TOPICS:
        raise NotFound(f"Ask for 1 to {MOST_TOPICS} topics, not for {len(asked)}.")
    return tuple(live.Topic.parse(text) for text in asked)


def _address(scope: Mapping[str, Any]) -> str:
    """The address of the console as the browser knows it, for a websocket."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("ascii", "replace")
    return origin.replace("http", "ws", 1)
