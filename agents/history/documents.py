"""LangGraph's checkpoint documents: versions, what each node has seen, and which nodes are next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reviewconsole.protocol.plain import Plain

TASKS = "__pregel_tasks"
"""The channel of the sends: tasks for nodes that are called with an input of their own."""

Triggers: TypeAlias = Mapping[str, Sequence[str]]
"""The channels that trigger each node, as the agent's description tells them."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a checkpoint says of itself; its channel values stand beside, except small ones."""

    checkpoint_id: str = ""
    ts: str = ""  # when LangGraph made it, ISO 8601
    versions: Mapping[str, str] = field(default_factory=dict)  # of each channel
    seen: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by node: versions
    inline: Mapping[str, Plain] = field(default_factory=dict)  # values kept in the document

    def next_nodes(
        self, values: Mapping[str, Plain], triggers: Triggers | None = None
    ) -> tuple[str, ...]:
        """The nodes of the next step, those of sends first; never raises.

        `values` are those of all channels, internal ones too. Without `triggers` (agents that an
        older runner announced) nodes are told by the names LangGraph gives their channels.
        """
        raise NotImplementedError


def read(document: bytes) -> Document:
    """Read a stored document; what cannot be read in it is empty. Never raises."""
    raise NotImplementedError


def sends(values: Mapping[str, Plain]) -> tuple[str, ...]:
    """The nodes that the sends of a checkpoint call, by the index of their task."""
    raise NotImplementedError


def is_internal(channel: str) -> bool:
    """Whether LangGraph keeps this channel for itself."""
    return channel.startswith(("__", "branch:", "join:"))
