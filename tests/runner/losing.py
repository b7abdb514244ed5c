"""A runner that is lost at any moment of a run, and the next one that takes it up."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reviewconsole.protocol.messages import Hello, RefusalCode, Refused
from tests.runner.executing import Desk
from tests.runner.peer import Peer, Store


@contextmanager
def lost_after(peer: Peer, requests: int) -> Iterator[list[Any]]:
    """Fence everything after so many requests; tells what was fenced."""
    seen = itertools.count()
    fenced: list[Any] = []

    def fence(request: Any) -> Refused | None:
        if isinstance(request, Hello) or next(seen) < requests:
            return None
        fenced.append(request)
        return Refused(RefusalCode.FENCED, "the runner is lost")

    peer.answer_instead = fence
    yield fenced
    peer.answer_instead = lambda request: None
    peer.received[:] = [request for request in peer.received if request not in fenced]


async def lose_and_take_up(desk: Desk, run: Any, requests: int) -> tuple[Any, bool]:
    """Execute a run whose first runner is lost; the outcome, and whether it was lost at all."""
    with lost_after(desk.peer, requests) as fenced:
        await desk.execution(run).run()
    if not fenced:
        return desk.conclude(run), False
    return await desk.execute(desk.again(run)), True


async def at_every_request(peer: Peer, client: Any, prepare: Any, check: Any) -> None:
    """Prepare a thread, lose the runner of its next run at each request in turn, check the end."""
    for requests in itertools.count():
        peer.store = Store()
        peer.received.clear()
        desk, run = await prepare(peer, client)
        outcome, lost = await lose_and_take_up(desk, run, requests)
        await check(desk, run, outcome, requests)
        if not lost:
            assert requests > 2
            return
