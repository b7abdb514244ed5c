"""Requests that tests of the connection send."""

from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import ChannelValue, Get, Owner, Parts, Put, Value, Whole
from reviewconsole.protocol.parts import part_hash

OWNER = Owner("agent")


def get(thread: str = "thread") -> Get:
    """A request that changes nothing."""
    return Get(OWNER, thread, "", None)


def parts(*elements: bytes) -> Parts:
    """A value of these elements, complete."""
    return Parts("msgpack", b"".join(map(part_hash, elements)), elements)


def put(checkpoint_id: str, *values: Value, thread: str = "thread") -> Put:
    """A checkpoint with these values in channels c0, c1 …, whose version is the checkpoint's id."""
    versions: plain.Plain = {f"c{i}": checkpoint_id for i in range(len(values))}
    document = plain.encode({"channel_versions": versions})[1]
    return Put(
        scope=OWNER,
        thread=thread,
        ns="",
        checkpoint_id=checkpoint_id,
        parent_id=None,
        document=document,
        metadata=b"{}",
        values=tuple(ChannelValue(f"c{i}", checkpoint_id, value) for i, value in enumerate(values)),
    )


def big_put(checkpoint_id: str, size: int) -> Put:
    """A checkpoint with one value of so many bytes."""
    return put(checkpoint_id, Whole("bytes", bytes(size)))
