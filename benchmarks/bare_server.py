"""The floor of fan-out: a process that sends what it is told to all its sockets, in a loop.

The same server as the console's, and nothing else: no drawing, no broker, no database.
`python -m benchmarks.bare_server PORT`; the socket at `/all` says what the others are sent.
"""

from __future__ import annotations

import sys
from typing import Any

from daphne.server import Server

_sends: dict[int, Any] = {}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Keep a socket; pass on what comes from `/all`."""
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] != "/all":
        _sends[id(send)] = send
    while (event := await receive())["type"] != "websocket.disconnect":
        for each in list(_sends.values()):
            await each({"type": "websocket.send", "text": event["text"]})
    _sends.pop(id(send), None)


if __name__ == "__main__":
    Server(application, endpoints=[f"tcp:port={sys.argv[1]}:interface=127.0.0.1"]).run()
