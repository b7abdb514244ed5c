"""LangGraph's checkpoint saver over the console's socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.messages import (
    ChannelValue,
    Found,
    Get,
    List,
    Parts,
    Put,
    PutWrites,
    Scope,
    StoredCheckpoint,
    Value,
    Whole,
    Write,
)
from reviewconsole.protocol.parts import part_hash, split
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.shown import Shown
from reviewconsole.runner.thread_upkeep import ThreadUpkeep
from reviewconsole.runner.versions import Version, next_version

PAGE = 8  # checkpoints a reply: each brings its whole state
INLINE_CHARACTERS = 64


class ConsoleSaver(ThreadUpkeep):
    """Keeps checkpoints in the console.

    `scope` says by what right: the lease of a run, or the agent that owns the thread. Every method
    has a blocking and an async form, which may be called from any thread and any loop. Values are
    serialised in the caller's thread, by `serde` (strict msgpack unless told otherwise); numbers
    and short strings of the state stay readable in the checkpoint document, whatever `serde` does.

    Every method raises what `ConsoleClient.ask` raises. All are idempotent.
    """

    def __init__(
        self, client: ConsoleClient, scope: Scope, *, serde: SerializerProtocol | None = None
    ) -> None:
        super().__init__(client, scope, serde or JsonPlusSerializer(allowed_msgpack_modules=None))
        self.shown = Shown(client, scope, self._value)
        self._read: dict[Get, Found] = {}  # newest checkpoints, until something is written
        self._trusted: dict[Get, Found] = {}

    # Reading ----------------------------------------------------------------------------------

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read the checkpoint that `config` names, else the newest of its namespace."""
        return self._first(self._client.ask_sync(self._get(config)))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do as `get_tuple`."""
        request = self._get(config)
        found = self._trusted.pop(request, None)
        if found is None:
            found = await self._client.ask(request)
            if request.checkpoint_id is None:
                self._read[request] = found
        return self._first(found)

    def trust(self) -> None:
        """Have the next `aget_tuple` of what was read as the newest answered with that, once.

        For the holder of a lease, who alone writes, and has not written since: it saves a person's
        decision the way to the console.
        """
        self._trusted, self._read = self._read, {}

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Read checkpoints, newest first, page by page.

        Without a config: of all threads of the owner's agent. `filter` compares top-level keys of
        the metadata for equality.
        """
        request = self._list(config, filter, before, limit)
        while request is not None:
            found = self._client.ask_sync(request)
            yield from map(self._tuple, found.checkpoints)
            request, limit = _next_page(request, found, limit)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do as `list`."""
        request = self._list(config, filter, before, limit)
        while request is not None:
            found = await self._client.ask(request)
            for stored in found.checkpoints:
                yield self._tuple(stored)
            request, limit = _next_page(request, found, limit)

    # Writing ----------------------------------------------------------------------------------

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and the channel values that are new in it; return its config."""
        self._forget()
        request = self._put(config, checkpoint, metadata, new_versions)
        self._client.ask_sync(request)
        return _config(request.thread, request.ns, request.checkpoint_id)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do as `put`."""
        self._forget()
        request = self._put(config, checkpoint, metadata, new_versions)
        await self._client.ask(request)
        return _config(request.thread, request.ns, request.checkpoint_id)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store the pending writes of a task; the checkpoint itself may come later."""
        self._forget()
        self._client.ask_sync(self._put_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Do as `put_writes`."""
        self._forget()
        await self._client.ask(self._put_writes(config, writes, task_id, task_path))

    def get_next_version(self, current: Version | None, channel: None) -> Version:
        """Make the version that follows `current`; see `versions`."""
        return next_version(current)

    def _forget(self) -> None:
        self._read, self._trusted = {}, {}

    # To the wire ------------------------------------------------------------------------------

    def _get(self, config: RunnableConfig) -> Get:
        thread, ns = _address(config)
        return Get(self._scope, thread, ns, get_checkpoint_id(config))

    def _list(
        self,
        config: RunnableConfig | None,
        metadata: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> List | None:
        if limit is not None and limit <= 0:
            return None
        named = config["configurable"] if config else {}
        request = List(
            scope=self._scope,
            thread=str(named["thread_id"]) if "thread_id" in named else None,
            ns=named.get("checkpoint_ns"),
            checkpoint_id=get_checkpoint_id(config) if config else None,
            metadata=metadata,
            before=get_checkpoint_id(before) if before else None,
            limit=limit,
        )
        return _paged(request, limit)

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Put:
        thread, ns = _address(config)
        self.shown.stored(thread, ns, checkpoint, metadata)
        inline, values = {}, []
        for channel, value in checkpoint["channel_values"].items():
            if _is_inline(value):
                inline[channel] = value
            elif channel in new_versions:
                stored = self._value(value)
                values.append(ChannelValue(channel, str(new_versions[channel]), stored))
        _, document = plain.encode(cast(plain.Plain, {**checkpoint, "channel_values": inline}))
        described = cast(plain.Plain, get_serializable_checkpoint_metadata(config, metadata))
        return Put(
            scope=self._scope,
            thread=thread,
            ns=ns,
            checkpoint_id=checkpoint["id"],
            parent_id=get_checkpoint_id(config),
            document=document,
            metadata=tagged.dumps(described).encode(),
            values=tuple(values),
        )

    def _put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> PutWrites:
        thread, ns = _address(config)
        return PutWrites(
            scope=self._scope,
            thread=thread,
            ns=ns,
            checkpoint_id=config["configurable"]["checkpoint_id"],
            task_id=task_id,
            task_path=task_path,
            replace=all(channel in WRITES_IDX_MAP for channel, _ in writes),
            writes=tuple(
                Write(WRITES_IDX_MAP.get(channel, index), channel, self._value(value))
                for index, (channel, value) in enumerate(writes)
            ),
        )

    def _value(self, value: Any) -> Value:
        kind, data = self.serde.dumps_typed(value)
        parts = split(data) if kind == "msgpack" else None
        if parts is None:
            return Whole(kind, bytes(data))
        return Parts(kind, b"".join(map(part_hash, parts)), tuple(parts))

    # From the wire ----------------------------------------------------------------------------

    def _first(self, found: Found) -> CheckpointTuple | None:
        if not found.checkpoints:
            return None
        saved = self._tuple(found.checkpoints[0])
        self.shown.read(found.checkpoints[0].ns, saved.metadata)
        return saved

    def _tuple(self, stored: StoredCheckpoint) -> CheckpointTuple:
        document = cast(dict[str, Any], plain.decode("msgpack", stored.document))
        document["channel_values"] |= {
            item.channel: self._load(cast(Whole, item.value)) for item in stored.values
        }
        parent = stored.parent_id
        return CheckpointTuple(
            config=_config(stored.thread, stored.ns, stored.checkpoint_id),
            checkpoint=cast(Checkpoint, document),
            metadata=cast(CheckpointMetadata, tagged.loads(stored.metadata.decode())),
            parent_config=_config(stored.thread, stored.ns, parent) if parent else None,
            pending_writes=[
                (write.task_id, write.channel, self._load(write.value)) for write in stored.writes
            ],
        )

    def _load(self, value: Whole) -> Any:
        return self.serde.loads_typed((value.kind, value.data))


def _is_inline(value: object) -> bool:
    """Whether a channel's value is kept in the checkpoint document.

    This depends on the value alone: a channel that did not change is not sent again, so it must be
    found where its first checkpoint put it.
    """
    if type(value) is str:
        return len(value) <= INLINE_CHARACTERS
    return type(value) in (type(None), bool, int, float)


def _address(config: RunnableConfig) -> tuple[str, str]:
    named = config["configurable"]
    return str(named["thread_id"]), named.get("checkpoint_ns", "")


def _config(thread: str, ns: str, checkpoint_id: str) -> RunnableConfig:
    return {
        "configurable": {"thread_id": thread, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}
    }


def _paged(request: List, limit: int | None) -> List:
    """The first page, where checkpoint ids are unique and pages therefore possible."""
    if request.thread is None or request.ns is None:
        return request
    return replace(request, limit=PAGE if limit is None else min(limit, PAGE))


def _next_page(request: List, found: Found, limit: int | None) -> tuple[List | None, int | None]:
    """The request of the page after `found`, if there may be one, and what is left of the limit."""
    left = None if limit is None else limit - len(found.checkpoints)
    if request.thread is None or request.ns is None or left == 0:
        return None, left
    if request.limit is None or len(found.checkpoints) < request.limit:
        return None, left
    older = replace(request, before=found.checkpoints[-1].checkpoint_id)
    return _paged(older, left), left
