"""How far a conversation had come at checkpoints: what people read beside each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agents.history import documents
from agents.models import SHOWN, Blob, Checkpoint, Thread
from agents.models.checkpoint import Form
from agents.reviews.conversation import message_count
from agents.services.checkpoint_rows import unpack_runs
from reviewconsole.protocol import plain

MESSAGES = "messages"


def message_counts(*, thread: Thread, checkpoint_ids: Collection[str]) -> Mapping[str, int]:
    """How many messages the thread's root held at these checkpoints. Queries: 2.

    Checkpoints that are unknown, or of which nothing can be told, are left out.
    """
    rows = Checkpoint.objects.filter(thread=thread, ns="", checkpoint_id__in=checkpoint_ids)
    versions = {
        checkpoint_id: version
        for checkpoint_id, document in rows.values_list("checkpoint_id", "document")
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


def _counts(thread: Thread, versions: Collection[str]) -> Mapping[str, int]:
    stored = Blob.objects.filter(
        thread=thread, ns="", channel__in=(MESSAGES, SHOWN + MESSAGES), version__in=versions
    )
    shown_last = sorted(stored, key=lambda blob: blob.channel.startswith(SHOWN))
    counted = {blob.version: _count(blob) for blob in shown_last}
    return {version: count for version, count in counted.items() if count is not None}


def _count(blob: Blob) -> int | None:
    if blob.form == Form.RUNS:
        return len(unpack_runs(bytes(blob.data)))
    try:
        value = plain.decode(blob.kind, bytes(blob.data))
    except plain.UnreadableValue:
        return None  # encrypted, or damaged
    return None if value is None else message_count(value)
