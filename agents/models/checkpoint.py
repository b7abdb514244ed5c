"""The checkpoint store: what LangGraph saves, each part of it once.

Written and read only by `services.checkpoints`, whose docstring explains the layout. The primary
keys begin with the thread, so no further index is needed.
"""

from __future__ import annotations

from django.db import models

from agents.models.fields import PlainField


class Checkpoint(models.Model):
    """A saved state: LangGraph's checkpoint document without the channel values kept in `Blob`."""

    pk = models.CompositePrimaryKey("thread_id", "ns", "checkpoint_id")
    thread = models.ForeignKey(
        "agents.Thread", models.CASCADE, related_name="checkpoints", db_index=False
    )
    ns = models.TextField()
    checkpoint_id = models.CharField(max_length=64)  # uuid6: greater is newer
    parent_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 -- NULL: the first of its namespace
    document = models.BinaryField()  # msgpack
    metadata = PlainField()
    run = models.ForeignKey(
        "agents.Run", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    stored_bytes = models.BigIntegerField(null=True)  # what storing it added; NULL: not measured

    def __str__(self) -> str:
        return self.checkpoint_id


SHOWN = "~"
"""What the names of shown channels begin with: no channel of LangGraph's does."""


class Form(models.IntegerChoices):
    """How the `data` of a stored value is to be read."""

    WHOLE = 0  # the value's bytes
    RUNS = 1  # runs of parts: packed (first, count) pairs of big-endian uint32


class Blob(models.Model):
    """The value of one channel at one version.

    A channel named `SHOWN` and a channel's name holds what people read of one whose checkpoints
    hold no value; nothing reads it back into a graph.
    """

    pk = models.CompositePrimaryKey("thread_id", "ns", "channel", "version")
    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="+", db_index=False)
    ns = models.TextField()
    channel = models.TextField()
    version = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)  # LangGraph's serializer type
    form = models.SmallIntegerField(choices=Form)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.channel}@{self.version}"


class Part(models.Model):
    """One element of stored arrays, kept once per thread."""

    pk = models.CompositePrimaryKey("thread_id", "seq")
    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    hash = models.BinaryField(max_length=16)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"part {self.seq}"


class PendingWrite(models.Model):
    """One write of a task, stored before the step that takes it; may precede its checkpoint."""

    pk = models.CompositePrimaryKey("thread_id", "ns", "checkpoint_id", "task_id", "index")
    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="+", db_index=False)
    ns = models.TextField()
    checkpoint_id = models.CharField(max_length=64)
    task_id = models.CharField(max_length=64)
    index = models.IntegerField()
    task_path = models.TextField()
    channel = models.TextField()
    kind = models.CharField(max_length=32)
    form = models.SmallIntegerField(choices=Form)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.channel} by {self.task_id}"
