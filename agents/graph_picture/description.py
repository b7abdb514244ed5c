"""An agent as its runner described it, read without trust: whatever it holds, nothing raises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Box:
    """A node as described."""

    id: str
    name: str
    kind: str
    tools: tuple[str, ...]

    @property
    def level(self) -> tuple[str, ...]:
        """The graphs it is inside of, from the outermost."""
        return level_of(self.id)


@dataclass(frozen=True, slots=True)
class Link:
    """An edge as described."""

    source: str
    target: str
    conditional: bool
    label: str


def level_of(node: str) -> tuple[str, ...]:
    """The graphs that a node is inside of: LangGraph's drawing writes `outer:inner:node`."""
    return tuple(node.split(":")[:-1])


def boxes(spec: Mapping[str, Any] | None) -> dict[str, Box]:
    """The nodes by id, with the tools that each runs."""
    tools = _tools(spec)
    found: dict[str, Box] = {}
    for node in _listed(_graph(spec), "nodes"):
        match node:
            case {"id": str(identity), **rest} if "\0" not in identity:
                name, kind = _text(rest.get("name")) or identity, _text(rest.get("kind"))
                found[identity] = Box(identity, name, kind, tools.get(identity, ()))
    return found


def links(spec: Mapping[str, Any] | None, nodes: Collection[str]) -> list[Link]:
    """The edges between these nodes, each pair of ends once."""
    found: dict[tuple[str, str], Link] = {}
    for edge in _listed(_graph(spec), "edges"):
        match edge:
            case {"source": str(source), "target": str(target), **rest}:
                if source in nodes and target in nodes:
                    told = Link(
                        source, target, bool(rest.get("conditional")), _text(rest.get("label"))
                    )
                    found.setdefault((source, target), told)
    return list(found.values())


def stops(spec: Mapping[str, Any] | None, when: str) -> frozenset[str]:
    """The nodes with static breakpoints `before` or `after` them."""
    return frozenset(node for node in _listed(spec, f"interrupt_{when}") if isinstance(node, str))


def _tools(spec: Mapping[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """The names of each node's tools, each once."""
    found: dict[str, dict[str, None]] = {}
    for tool in _listed(spec, "tools"):
        match tool:
            case {"name": str(name), "node": str(node)}:
                found.setdefault(node, {})[name] = None
    return {node: tuple(names) for node, names in found.items()}


def _graph(spec: Mapping[str, Any] | None) -> Any:
    return spec.get("graph") if isinstance(spec, Mapping) else None


def _listed(value: Any, key: str) -> Sequence[Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
