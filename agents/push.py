"""The window: what changed is told to open pages and connected runners, after commit.

Hints only. A message names a topic and carries no state: whoever gets it reads the database. Losing
every hint costs latency, never a pause or a decision.

Topics: `inbox`, `interrupt.<pk>`, `thread.<pk>`, `progress.<thread's pk>`, `effects.<thread's pk>`,
`agent.<pk>`, `agents`, `runners`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeAlias

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

log = logging.getLogger(__name__)

Hint: TypeAlias = tuple[str, dict[str, Any]]
"""A group of the channel layer, and the message for it."""

_ECHO_AGAIN_SECONDS = 0.2
_SEND_SECONDS = 2.0  # for all that is told at once

_held_back: ContextVar[list[Hint] | None] = ContextVar("held_back", default=None)

RUNNERS = "runners.awake"  # every connected runner; each claims what its token serves


def group(topic: str) -> str:
    """The channel-layer group of the open pages that show `topic`."""
    return f"console.{topic}"


def changed(*topics: str, at_once: bool = False) -> None:
    """Tell the open pages that show any of these topics, once the transaction has committed.

    `at_once` is for what people wait for; the rest is drawn when more may have changed.
    """
    for topic in dict.fromkeys(topics):
        _after_commit(group(topic), {"type": "console.changed", "topic": topic, "at_once": at_once})


def wake_runners() -> None:
    """Tell the runners that a run may be queued for them, once the transaction has committed."""
    _after_commit(RUNNERS, {"type": "runner.wake"})


def cancel_run(run: int, attempt: int) -> None:
    """Tell the runner that holds a run to stop it, once the transaction has committed."""
    _after_commit(RUNNERS, {"type": "runner.cancel", "run": run, "attempt": attempt})


def token_revoked(token: int) -> None:
    """Tell the runners' sockets that a token has ended, once the transaction has committed."""
    _after_commit(RUNNERS, {"type": "runner.revoked", "token": token})


def layer() -> Any:
    """The channel layer, for a socket that hears by itself; what is sent is sent from here."""
    return get_channel_layer()  # `Any`: None only without a setting, which has a default


class Ear:
    """Hears what changes, for all who ask for it in this process: one channel of the layer."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._layer = layer()
        self._channel = ""
        self._wanted: Counter[str] = Counter()
        self._heard: set[str] = set()
        self._next: asyncio.Task[dict[str, Any]] | None = None
        self._turn = asyncio.Lock()  # a topic is not given up while somebody asks for it

    async def listen(self, topics: Collection[str]) -> None:
        """Hear of these topics from now on, once more than before.

        Where the broker fails, they are asked for all the same: take them back with `ignore`.
        """
        async with self._turn:
            self._wanted.update(topics)
            if not self._channel:
                self._channel = await self._layer.new_channel("pages")
            for topic in set(topics) - self._heard:
                await self._layer.group_add(group(topic), self._channel)
                self._heard.add(topic)

    async def ignore(self, topics: Collection[str]) -> None:
        """Take back one `listen`; what nobody asks for is not heard any more."""
        async with self._turn:
            self._wanted.subtract(topics)
            for topic in [topic for topic in topics if not self._wanted[topic]]:
                del self._wanted[topic]
                if topic in self._heard:
                    self._heard.remove(topic)
                    await self._layer.group_discard(group(topic), self._channel)

    async def hear(self) -> tuple[str, bool]:
        """Wait for the next topic that has changed, and whether people wait for it.

        Something must be listened to.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._layer.receive(self._channel))
        try:
            # A layer forgets a channel whose reader is cancelled: this one reads on for whoever
            # listens next.
            message = await asyncio.shield(self._next)
        finally:
            if self._next.done():
                self._next = None
        return message["topic"], message.get("at_once", True)  # older consoles do not say


@contextmanager
def held_back() -> Iterator[list[Hint]]:
    """Collect what is told inside instead of sending it: the caller sends it from its event loop.

    For a thread that must not wait for the event loop, which may be stopping.
    """
    hints: list[Hint] = []
    token = _held_back.set(hints)
    try:
        yield hints
    finally:
        _held_back.reset(token)


@contextmanager
def together() -> Iterator[None]:
    """Send at once, at the end, what is told inside: each time costs a turn of the event loop."""
    with held_back() as hints:
        try:
            yield
        finally:
            if hints:
                async_to_sync(send)(hints)


async def send(hints: Iterable[Hint]) -> None:
    """Send hints, each once, those to runners first: people wait for what these do.

    One that cannot be sent is logged: what was committed stays so. A broker that hangs is given up:
    runners wait for who sends.
    """
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await _send(hints)
    except TimeoutError:
        log.error("hints were lost: the broker took more than %g seconds", _SEND_SECONDS)


async def _send(hints: Iterable[Hint]) -> None:
    told: list[Hint] = []
    for hint in sorted(hints, key=_urgency):
        if hint not in told and (hint[0], hint[1] | {"at_once": True}) not in told:
            told.append(hint)
            try:
                await layer().group_send(*hint)
            except Exception:
                log.exception("a hint to %s was lost", hint[0])


def _urgency(hint: Hint) -> tuple[bool, bool]:
    name, message = hint
    return name != RUNNERS, not message.get("at_once")


async def echo(seconds: float) -> None:
    """Send messages to oneself through the channel layer, until one is heard.

    One is not enough: Redis reads connections in an order of its own, so that it may pass the first
    message on before it knows who listens.

    Raises:
        TimeoutError: it did not come back within `seconds`.
        OSError, RedisError: the broker cannot be reached.
    """
    own = layer()
    channel = await own.new_channel("echo")
    heard = asyncio.Event()

    async def listen() -> None:
        while True:
            await own.receive(channel)
            heard.set()

    listening = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(seconds):
            while not heard.is_set():
                await own.send(channel, {"type": "echo"})
                with suppress(TimeoutError):
                    async with asyncio.timeout(_ECHO_AGAIN_SECONDS):
                        await heard.wait()
    finally:
        listening.cancel()  # in the middle of receiving: the layer forgets the channel
        await asyncio.gather(listening, return_exceptions=True)


def _after_commit(name: str, message: dict[str, Any]) -> None:
    hint = (name, message)

    def tell() -> None:
        hints = _held_back.get()
        if hints is None:
            async_to_sync(send)([hint])
        else:
            hints.append(hint)

    transaction.on_commit(tell, robust=True)
