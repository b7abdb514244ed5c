"""The browsers' socket: it tells an open page what has changed. It never takes an order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import live, roles
from agents.exceptions import NotFound
from agents.instruments import REDRAW
from agents.services import outages

MOST_TOPICS = 8  # of one page
SIGNED_OUT, NO_ROLE, NO_TOPIC = 4401, 4403, 4404  # close codes
BROKEN, RESTARTING = 1011, 1012

log = logging.getLogger(__name__)


class ConsoleConsumer(AsyncWebsocketConsumer):
    """One open page: `/ws/console/?topic=inbox&topic=thread.5`.

    It joins the groups of its topics before it first reads the database, so nothing falls in
    between, and then sends every fragment whole: all at the start, after each hint those of the
    topics it is about, and all now and then without one, as hints may be lost and some states
    change by time alone. A fragment that has not changed since it was sent is not sent again. Hints
    that come while it draws are drawn together.

    Closes with 4401 for somebody who is not signed in (any more), 4403 for somebody without a role,
    4404 for topics that do not exist.
    """

    topics: tuple[live.Topic, ...] = ()
    drawing: asyncio.Task[None] | None = None

    def __init__(self) -> None:
        """Nothing is sent yet."""
        super().__init__()
        self.changed = asyncio.Event()
        self.told: set[str] = set()  # what has changed since it was drawn
        self.sent: dict[str, str] = {}

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler of an event, without Channels' visit to the database before each."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        """Let people with a role in, join what they look at, and begin to draw."""
        await self.accept()
        try:
            self.topics = _topics(self.scope["query_string"])
            for group in {group for topic in self.topics for group in live.groups(topic)}:
                await self.channel_layer.group_add(group, self.channel_name)
                self.groups.append(group)  # Channels leaves them at the end
        except NotFound:
            await self.close(NO_TOPIC)
            return
        self.drawing = asyncio.create_task(self.keep_drawing())

    async def disconnect(self, code: int) -> None:
        """Stop drawing."""
        if self.drawing is not None:
            self.drawing.cancel()
            with suppress(asyncio.CancelledError):
                await self.drawing

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignore what a page says: decisions are posts."""

    async def console_ends(self, _: dict[str, Any]) -> None:
        """The console ends: the page opens its socket again, at the next one."""
        await self.close(RESTARTING, reason="the console ends; another one takes over")

    async def console_changed(self, message: dict[str, Any]) -> None:
        """Something that is shown has changed; draw it when the drawing at work is done."""
        self.told.add(message["topic"])
        self.changed.set()

    async def keep_drawing(self) -> None:
        """Draw for as long as the page is open; after an error the page opens a new socket."""
        try:
            await self.draw()
        except Exception as error:
            if outages.is_outage(error):
                log.warning("a page is not drawn: %s", outages.told(error))
            else:
                log.exception("drawing %s", ", ".join(map(str, self.topics)))
            await self.close(BROKEN)

    async def draw(self) -> None:
        """Draw and send what has changed, until the person may see it no more."""
        due = self.topics
        while True:
            self.changed.clear()
            self.told.clear()
            with REDRAW.time():
                drawn = await database_sync_to_async(self.render)(due)
            if isinstance(drawn, int):
                await self.close(drawn)
                return
            news = {name: html for name, html in drawn.items() if self.sent.get(name) != html}
            self.sent |= drawn
            # An empty frame is a sign of life: a page that hears nothing opens its socket again.
            with suppress(Disconnected):  # the page has left; Daphne is about to say so
                await self.send(text_data="".join(map(_partial, news, news.values())) or "{}")
            try:
                await asyncio.wait_for(self.changed.wait(), settings.PAGE_REFRESH_SECONDS)
            except TimeoutError:
                due = self.topics
            else:
                due = tuple(topic for topic in self.topics if live.listens(topic, self.told))

    def render(self, topics: tuple[live.Topic, ...]) -> dict[str, str] | int:
        """Draw these topics as the person may see them now; a close code if they may not."""
        user = _signed_in(self.scope)
        if user is None:
            return SIGNED_OUT
        if not user.has_perm(roles.LOOK):
            return NO_ROLE
        viewer = live.Viewer(user, _address(self.scope))
        drawn: dict[str, str] = {}
        try:
            for topic in topics:
                drawn |= live.render(topic, viewer)
        except NotFound:
            return NO_TOPIC
        return drawn


def _topics(query: bytes) -> tuple[live.Topic, ...]:
    pairs = parse_qsl(query.decode("ascii", "replace"))
    asked = [value for name, value in pairs if name == "topic"]
    if not 0 < len(asked) <= MOST_TOPICS:
        raise NotFound(f"Ask for 1 to {MOST_TOPICS} topics, not for {len(asked)}.")
    return tuple(live.Topic.parse(text) for text in asked)


def _signed_in(scope: Mapping[str, Any]) -> User | None:
    """The person whose session this is, read afresh: they may have signed out or been shut out."""
    request = HttpRequest()
    sessions = import_module(settings.SESSION_ENGINE)
    request.session = sessions.SessionStore(scope["session"].session_key)
    user = get_user(request)
    return user if isinstance(user, User) else None


def _address(scope: Mapping[str, Any]) -> str:
    """The address of the console as the browser knows it, for a websocket."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("ascii", "replace")
    return origin.replace("http", "ws", 1)


def _partial(name: str, html: str) -> SafeString:
    return format_html(
        '<hx-partial hx-target="#{}" hx-swap="outerMorph">{}</hx-partial>', name, SafeString(html)
    )
