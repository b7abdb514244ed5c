"""Histories in the store, made the way a run makes them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from agents.models import Checkpoint, Interrupt, Run, Thread
from agents.services import checkpoint_reads
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import CheckpointRequest, Lease, StoredCheckpoint, Value
from tests.factories import finish, start_run, take
from tests.services.saving import chat, hashes_of, parts, put, put_writes, save, whole


class History:
    """A thread under a run, to which checkpoints are added; each inherits its parent's values."""

    def __init__(self, store: Store | None = None) -> None:
        self.run: Run = start_run()
        self.lease: Lease = take(self.run)
        self.run.refresh_from_db()  # with its runner
        self.thread: Thread = self.run.thread
        self.store = store or Store()
        self.versions: dict[tuple[str, str], dict[str, str]] = {}
        self.sent: set[bytes] = set()
        self.requests: list[CheckpointRequest] = []

    def add(
        self,
        checkpoint_id: str,
        parent: str | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        ns: str = "",
        root: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Save a checkpoint with these new values; a list of numbers stands for a chat of these.

        `root` is the root's checkpoint in whose step a graph inside ran.
        """
        kept = self.versions.get((ns, parent or ""), {})
        new = {
            (channel, checkpoint_id): self._value(each) for channel, each in (values or {}).items()
        }
        inside = {"parents": {"": root}} if root is not None else {}
        self.requests.append(
            put(
                checkpoint_id, new, kept=kept, scope=self.lease, thread=self.thread.thread_id,
                ns=ns, parent=parent, metadata={"source": "loop", **inside, **(metadata or {})},
            )
        )  # fmt: skip
        self.versions[ns, checkpoint_id] = kept | dict(new.keys())

    def write(self, checkpoint_id: str, value: Any, *, ns: str = "") -> None:
        """Save a pending write of a task that runs from a checkpoint."""
        written = (0, "messages", self._value(value))
        at: dict[str, Any] = {"scope": self.lease, "thread": self.thread.thread_id, "ns": ns}
        self.requests.append(put_writes(checkpoint_id, written, **at))

    def save(self) -> None:
        """Store, in one batch, what was added."""
        save(self.run.runner, *self.requests, store=self.store)
        self.requests.clear()

    def ask(self, checkpoint_id: str) -> Interrupt:
        """Let a question have been asked at a checkpoint."""
        position = Interrupt.objects.filter(run=self.run).count()
        return Interrupt.objects.create(
            run=self.run, thread=self.thread, position=position, kind=Interrupt.Kind.INTERRUPT,
            status=Interrupt.Status.APPLIED, checkpoint_id=checkpoint_id, node="tools",
            interrupt_id=f"{position}", fingerprint="", digest="", dialect="raw", headline="Asked",
        )  # fmt: skip

    def end(self, *, days_ago: int = 100) -> None:
        """Let the run have ended, and all have been stored so long ago."""
        self.save()
        finish(self.run)
        then = timezone.now() - timedelta(days=days_ago)
        Checkpoint.objects.filter(thread=self.thread).update(created_at=then)

    def go_on(self) -> None:
        """Let another run of the thread have been taken."""
        self.run = start_run(thread=self.thread.thread_id)
        self.lease = take(self.run)
        self.run.refresh_from_db()

    def _value(self, value: Any) -> Value:
        if not isinstance(value, list):
            return whole(value)
        sent = parts(chat(*value), self.sent)
        self.sent |= hashes_of(chat(*value))
        return sent


def stored(thread: Thread) -> dict[tuple[str, str], StoredCheckpoint | None]:
    """Every checkpoint of a thread, as a runner reads it."""
    places = Checkpoint.objects.filter(thread=thread).values_list("ns", "checkpoint_id")
    return {(ns, each): checkpoint_reads.one(thread, ns, each) for ns, each in places}
