"""A runner's end of the checkpoint store, in few words."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.db import OperationalError, connection

from agents.models import Blob, Checkpoint, Part, PendingWrite, Runner
from agents.services.checkpoints import Store
from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.messages import (
    ChannelValue,
    CheckpointRequest,
    Done,
    Found,
    Get,
    Lease,
    Owner,
    Parts,
    Put,
    PutWrites,
    RefusalCode,
    Refused,
    StoredCheckpoint,
    Value,
    Whole,
    Write,
)
from reviewconsole.protocol.parts import part_hash, split
from reviewconsole.protocol.plain import Plain
from tests.factories import AGENT

OWNER = Owner(AGENT)
THREAD = "thread-1"


def document(versions: Mapping[str, str], **inline: Any) -> bytes:
    """A checkpoint's document with these channel versions, and these values in itself."""
    values: Any = {"v": 4, "channel_versions": dict(versions), "channel_values": inline}
    return plain.encode(values)[1]


def whole(value: Plain) -> Whole:
    """A value in one piece."""
    return Whole(*plain.encode(value))


def parts(value: Plain, known: Collection[bytes] = ()) -> Parts:
    """A long array in parts; the bytes of those in `known` do not travel."""
    kind, data = plain.encode(value)
    elements = split(data)
    assert elements is not None, "too short an array, or none"
    hashes = b"".join(map(part_hash, elements))
    new = dict.fromkeys(element for element in elements if part_hash(element) not in known)
    return Parts(kind, hashes, tuple(new))


def message(number: int) -> Plain:
    """One of the messages of a chat, about 100 bytes long."""
    return {"id": f"message-{number}", "type": "human", "content": f"{number} " * 20}


def chat(*numbers: int) -> Plain:
    """A list of messages."""
    return [message(number) for number in numbers]


def hashes_of(value: Plain) -> set[bytes]:
    """The names of an array's elements."""
    elements = split(plain.encode(value)[1])
    assert elements is not None
    return set(map(part_hash, elements))


def put(
    checkpoint_id: str,
    values: Mapping[tuple[str, str], Value] | None = None,
    *,
    kept: Mapping[str, str] | None = None,
    scope: Owner | Lease = OWNER,
    thread: str = THREAD,
    ns: str = "",
    parent: str | None = None,
    metadata: Any = None,
) -> Put:
    """Save a checkpoint with new values by (channel, version); `kept` are older versions in it."""
    new = dict(values or {})
    return Put(
        scope=scope,
        thread=thread,
        ns=ns,
        checkpoint_id=checkpoint_id,
        parent_id=parent,
        document=document({**(kept or {}), **dict(new.keys())}),
        metadata=tagged.dumps(metadata or {}).encode(),
        values=tuple(ChannelValue(*place, value) for place, value in new.items()),
    )


def put_writes(
    checkpoint_id: str,
    *values: tuple[int, str, Value],
    task: str = "task-1",
    path: str = "",
    replace: bool = False,
    scope: Owner | Lease = OWNER,
    thread: str = THREAD,
    ns: str = "",
) -> PutWrites:
    """Save the writes (index, channel, value) of a task."""
    writes = tuple(Write(*value) for value in values)
    return PutWrites(scope, thread, ns, checkpoint_id, task, path, replace, writes)


def get(
    checkpoint_id: str | None = None,
    *,
    scope: Owner | Lease = OWNER,
    thread: str = THREAD,
    ns: str = "",
) -> Get:
    """Read a checkpoint, by default the newest."""
    return Get(scope, thread, ns, checkpoint_id)


def execute(runner: Runner, *requests: CheckpointRequest, store: Store | None = None) -> list[Any]:
    """Let a runner ask, in one batch of a store that remembers nothing, or of `store`."""
    return (store or Store()).execute([(runner.pk, request) for request in requests])


def refused(reason: str, message: str) -> Refused:
    """The refusal of a request."""
    return Refused(RefusalCode(reason), message)


def save(runner: Runner, *requests: CheckpointRequest, store: Store | None = None) -> None:
    """Let a runner store, and nothing be refused."""
    assert execute(runner, *requests, store=store) == [Done()] * len(requests)


def read(runner: Runner, request: CheckpointRequest) -> list[StoredCheckpoint]:
    """Let a runner read."""
    (result,) = execute(runner, request)
    assert isinstance(result, Found), result
    return list(result.checkpoints)


def values_of(stored: StoredCheckpoint) -> dict[str, Value]:
    """The values of a checkpoint, by channel."""
    return {item.channel: item.value for item in stored.values}


def row_counts() -> dict[str, int]:
    """How many rows the store has."""
    tables = (Checkpoint, Blob, Part, PendingWrite)
    return {table.__name__: table.objects.count() for table in tables}


def failing_commit() -> AbstractContextManager[None]:
    """The next commit fails, when everything else is done."""
    errors = [OperationalError("gone")]

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("RELEASE SAVEPOINT") and errors:
            raise errors.pop()
        return execute(sql, *rest)

    return connection.execute_wrapper(fail)
