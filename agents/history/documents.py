"""LangGraph's checkpoint documents: versions, what each node has seen, and which nodes are next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reviewconsole.protocol import plain
from reviewconsole.protocol.plain import Plain, Typed

SENDS = "__pregel_tasks"
"""The channel of the sends: calls of nodes, each with an input of its own."""

Triggers: TypeAlias = Mapping[str, Sequence[str]]
"""The channels that trigger each node, in the order of the nodes."""

_NO_NODES = {"__input__", "__interrupt__"}  # LangGraph's own marks among what nodes have seen


@dataclass(frozen=True, slots=True)
class Document:
    """What a checkpoint says of itself; its channel values stand beside, except small ones."""

    checkpoint_id: str = ""
    ts: str = ""  # when LangGraph made it, ISO 8601
    versions: Mapping[str, str] = field(default_factory=dict)  # of each channel
    seen: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by node
    inline: Mapping[str, Plain] = field(default_factory=dict)  # values kept in the document

    @property
    def nodes_seen(self) -> tuple[str, ...]:
        """The nodes that have run on the way here, in the order of their first run."""
        return tuple(node for node in self.seen if node not in _NO_NODES)

    def ran_since(self, parent: Document) -> tuple[str, ...]:
        """The nodes that have seen something new since then.

        One that was sent for, and has run before, shows nothing of it here.
        """
        return tuple(
            node for node in self.nodes_seen if self.seen[node] != parent.seen.get(node, None)
        )

    def next_nodes(
        self, values: Mapping[str, Plain], triggers: Triggers | None = None
    ) -> tuple[str, ...]:
        """The nodes of the step that follows, also those that are done with it; those sent first.

        As LangGraph says of the checkpoint by its id; one that is sent for twice is there twice.
        `values` are those of the channels that LangGraph keeps for itself. Channels that nobody
        in `triggers` listens to name their nodes: those that the agent's graph has had before, and
        without `triggers` (an older runner announced it) all. Never raises.
        """
        known = {node: list(channels) for node, channels in (triggers or {}).items()}
        heard = {channel for channels in known.values() for channel in channels}
        for channel in sorted(self.versions.keys() - heard):
            for node in _called_by(channel):
                known.setdefault(node, []).append(channel)
        values = {**self.inline, **values}
        pulled = (node for node, channels in known.items() if self._calls(node, channels, values))
        return (*(node for node in sends(values.get(SENDS)) if node), *pulled)

    def _calls(self, node: str, channels: Sequence[str], values: Mapping[str, Plain]) -> bool:
        seen = self.seen.get(node)
        return any(
            _is_available(channel, values)
            and (
                seen is None
                or _order(self.versions.get(channel, "")) > _order(seen.get(channel, ""))
            )
            for channel in channels
        )


def read(document: bytes) -> Document:
    """Read a stored document; what cannot be read in it is empty. Never raises."""
    try:
        found = plain.decode("msgpack", document)
    except plain.UnreadableValue:
        return Document()
    told = _texts(found)
    return Document(
        checkpoint_id=str(told.get("id") or ""),
        ts=str(told.get("ts") or ""),
        versions=_versions(told.get("channel_versions")),
        seen={node: _versions(each) for node, each in _texts(told.get("versions_seen")).items()},
        inline=_texts(told.get("channel_values")),
    )


def sends(value: Plain) -> tuple[str, ...]:
    """The nodes that the value of `SENDS` calls, by the index of their task; "" if unreadable."""
    if not isinstance(value, list):
        return ()
    return tuple(_sent_to(each) for each in value)


def task_node(path: str, sent: Sequence[str]) -> str:
    """The node of a task by its stored path, and by what its checkpoint sends; "" if unknown."""
    kind, _, rest = path.removeprefix("~").partition(", ")
    if kind == "__pregel_pull":
        return rest
    index = rest.partition(", ")[0]
    if kind == "__pregel_push" and index.isdecimal() and int(index) < len(sent):
        return sent[int(index)]
    return ""


def is_internal(channel: str) -> bool:
    """Whether LangGraph keeps this channel for itself."""
    return channel.startswith(("__", "branch:", "join:"))


def _texts(value: Plain) -> dict[str, Plain]:
    if not isinstance(value, dict):
        return {}
    return {key: each for key, each in value.items() if isinstance(key, str)}


def _versions(value: Plain) -> dict[str, str]:
    return {channel: str(version) for channel, version in _texts(value).items()}


def _order(version: str) -> tuple[int, str]:
    """What versions are compared by; those of other savers may be numbers."""
    return (len(version) if version.isdecimal() else 0), version


def _called_by(channel: str) -> Iterator[str]:
    if channel == "__start__":
        yield channel
    elif channel.startswith("branch:to:"):
        yield channel.removeprefix("branch:to:")
    elif channel.startswith("join:"):
        yield channel.rpartition(":")[2]


def _is_available(channel: str, values: Mapping[str, Plain]) -> bool:
    """Whether a channel of LangGraph's triggers who listens to it: it has a value, or all of it."""
    if channel not in values:
        return False
    value = values[channel]
    if not channel.startswith(("branch:", "join:")):
        return True
    match value:
        case [called, bool(nothing_else_runs)]:  # of a node that is put off until then
            if not nothing_else_runs:
                return False
            value = called
    if channel.startswith("join:"):
        return _has_all(channel.removeprefix("join:").rpartition(":")[0], value)
    return True


def _has_all(names: str, value: Plain) -> bool:
    """Whether a join has heard of all the nodes its name names, `a+b`; names may have a plus."""
    if isinstance(value, Typed):  # a set
        value = value.payload
    if not isinstance(value, list):
        return False
    heard = [each for each in value if isinstance(each, str)]
    length = sum(map(len, heard)) + len(heard) - 1
    return length == len(names) and all(f"+{each}+" in f"+{names}+" for each in heard)


def _sent_to(value: Plain) -> str:
    match value:
        case Typed(payload=[str(node), *_]):
            return node
    return ""
