"""The past as it was made: views of the store for a run that begins at an older checkpoint.

Beside a checkpoint stands what its tasks made of it later: answers, results, changes by decisions.
None of it is the past that a person chose, and LangGraph takes some of it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from langchain_core.runnables import RunnableConfig
from langgraph.channels.base import BaseChannel
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)

from reviewconsole.protocol.messages import Put, PutWrites, StoredCheckpoint
from reviewconsole.runner.breakpoints import Graph
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.versions import Version

_NOBODY = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""No task has this id. What is stored under it is nobody's, and LangGraph still sees that values
of delta channels stand there, which a branch must not read."""


class PastSaver(ConsoleSaver):
    """Reads one checkpoint as if nothing had come of it, and all others as they are.

    The answers, results and changes beside it belong to no task, and the thread has gone on from
    it, even where it is the head: so LangGraph begins a branch and writes nothing beside it.
    """

    _past = ""

    @classmethod
    def at(cls, saver: ConsoleSaver, checkpoint_id: str) -> Self:
        """The view of what `saver` keeps, with this checkpoint as it was made."""
        past = cls(saver._client, saver._scope, serde=saver.serde)
        past.shown = saver.shown
        past._past = checkpoint_id
        return past

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do as `ConsoleSaver.get_tuple`."""
        return self._newer(config, super().get_tuple(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do as `get_tuple`."""
        return self._newer(config, await super().aget_tuple(config))

    def _newer(
        self, config: RunnableConfig, saved: CheckpointTuple | None
    ) -> CheckpointTuple | None:
        """What is found; where the head was asked for, and is the past itself, another one."""
        if saved is None or get_checkpoint_id(config) or saved.checkpoint["id"] != self._past:
            return saved
        return saved._replace(checkpoint={**saved.checkpoint, "id": ""})

    def _tuple(self, stored: StoredCheckpoint) -> CheckpointTuple:
        found = super()._tuple(stored)
        if stored.checkpoint_id != self._past:
            return found
        writes = [(_NOBODY, channel, value) for _, channel, value in found.pending_writes or []]
        return found._replace(pending_writes=writes)


class Draft(PastSaver):
    """Keeps what is made of the past until all of it is made; `store` then stores it, in order.

    So whatever the agent's own code raises on the way has changed nothing. `marks` go into the
    metadata of each checkpoint.
    """

    marks: dict[str, Any]
    _triggers: list[tuple[str, str, Version, BaseChannel[Any, Any, Any]]]
    _requests: list[Put | PutWrites]
    _made: dict[str, CheckpointTuple]

    @classmethod
    def of(cls, saver: ConsoleSaver, checkpoint_id: str, marks: dict[str, Any]) -> Self:
        """An empty draft at this checkpoint."""
        draft = cls.at(saver, checkpoint_id)
        draft.marks, draft._requests, draft._made = marks, [], {}
        draft._triggers = []
        return draft

    def use_up(self, graph: Graph, nodes: Iterable[str], saved: CheckpointTuple) -> None:
        """Let what calls for these nodes at `saved` be used up, as it is when they run.

        LangGraph leaves it where a node is written for: what waits for several nodes, for one, then
        calls for it again.
        """
        versions = saved.checkpoint["channel_versions"]
        self._triggers = [
            (node, trigger, versions[trigger], channel)
            for node in nodes
            for trigger in graph.nodes[node].triggers
            if trigger in versions and isinstance(channel := graph.channels[trigger], BaseChannel)
        ]

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do as `PastSaver.aget_tuple`, also for what was drafted."""
        made = self._made.get(get_checkpoint_id(config) or "")
        return made or await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Draft a checkpoint."""
        marked: Any = {**metadata, **self.marks}
        new_versions = {**new_versions, **self._used_up(checkpoint)}
        self._requests.append(self._put(config, checkpoint, marked, new_versions))
        named = {**config["configurable"], "checkpoint_id": checkpoint["id"]}
        made: RunnableConfig = {"configurable": named}
        parent = config if get_checkpoint_id(config) else None
        self._made[checkpoint["id"]] = CheckpointTuple(made, checkpoint, marked, parent, [])
        return made

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Any,
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Draft pending writes."""
        self._requests.append(self._put_writes(config, writes, task_id, task_path))

    def _used_up(self, checkpoint: Checkpoint) -> ChannelVersions:
        """Use up what called for nodes; the versions that are new by that."""
        values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
        new: ChannelVersions = {}
        for node, trigger, version, channel in self._triggers:
            checkpoint["versions_seen"].setdefault(node, {})[trigger] = version
            if trigger not in values or versions[trigger] != version:
                continue  # it is used up, or calls anew
            waiting = channel.from_checkpoint(values[trigger])
            if waiting.consume():
                values[trigger] = waiting.checkpoint()
                versions[trigger] = new[trigger] = self.get_next_version(version, None)
        self._triggers = []
        return new

    @property
    def head(self) -> RunnableConfig:
        """The config of the newest checkpoint that was drafted."""
        return next(reversed(self._made.values())).config

    async def store(self) -> None:
        """Store what was drafted. Raises what `ConsoleClient.ask` raises."""
        for request in self._requests:
            await self._client.ask(request)
