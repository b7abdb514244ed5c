"""The channel layer of several console processes: Redis, which may be away at any time.

Hints may be lost, connections must not be: with Channels' own layer neither a runner nor a page
can open its socket while Redis is away, nor close it in peace.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer, RedisSingleShardConnection
from redis.exceptions import RedisError

RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


class PatientConnection(RedisSingleShardConnection):  # type: ignore[misc]  # untyped
    """A connection that remembers what it could not subscribe to, and tries again."""

    def __init__(self, host: dict[str, Any], layer: Any) -> None:
        """Connect when first used."""
        super().__init__(host, layer)
        self._missed: set[str] = set()
        self._catching_up: asyncio.Task[None] | None = None

    async def subscribe(self, channel: str) -> None:
        """Subscribe, now or when Redis is back."""
        try:
            await super().subscribe(channel)
        except (RedisError, OSError) as error:
            if not self._missed:
                log.warning("hints wait for Redis: %s", error)
            self._missed.add(channel)
            if self._catching_up is None:
                self._catching_up = asyncio.create_task(self._catch_up())

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe; Redis forgets by itself who is connected no more."""
        self._missed.discard(channel)
        try:
            await super().unsubscribe(channel)
        except (RedisError, OSError):
            self._subscribed_to.discard(channel)

    async def _catch_up(self) -> None:
        while self._missed:
            await asyncio.sleep(RETRY_SECONDS)
            for channel in tuple(self._missed):
                try:
                    await super().subscribe(channel)
                except (RedisError, OSError):
                    break
                self._missed.discard(channel)
        self._catching_up = None


class PatientLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # untyped
    """Channels' layer over connections that outlive Redis."""

    def _get_layer(self) -> Any:
        known = len(self._layers)
        layer: Any = super()._get_layer()
        if len(self._layers) > known:  # of a new event loop
            layer._shards = [PatientConnection(shard.host, layer) for shard in layer._shards]
        return layer
