"""What ran after a checkpoint before, on any branch: what may happen a second time. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from agents.history import documents
from agents.history.documents import SENDS, task_node
from agents.models import Checkpoint, PendingWrite, Thread
from agents.prepared import Each, Given, Prepared
from agents.reviews.conversation import conversation
from agents.services import channel_values
from agents.services.checkpoint_states import CheckpointState, public_values
from reviewconsole.protocol.plain import Plain

_TIPS = 4  # ends of branches whose messages are read, newest first
_SENDING = 50  # checkpoints whose sends are read, newest first


@dataclass(frozen=True, slots=True)
class Travelled:
    """The nodes that ran, and the tools that were called, each once."""

    nodes: tuple[str, ...]
    tools: tuple[str, ...]

    def without(
        self, nodes: Collection[str], tools: Iterable[Mapping[str, Any]]
    ) -> tuple[str, ...]:
        """Nodes, then tools, but for these nodes and the tools they hold."""
        held = {tool["name"] for tool in tools if tool.get("node") in nodes}
        left = [node for node in self.nodes if node not in nodes]
        return (*left, *(tool for tool in self.tools if tool not in held))


def travelled(thread: Thread, state: CheckpointState) -> Travelled:
    """What has run from a checkpoint of the root on, on every branch that begins there.

    Tools are those whose calls have a result in the messages of the newest branches. Queries: at
    most 20, whatever the length of the history.
    """
    start = state.row.checkpoint_id
    below, tips = {start}, {start}
    for checkpoint_id, parent in _LATER(thread=thread.pk, start=start):
        if parent in below:
            below.add(checkpoint_id)
            tips.add(checkpoint_id)
            tips.discard(parent)
    newest = sorted(tips - {start}, reverse=True)[:_TIPS]
    known = _called(state.values)
    called = [
        name
        for tip in newest
        for call, name in _called(public_values(thread, tip).values).items()
        if call not in known
    ]
    return Travelled(tuple(dict.fromkeys(_nodes(thread, below))), tuple(dict.fromkeys(called)))


def _later() -> QuerySet[Checkpoint, tuple[str, str | None]]:
    rows = Checkpoint.objects.filter(
        thread=Given("thread", int), ns="", checkpoint_id__gt=Given("start", str)
    )
    return rows.order_by("checkpoint_id").values_list("checkpoint_id", "parent_id")


_LATER = Prepared(_later)


def _nodes(thread: Thread, below: Collection[str]) -> Iterator[str]:
    """The nodes of the tasks that have left something at these checkpoints, oldest first."""
    places = _PLACES(thread=thread.pk, start=min(below))
    ran = [(place, path) for place, path in places if place in below]
    sent = _sent(thread, [place for place, path in ran if path and not task_node(path, ())])
    for place, path in ran:
        if node := task_node(path, sent.get(place, ())):
            yield node


def _places() -> QuerySet[PendingWrite, tuple[str, str]]:
    writes = PendingWrite.objects.filter(
        thread=Given("thread", int), ns="", checkpoint_id__gte=Given("start", str)
    )
    places = writes.order_by("checkpoint_id", "task_path").values_list("checkpoint_id", "task_path")
    return places.distinct()


_PLACES = Prepared(_places)


def _sent(thread: Thread, places: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The nodes that the sends of these checkpoints call, of the newest of them."""
    newest = sorted(set(places), reverse=True)[:_SENDING]
    if not newest:
        return {}
    versions = {
        checkpoint_id: documents.read(bytes(document)).versions.get(SENDS, "")
        for checkpoint_id, document in _DOCUMENTS(thread=thread.pk, checkpoints=newest)
    }
    blobs = channel_values.stored(thread, {("", SENDS, each) for each in versions.values()})
    read = dict(zip(blobs, channel_values.decoded([*blobs.values()]), strict=True))
    return {
        place: documents.sends(channel_values.if_readable(read.get(("", SENDS, version))))
        for place, version in versions.items()
    }


def _documents() -> QuerySet[Checkpoint, Any]:
    rows = Checkpoint.objects.filter(
        thread=Given("thread", int), ns="", checkpoint_id__any=Each("checkpoints", str)
    )
    return rows.order_by().values_list("checkpoint_id", "document")


_DOCUMENTS = Prepared(_documents)


def _called(values: Mapping[str, Plain]) -> dict[str, str]:
    """The names of the tools that were called and have answered, by the call's id."""
    state: dict[Any, Plain] = {**values}
    return {
        call.id: call.name
        for entry in conversation(state)
        for call in entry.tool_calls
        if call.result is not None
    }
