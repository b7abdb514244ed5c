"""The window: what changed is told to open pages and connected runners, after commit.

Hints only. A message names a topic and carries no state: whoever gets it reads the database. Losing
every hint costs latency, never a pause or a decision.

Topics: `inbox`, `interrupt.<pk>`, `thread.<pk>`, `agent.<pk>`, `agents`, `runners`.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

RUNNERS = "runners.awake"  # every connected runner; each claims what its token serves


def group(topic: str) -> str:
    """The channel-layer group of the open pages that show `topic`."""
    return f"console.{topic}"


def changed(*topics: str) -> None:
    """Tell the open pages that show any of these topics, once the transaction has committed."""
    for topic in dict.fromkeys(topics):
        _after_commit(group(topic), {"type": "console.changed", "topic": topic})


def wake_runners() -> None:
    """Tell the runners that a run may be queued for them, once the transaction has committed."""
    _after_commit(RUNNERS, {"type": "runner.wake"})


def cancel_run(run: int, attempt: int) -> None:
    """Tell the runner that holds a run to stop it, once the transaction has committed."""
    _after_commit(RUNNERS, {"type": "runner.cancel", "run": run, "attempt": attempt})


def token_revoked(token: int) -> None:
    """Tell the runners' sockets that a token has ended, once the transaction has committed."""
    _after_commit(RUNNERS, {"type": "runner.revoked", "token": token})


def _after_commit(name: str, message: dict[str, Any]) -> None:
    layer: Any = get_channel_layer()  # `Any`: None only without a setting, which has a default
    # Robust: a hint that cannot be sent is logged; what was committed stays so.
    transaction.on_commit(lambda: async_to_sync(layer.group_send)(name, message), robust=True)
