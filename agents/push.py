"""The window: what changed is told to open pages and connected runners, after commit.

Hints only. A message names a topic and carries no state: whoever gets it reads the database. Losing
every hint costs latency, never a pause or a decision.

Topics: `inbox`, `interrupt.<pk>`, `thread.<pk>`, `agent.<pk>`, `agents`, `runners`.
"""

from __future__ import annotations

from collections.abc import Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

RUNNERS = "runners.awake"  # every connected runner; each claims what its token serves


def group(topic: str) -> str:
    """The channel-layer group of the open pages that show `topic`."""
    return f"console.{topic}"


def changed(*topics: str) -> None:
    """Tell the open pages that show any of these topics, once the transaction has committed."""
    messages = [(group(topic), {"type": "console.changed", "topic": topic}) for topic in topics]
    transaction.on_commit(lambda: _send(messages), robust=True)


def wake_runners() -> None:
    """Tell the runners that a run may be queued for them, once the transaction has committed."""
    transaction.on_commit(lambda: _send([(RUNNERS, {"type": "runner.wake"})]), robust=True)


def cancel_run(channel: str, run: int, attempt: int) -> None:
    """Tell the runner at `channel` to stop a run, once the transaction has committed."""
    message = {"type": "runner.cancel", "run": run, "attempt": attempt}

    async def send() -> None:
        await get_channel_layer().send(channel, message)

    transaction.on_commit(lambda: async_to_sync(send)(), robust=True)


def token_revoked(token: int) -> None:
    """Tell the runners' sockets that a token has ended, once the transaction has committed."""
    message: dict[str, object] = {"type": "runner.revoked", "token": token}
    transaction.on_commit(lambda: _send([(RUNNERS, message)]), robust=True)


def _send(messages: Iterable[tuple[str, dict[str, object]]]) -> None:
    async def send_all() -> None:
        layer = get_channel_layer()
        for name, message in messages:
            await layer.group_send(name, message)

    async_to_sync(send_all)()
