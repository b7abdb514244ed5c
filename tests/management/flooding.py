"""A server with the console's flow control and an application that floods, or takes nothing.

`python -m tests.management.flooding PORT`. What it is asked for is in the path: `/pieces` answers
in 200 pieces of 1 MB, `/body` with the length of what it was sent, `/ws/flood/` sends as many
messages, `/ws/runner/` takes no message until `/take` is asked for, `/told` says what has happened
since `/forget`.
"""

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from agents.management import flow

MB = b"x" * 1_000_000
PIECES = 200

happened: Counter[str] = Counter()
may_take = asyncio.Event()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do what the path says."""
    match scope["path"]:
        case "/pieces":
            await answer_in_pieces(send)
        case "/body":
            await answer_with_length(receive, send)
        case "/take" | "/told" | "/forget" as path:
            if path == "/take":
                may_take.set()
            elif path == "/forget":
                may_take.clear()
                happened.clear()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": json.dumps(happened).encode()})
        case "/ws/flood/":
            await send({"type": "websocket.accept"})
            await flood(receive, send)
        case _:
            await send({"type": "websocket.accept"})
            await take(receive, send)


async def answer_in_pieces(send: Any) -> None:
    """Send a long answer."""
    await send({"type": "http.response.start", "status": 200})
    for _ in range(PIECES):
        await send({"type": "http.response.body", "body": MB, "more_body": True})
        happened["pieces"] += 1
    await send({"type": "http.response.body", "body": b""})


async def answer_with_length(receive: Any, send: Any) -> None:
    """Say how long the body of the request was."""
    length, is_more = 0, True
    while is_more:
        event = await receive()
        length += len(event["body"])
        is_more = event["more_body"]
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def flood(receive: Any, send: Any) -> None:
    """Send many messages, and note when the other end has gone."""
    while (await receive())["type"] != "websocket.receive":
        pass
    for _ in range(PIECES):
        await send({"type": "websocket.send", "bytes": MB})
        happened["messages"] += 1
    while (await receive())["type"] != "websocket.disconnect":
        pass
    happened["gone"] += 1


async def take(receive: Any, send: Any) -> None:
    """Take messages once it may, and send each back as its length."""
    await may_take.wait()
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.receive":
            happened["taken"] += 1
            await send({"type": "websocket.send", "text": str(len(message["bytes"]))})
    happened["gone"] += 1


def main(port: str) -> None:
    """Serve until stopped."""
    flow.STALLED_SECONDS = 0.5
    flow.SLOWEST = 1_000_000_000
    server = flow.BoundedServer(
        application=application, endpoints=[f"tcp:port={port}:interface=127.0.0.1"]
    )

    def bound() -> None:
        server.ws_factory.protocol = flow.BoundedSocket
        flow.bound_bodies(server.http_factory, 1_000_000)

    server.ready_callable = bound
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
