"""What the console is told about an agent: its graph, schemas, tools and breakpoints, as JSON.

Nodes are named as LangGraph's drawing names them: `tools`, and `sub:tools` inside a subgraph.
"""

import json
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from typing import Any

from langchain_core.runnables.graph import Node
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel, create_model

from reviewconsole.runner import node_tools, tool_arguments
from reviewconsole.runner.channels import kind, levels
from reviewconsole.runner.graphs import Graph
from reviewconsole.runner.idempotence import is_idempotent

LONGEST_NOTE = 300  # characters

Part = Callable[[str, Callable[[], Any]], Any]
"""Tells a part of the description by its title, or notes why it cannot be told."""


def describe(name: str, spec_description: str | None, graph: Graph) -> dict[str, Any]:
    """Describe a compiled graph for the console.

    The result holds JSON values only, in valid Unicode. Never raises: a part that cannot be told
    is None and says why in `notes`.

    - `name`, `description`
    - `graph`: `nodes` `[{id, name, kind?}]` with kind `start | end | tools`, and `edges`
      `[{source, target, conditional, label}]`, subgraphs drawn in place; `label` is the word by
      which a conditional edge is chosen, where it is not the target's name
    - `input_schema`, `context_schema`, `state_schema`: JSON Schema; an agent without a run context
      has the context schema None, without a note; `x-reducer` beside a key of the state names the
      function that unites an update with what stands there
    - `channels`: of the graph and of those inside, by path (`""`, `outer`, `outer:inner`):
      `{name: {kind, public}}`, all that its checkpoints may hold, with the kinds of `channels.kind`
    - `triggers`: likewise, `{node: [channel]}`: a node runs once one of them has changed
    - `output_keys`: the state keys that a run returns
    - `tools`: `[{name, description, args_schema, is_idempotent, node}]` of every `ToolNode`, then
      those that other nodes can reach, as far as that can be told
    - `interrupt_before`, `interrupt_after`: the nodes with static breakpoints
    - `versions`: of `langgraph`, `langchain`, `langchain_core` (None: not installed) and `python`
    - `notes`: sentences
    """
    notes: list[str] = []

    def part(title: str, tell: Callable[[], Any]) -> Any:
        try:
            text = json.dumps(tell(), allow_nan=False, ensure_ascii=False)
            text.encode()  # a lone surrogate is no text that can be sent
            return json.loads(text)
        except Exception as error:
            notes.append(f"{title}: {_reason(error)}")
            return None

    return {
        "name": name,
        "description": part("description", lambda: spec_description),
        "graph": part("graph", lambda: _drawing(graph)),
        "input_schema": part("input_schema", graph.get_input_jsonschema),
        "context_schema": part("context_schema", graph.get_context_jsonschema),
        "state_schema": part("state_schema", lambda: _state_schema(graph)),
        "channels": part("channels", lambda: _channels(graph)),
        "triggers": part("triggers", lambda: _triggers(graph)),
        "output_keys": part("output_keys", lambda: _listed(graph.output_channels)),
        "tools": part("tools", lambda: _tools(graph, part)),
        "interrupt_before": part("interrupt_before", lambda: _stops(graph, "before")),
        "interrupt_after": part("interrupt_after", lambda: _stops(graph, "after")),
        "versions": _versions(),
        "notes": notes,
    }


def _drawing(graph: Graph) -> dict[str, Any]:
    drawn = graph.get_graph(xray=True)
    return {
        "nodes": [_node(node) for node in drawn.nodes.values()],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "conditional": edge.conditional,
                "label": "" if edge.data is None else str(edge.data),
            }
            for edge in drawn.edges
        ],
    }


def _node(node: Node) -> dict[str, str]:
    described = {"id": node.id, "name": node.name}
    if isinstance(node.data, ToolNode):
        return described | {"kind": "tools"}
    kinds = {"__start__": "start", "__end__": "end"}
    return described | ({"kind": kinds[node.name]} if node.name in kinds else {})


def _state_schema(graph: Graph) -> dict[str, Any]:
    """The state as an update of it is written: each public key optional, of its channel's type."""
    fields: dict[str, Any] = {}
    for key in graph.stream_channels_list:
        try:
            field = (graph.channels[key].UpdateType, None)  # type: ignore[union-attr]  # or Any
            create_model(key, value=field).model_json_schema()
        except Exception:
            field = (Any, None)  # one exotic type must not hide the other keys
        fields[key] = field
    model: type[BaseModel] = create_model("State", **fields)
    schema = model.model_json_schema()
    for key, told in schema.get("properties", {}).items():
        told |= _reducer(graph.channels[key])
    return schema


def _reducer(channel: object) -> dict[str, str]:
    """The function of an aggregating or a delta channel; nothing where an update replaces."""
    reducer = getattr(channel, "operator", None) or getattr(channel, "reducer", None)
    return {"x-reducer": getattr(reducer, "__name__", "a reducer").lstrip("_")} if reducer else {}


def _triggers(graph: Graph) -> dict[str, dict[str, list[str]]]:
    return {
        path: {name: list(node.triggers) for name, node in level.nodes.items()}
        for path, level in levels(graph)
    }


def _channels(graph: Graph) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        path: {
            name: {"kind": kind(channel), "public": name in level.stream_channels_list}
            for name, channel in level.channels.items()
        }
        for path, level in levels(graph)
    }


def _prefixed(graph: Graph) -> Iterator[tuple[str, Graph]]:
    """The graph and those inside it, each with what the names of its nodes begin with."""
    return ((path and f"{path}:", level) for path, level in levels(graph))


def _tools(graph: Graph, part: Part) -> list[dict[str, Any]]:
    nodes = [
        (prefix + name, node.bound)
        for prefix, level in _prefixed(graph)
        for name, node in level.nodes.items()
    ]
    declared = [(tool, name) for name, node in nodes for tool in node_tools.declared(node)]
    known = {id(tool) for tool, _ in declared}
    others = [
        (tool, name)
        for name, node in nodes
        for tool in node_tools.reachable(node)
        if id(tool) not in known
    ]
    return [_tool(tool, name, part) for tool, name in declared + others]


def _tool(tool: BaseTool, node: str, part: Part) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": part(f"description of tool {tool.name}", lambda: tool.description),
        "args_schema": part(
            f"args_schema of tool {tool.name}", lambda: tool_arguments.schema(tool)
        ),
        "is_idempotent": is_idempotent(tool),
        "node": node,
    }


def _stops(graph: Graph, when: str) -> list[str]:
    stops = []
    for prefix, level in _prefixed(graph):
        nodes = level.interrupt_before_nodes if when == "before" else level.interrupt_after_nodes
        every = [node for node in level.nodes if node != "__start__"]
        stops += [prefix + node for node in (every if nodes == "*" else nodes)]
    return stops


def _listed(keys: str | Sequence[str]) -> list[str]:
    return [keys] if isinstance(keys, str) else list(keys)


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in ("langgraph", "langchain", "langchain_core"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _reason(error: Exception) -> str:
    """The first line of what went wrong, in valid Unicode."""
    line = f"{type(error).__name__}: {error}".partition("\n")[0]
    return line[:LONGEST_NOTE].encode(errors="backslashreplace").decode()
