"""Hints through a real Redis: heard again after everybody left, and after Redis was away."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import get_channel_layer
from pytest_django.fixtures import Settings
from redis.exceptions import RedisError

from agents import push
from tests.scale.broker import Redis

SECONDS = 20.0


@pytest.fixture
def broker(redis: Redis, settings: Settings) -> Iterator[Redis]:
    """Redis, as the layer of this process."""
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "reviewconsole.hints.PatientLayer",
            "CONFIG": {"hosts": [redis.url]},
        }
    }
    yield redis
    if not redis.is_alive:
        redis.start()


async def tell(topic: str) -> None:
    """Say that a topic has changed."""
    await push.send([(push.group(topic), {"type": "console.changed", "topic": topic})])


async def heard(ear: push.Ear, topic: str) -> str:
    """What is heard next, while a topic is told again and again."""

    async def repeat() -> None:
        while True:
            await tell(topic)
            await asyncio.sleep(0.1)

    telling = asyncio.create_task(repeat())
    try:
        heard, _at_once = await asyncio.wait_for(ear.hear(), SECONDS)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    return heard


async def test_an_ear_hears_again_after_everybody_left(broker: Redis):
    ear = push.Ear()
    await ear.listen(["inbox"])
    hearing = asyncio.create_task(ear.hear())
    await asyncio.sleep(0)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await ear.ignore(["inbox"])

    await ear.listen(["inbox", "thread.1"])
    assert await heard(ear, "thread.1") == "thread.1"


async def test_who_comes_while_redis_is_away_hears_when_it_is_back(
    broker: Redis, caplog: pytest.LogCaptureFixture
):
    broker.kill()
    ear = push.Ear()
    await ear.listen(["inbox", "runners"])
    await ear.ignore(["runners"])
    assert "hints wait for Redis" in caplog.text
    with pytest.raises(RedisError, match="Connect call failed"):
        await asyncio.wait_for(push.echo(1.0), SECONDS)

    await asyncio.to_thread(broker.start)
    assert await heard(ear, "inbox") == "inbox"
    await push.echo(SECONDS)


async def test_a_broker_that_hangs_is_given_up(broker: Redis, caplog: pytest.LogCaptureFixture):
    assert broker.popen is not None
    await tell("inbox")
    os.kill(broker.popen.pid, signal.SIGSTOP)
    try:
        many = [
            (push.group(f"thread.{number}"), {"type": "console.changed"}) for number in range(9)
        ]
        await asyncio.wait_for(push.send(many), SECONDS)
    finally:
        os.kill(broker.popen.pid, signal.SIGCONT)
    assert "hints were lost: the broker took more than 2 seconds" in caplog.text


async def test_an_echo_leaves_nothing_behind(broker: Redis):
    for _ in range(3):
        await push.echo(SECONDS)
    layer: Any = get_channel_layer()
    assert layer.channels == {}


async def test_an_echo_does_not_hang_on_its_first_message(
    broker: Redis, monkeypatch: pytest.MonkeyPatch
):
    layer: Any = get_channel_layer()
    send = layer.send
    sent: list[str] = []

    async def lose_the_first(channel: str, message: dict[str, Any]) -> None:
        sent.append(channel)
        if len(sent) > 1:
            await send(channel, message)

    monkeypatch.setattr(layer, "send", lose_the_first)
    await push.echo(SECONDS)
    assert len(set(sent)) == 1
    assert layer.channels == {}
