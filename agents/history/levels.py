"""A graph and the graphs inside it, as the agent's description tells of their channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.history.documents import Triggers

_REBUILT = "counters_since_delta_snapshot"
"""The metadata key by which LangGraph names the channels whose values it rebuilds from writes."""


def level(ns: str) -> str:
    """The path of the graph whose checkpoints a namespace holds: `""`, `outer`, `outer:inner`."""
    nodes = (part.partition(":")[0] for part in ns.split("|") if not part.isdecimal())
    return ":".join(node for node in nodes if node)


@dataclass(frozen=True, slots=True)
class Levels:
    """What an agent's description says of each level. Whatever that holds, nothing here raises."""

    spec: Mapping[str, Any]

    def triggers(self, ns: str) -> Triggers | None:
        """The channels that trigger each node; None where an older runner did not tell."""
        told = self._told("triggers", ns)
        if told is None:
            return None
        return {
            node: [channel for channel in channels if isinstance(channel, str)]
            for node, channels in told.items()
            if isinstance(channels, list)
        }

    def rebuilt(self, ns: str, metadata: Mapping[Any, Any]) -> tuple[str, ...]:
        """The channels whose values the agent rebuilds: those told, and those of a checkpoint."""
        kinds = self._told("channels", ns) or {}
        told = [
            channel
            for channel, said in kinds.items()
            if said == "delta" or (isinstance(said, Mapping) and said.get("kind") == "delta")
        ]
        counted = metadata.get(_REBUILT)
        counters = counted if isinstance(counted, Mapping) else {}
        return tuple(dict.fromkeys([*told, *(name for name in counters if isinstance(name, str))]))

    def _told(self, part: str, ns: str) -> Mapping[str, Any] | None:
        levels = self.spec.get(part)
        told = levels.get(level(ns)) if isinstance(levels, Mapping) else None
        return told if isinstance(told, Mapping) else None
