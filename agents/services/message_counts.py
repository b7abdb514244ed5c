"""How far a conversation had come at checkpoints: what people read beside each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet

from agents.history import documents
from agents.models import SHOWN, Blob, Checkpoint, Thread
from agents.models.checkpoint import Form
from agents.prepared import Each, Given, Prepared
from agents.reviews.conversation import message_count
from agents.services.part_runs import unpack_runs
from reviewconsole.protocol import plain

MESSAGES = "messages"


def message_counts(*, thread: Thread, checkpoint_ids: Collection[str]) -> Mapping[str, int]:
    """How many messages the thread's root held at these checkpoints. Queries: 2.

    Checkpoints that are unknown, or of which nothing can be told, are left out.
    """
    if not checkpoint_ids:
        return {}
    versions = {
        checkpoint_id: version
        for checkpoint_id, document in _DOCUMENTS(thread=thread.pk, checkpoints=checkpoint_ids)
        if (version := documents.read(bytes(document)).versions.get(MESSAGES))
    }
    if not versions:
        return {}
    counts = _counts(thread, set(versions.values()))
    return {
        checkpoint_id: counts[version]
        for checkpoint_id, version in versions.items()
        if version in counts
    }


def _documents() -> QuerySet[Checkpoint, Any]:
    rows = Checkpoint.objects.filter(
        thread=Given("thread", int), ns="", checkpoint_id__any=Each("checkpoints", str)
    )
    return rows.order_by().values_list("checkpoint_id", "document")


_DOCUMENTS = Prepared(_documents)


def _counts(thread: Thread, versions: Collection[str]) -> Mapping[str, int]:
    stored = _STORED(thread=thread.pk, versions=versions)
    shown_last = sorted(stored, key=lambda blob: blob.channel.startswith(SHOWN))
    counted = {blob.version: _count(blob) for blob in shown_last}
    return {version: count for version, count in counted.items() if count is not None}


def _stored() -> QuerySet[Blob]:
    rows = Blob.objects.filter(
        thread=Given("thread", int), ns="", channel__in=(MESSAGES, SHOWN + MESSAGES),
        version__any=Each("versions", str),
    )  # fmt: skip
    return rows.order_by()


_STORED = Prepared(_stored)


def _count(blob: Blob) -> int | None:
    if blob.form == Form.RUNS:
        return len(unpack_runs(bytes(blob.data)))
    try:
        value = plain.decode(blob.kind, bytes(blob.data))
    except plain.UnreadableValue:
        return None  # encrypted, or damaged
    return None if value is None else message_count(value)
