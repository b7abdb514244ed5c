"""What a run is at, told to people who watch: the nodes at work and what the model says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from langchain_core.messages import AIMessageChunk
from langgraph.types import StreamMode

from reviewconsole.protocol.messages import Lease, Progress
from reviewconsole.runner.channels import has_delta
from reviewconsole.runner.graphs import Graph
from reviewconsole.runner.shown import Shown

SECONDS = 0.4  # between two reports, and before the first: a fast run sends none
MOST_MESSAGES = 8  # of a step, such as of models that speak at once
MOST_CHARACTERS = 4000  # of the end of what the model says


class Listener(Protocol):
    """Whom reports go to; one may be lost."""

    def tell(self, request: Progress, /) -> Future[Any]: ...


class Watch:
    """Follows the stream of a run and reports now and then, whole, what it is at.

    Used on the event loop that reads the stream, as a context manager. The graph never waits for a
    report, and while one is under way no other is sent.
    """

    def __init__(self, listener: Listener, lease: Lease, shown: Shown, *, tokens: bool) -> None:
        self._listener = listener
        self._lease = lease
        self._shown = shown
        self._tokens = tokens
        self._after: int | None = None  # the step that is done
        self._running: dict[str, tuple[str, ...]] = {}  # task id → path of nodes
        self._texts: dict[str, str] = {}  # message id → its end
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: Future[Any] | None = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def modes(self, graph: Graph) -> list[StreamMode]:
        """What the graph is to stream: no more than there is something to see in."""
        modes: list[StreamMode] = ["tasks"]
        if has_delta(graph):
            modes.append("checkpoints")
        if self._tokens:
            modes.append("messages")
        return modes

    def see(self, ns: tuple[str, ...], mode: str, event: Any) -> None:
        """Take in an event of the stream."""
        match mode:
            case "tasks":
                self._task(ns, event)
            case "checkpoints":
                self._shown.streamed(event)
            case "messages":
                self._message(event[0])

    def _task(self, ns: tuple[str, ...], event: Mapping[str, Any]) -> None:
        if "result" in event:
            self._running.pop(event["id"], None)
        else:
            if not ns and self._shown.step != self._after:
                self._after = self._shown.step
                self._texts.clear()
            path = (*(part.partition(":")[0] for part in ns), event["name"])
            self._running[event["id"]] = path
        self._changed()

    def _message(self, chunk: object) -> None:
        if isinstance(chunk, AIMessageChunk) and (text := str(chunk.text)):
            key = chunk.id or ""
            self._texts[key] = (self._texts.get(key, "") + text)[-MOST_CHARACTERS:]
            if len(self._texts) > MOST_MESSAGES:
                del self._texts[next(iter(self._texts))]
            self._changed()

    def _changed(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._report)

    def _report(self) -> None:
        self._timer = None
        if self._under_way is not None and not self._under_way.done():
            self._changed()
            return
        step = None if self._after is None else self._after + 1
        self._under_way = self._listener.tell(
            Progress(self._lease, step, self._nodes(), self._text())
        )

    def _nodes(self) -> tuple[str, ...]:
        """The nodes that run, without those around a graph in which others run."""
        paths = set(self._running.values())
        around = {path[:length] for path in paths for length in range(1, len(path))}
        return tuple(sorted(":".join(path) for path in paths - around))

    def _text(self) -> str:
        return "\n\n".join(self._texts.values())[-MOST_CHARACTERS:]
