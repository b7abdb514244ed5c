"""Static breakpoints: found in a stored state and shown as a question.

LangGraph's store keeps no trace of a breakpoint: a thread stopped at one looks like a thread whose
runner died there, and going on passes it. So it is found by what the state is about to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.base import RunnableBindingBase
from langgraph.constants import START
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot

from reviewconsole.protocol.marks import AS_NODE, DECISION, FROM

Graph = Pregel[Any, Any, Any, Any]
Stops = Sequence[str] | Literal["*"]


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A stop before or after some nodes, at one level of the graph."""

    when: Literal["before", "after"]
    nodes: tuple[str, ...]
    waiting: tuple[str, ...]  # the nodes that run when it is passed
    calls: tuple[ToolCall, ...]  # the tool calls that they run
    checkpoint_id: str
    config: RunnableConfig  # of this level's newest checkpoint
    author: str | None  # the node that ran last, if it was one
    tool_node: str | None
    messages_key: str
    message: AIMessage | None  # the one that makes the calls
    decision: int | None  # which this checkpoint was made for
    begun: bool  # it was passed, and some tasks had finished when another failed

    @property
    def interrupt_id(self) -> str:
        return f"breakpoint-{self.checkpoint_id}"

    @property
    def value(self) -> dict[str, Any]:
        """What a reviewer is asked."""
        return {
            "breakpoint": self.when,
            "nodes": list(self.nodes),
            "tool_calls": [
                {"id": call["id"], "name": call["name"], "args": call["args"]}
                for call in self.calls
            ],
        }


def stops(named: tuple[str, ...]) -> Stops:
    """The stops of a run as LangGraph takes them."""
    return "*" if named == ("*",) else list(named)


async def find(
    root: Graph, level: Graph, state: StateSnapshot, before: Stops, after: Stops
) -> Breakpoint | None:
    """The breakpoint at which this level of the graph stands, if it does.

    `before` and `after` are the stops of this level, which has not passed them, or in vain. Where
    the store does not tell any more what ran, every stop after a node counts. Reads: one or two,
    and one for each copy of a copy, where it stands at one or `after` names nodes.
    """
    if not state.next:
        return None  # after its last node a graph has ended, breakpoint or not
    waiting = tuple(dict.fromkeys(state.next))
    stopped = _named(waiting, before)
    ran = await _ran(root, state) if after or stopped else ()
    when: Literal["before", "after"] = "before" if stopped else "after"
    nodes = stopped or _named(tuple(level.nodes) if ran is None else ran, after)
    if not nodes:
        return None
    runs_tools, key = _runs_tools(level, waiting)
    message, calls = open_calls(state.values, key) if runs_tools else (None, ())
    return Breakpoint(
        when=when,
        nodes=nodes,
        waiting=waiting,
        calls=calls,
        checkpoint_id=state.config["configurable"]["checkpoint_id"],
        config=state.config,
        author=ran[0] if ran is not None and len(ran) == 1 else None,
        tool_node=runs_tools,
        messages_key=key,
        message=message,
        decision=(state.metadata or {}).get(DECISION),  # type: ignore[arg-type]  # ours to write
        begun=any(task.result is not None for task in state.tasks),
    )


def _named(nodes: Sequence[str], stops: Stops) -> tuple[str, ...]:
    return tuple(node for node in nodes if node != START and (stops == "*" or node in stops))


async def _ran(root: Graph, state: StateSnapshot) -> tuple[str, ...] | None:
    """The nodes of the step that made this checkpoint, or the one that it is a fork or edit of.

    None where a checkpoint that would tell is not in the store.
    """
    if state.metadata is None:
        return None
    metadata: dict[str, Any] = dict(state.metadata)
    if AS_NODE in metadata:
        return (metadata[AS_NODE],)
    if FROM in metadata:
        named = {**state.config["configurable"], "checkpoint_id": metadata[FROM]}
        return await _ran(root, await root.aget_state({"configurable": named}))
    if metadata.get("source") == "fork" and state.parent_config is not None:
        return await _ran(root, await root.aget_state(state.parent_config))
    if not (metadata.get("source") == "loop" or DECISION in metadata):
        return ()
    if state.parent_config is None:
        return None
    parent = await root.aget_state(state.parent_config)
    if parent.metadata is None:
        return None
    if DECISION in metadata:
        return await _ran(root, parent) if parent.next == state.next else ()
    return tuple(dict.fromkeys(parent.next))


def _runs_tools(level: Graph, waiting: Sequence[str]) -> tuple[str | None, str]:
    """The waiting node that runs tool calls, and its key for messages.

    A plain function may run them as well: it is taken for that where the graph has no `ToolNode`.
    """
    nodes = {name: tool_node(level.nodes[name].bound) for name in level.nodes}
    for name in waiting:
        if found := nodes.get(name):
            return name, found._messages_key
    return (None if any(nodes.values()) else waiting[0]), "messages"


def tool_node(runnable: object) -> ToolNode | None:
    """The `ToolNode` that a node is, perhaps configured (`ToolNode(…).with_config(…)`)."""
    while isinstance(runnable, RunnableBindingBase):
        runnable = runnable.bound
    return runnable if isinstance(runnable, ToolNode) else None


def open_calls(values: Any, key: str) -> tuple[AIMessage | None, tuple[ToolCall, ...]]:
    """The calls of the last AI message that have no result; none if they cannot be told apart."""
    messages = values.get(key) if isinstance(values, dict) else None
    answered = set()
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, ToolMessage):
            answered.add(message.tool_call_id)
        elif isinstance(message, AIMessage):
            open_calls = tuple(call for call in message.tool_calls if call["id"] not in answered)
            ids = {call["id"] for call in open_calls}
            return message, open_calls if len(ids) == len(open_calls) and None not in ids else ()
        else:
            break
    return None, ()
