"""What people read of delta channels, whose checkpoints hold writes in place of values.

LangGraph rebuilds such a value from the writes with the agent's own code, so nobody else can. The
runner has it while the graph runs, and sends it beside the checkpoint. What is lost of it is not
shown, and nothing else is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint

from reviewconsole.protocol.messages import ChannelValue, Scope, Show, Value
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.graphs import Graph

logger = logging.getLogger(__name__)

_COUNTERS = "counters_since_delta_snapshot"
"""The key of the metadata by which LangGraph names the channels whose values are not stored."""
_MOST = 64  # checkpoints whose other half is waited for

Place = tuple[str, str, str]  # thread, namespace, checkpoint id


class Shown:
    """Brings together the versions in a checkpoint, as the saver stores it, and the values beside.

    They come in either order and from any thread. A value is sent once for each of its versions.
    Nothing here raises, blocks or waits for the console.
    """

    def __init__(
        self, client: ConsoleClient, scope: Scope, to_wire: Callable[[Any], Value]
    ) -> None:
        self._client = client
        self._scope = scope
        self._to_wire = to_wire
        self._versions: dict[Place, dict[str, str]] = {}
        self._values: dict[Place, Mapping[str, Any]] = {}
        self._sent: dict[tuple[str, str, str], str] = {}  # thread, namespace, channel → version
        self._lock = threading.Lock()
        self.step: int | None = None  # of the root's checkpoint that was stored or read last

    def read(self, ns: str, metadata: Mapping[str, Any]) -> None:
        """Note that a checkpoint was read."""
        if ns == "":
            self.step = metadata.get("step")

    def stored(
        self, thread: str, ns: str, checkpoint: Checkpoint, metadata: Mapping[str, Any]
    ) -> None:
        """Note the versions that a checkpoint has of channels it holds no value of."""
        self.read(ns, metadata)
        seen = checkpoint["channel_versions"]
        with self._lock:
            versions = {
                channel: str(seen[channel])
                for channel in metadata.get(_COUNTERS) or ()
                if channel in seen and self._sent.get((thread, ns, channel)) != str(seen[channel])
            }
            if versions:
                place = thread, ns, checkpoint["id"]
                _keep(self._versions, place, versions)
                self._send_if_whole(place)

    def streamed(self, event: Mapping[str, Any]) -> None:
        """Note the values in LangGraph's event of a checkpoint (stream mode `checkpoints`)."""
        if event["metadata"].get(_COUNTERS):
            self._note(event["config"], event["values"])

    async def complete(self, graph: Graph) -> None:
        """Read the values of checkpoints that were stored outside of any stream, such as forks."""
        for thread, ns, checkpoint_id in list(self._versions):
            config: RunnableConfig = {
                "configurable": {
                    "thread_id": thread, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id,
                }
            }  # fmt: skip
            try:
                state = await graph.aget_state(config)
            except Exception:  # the graph inside is one that LangGraph cannot find by its name
                logger.debug(
                    "%s %s of %s cannot be shown", ns, checkpoint_id, thread, exc_info=True
                )
            else:
                self._note(config, state.values)
        self._versions.clear()

    def _note(self, config: RunnableConfig, values: Any) -> None:
        named = config["configurable"]
        place = str(named["thread_id"]), named.get("checkpoint_ns", ""), named["checkpoint_id"]
        if isinstance(values, Mapping):
            with self._lock:
                _keep(self._values, place, values)
                self._send_if_whole(place)

    def _send_if_whole(self, place: Place) -> None:
        if place not in self._versions or place not in self._values:
            return
        versions, values = self._versions.pop(place), self._values.pop(place)
        thread, ns, _ = place
        items = list(
            self._items({name: values[name] for name in versions if name in values}, versions)
        )
        if items:
            self._sent |= {(thread, ns, item.channel): item.version for item in items}
            self._client.tell(Show(self._scope, thread, ns, tuple(items)))

    def _items(
        self, values: Mapping[str, Any], versions: Mapping[str, str]
    ) -> Iterable[ChannelValue]:
        for channel, value in values.items():
            try:
                yield ChannelValue(channel, versions[channel], self._to_wire(value))
            except Exception:  # the agent's own classes have their say
                logger.debug("%s cannot be shown", channel, exc_info=True)


def _keep(halves: dict[Place, Any], place: Place, half: Any) -> None:
    halves[place] = half
    if len(halves) > _MOST:
        del halves[next(iter(halves))]
