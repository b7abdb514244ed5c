"""The agents that are measured: ten steps without a model, a chat with tools, one question."""

from __future__ import annotations

import base64
import operator
import os
import random
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

STEPS = 10
MESSAGE_BYTES = 1000
DOCUMENTS = Path(__file__).parent.parent / "docs"


class Small(TypedDict):
    """A few short channels, one of which grows."""

    count: int
    note: str
    log: Annotated[list[str], operator.add]


class Chat(TypedDict):
    """A conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


class Asked(TypedDict):
    """What was asked and answered."""

    request: str
    answer: str
    log: Annotated[list[str], operator.add]


def small() -> StateGraph[Any, Any, Any, Any]:
    """Ten nodes in a row."""
    graph = StateGraph(Small)
    names = [f"step{number}" for number in range(STEPS)]

    async def step(state: Small) -> dict[str, Any]:
        count = state["count"] + 1
        return {"count": count, "note": f"after {count}", "log": [f"step {count} done"]}

    for name in names:
        graph.add_node(name, step)
    for name, following in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(name, following)
    return graph


def text(size: int, *, compressible: bool) -> str:
    """So many characters that a database can compress well, or hardly."""
    if not compressible:
        return base64.b85encode(os.urandom(size)).decode()[:size]
    begin = random.randrange(len(_prose()) - size)  # noqa: S311 -- no secret
    return _prose()[begin : begin + size]


@cache
def _prose() -> str:
    return "".join(path.read_text() for path in sorted(DOCUMENTS.glob("*.md")))


def chat(turns: int, *, compressible: bool = True) -> StateGraph[Any, Any, Any, Any]:
    """A model that calls a tool in each turn: two steps, two messages of 1 kB."""

    @tool
    async def look_up(topic: str) -> str:
        """Look something up."""
        return text(MESSAGE_BYTES, compressible=compressible)

    async def model(state: Chat) -> dict[str, Any]:
        done = len(state["messages"]) // 2
        said = text(MESSAGE_BYTES, compressible=compressible)
        call = {"name": "look_up", "args": {"topic": f"part {done}"}, "id": f"call-{done}"}
        return {"messages": [AIMessage(said, tool_calls=[] if done >= turns else [call])]}

    def after(state: Chat) -> str:
        last = state["messages"][-1]
        return "tools" if isinstance(last, AIMessage) and last.tool_calls else END

    graph = StateGraph(Chat)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode([look_up]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", after, ["tools", END])
    graph.add_edge("tools", "model")
    return graph


def asking() -> StateGraph[Any, Any, Any, Any]:
    """It prepares, asks a person, and acts."""

    async def prepare(state: Asked) -> dict[str, Any]:
        return {"log": ["prepared"]}

    async def ask(state: Asked) -> dict[str, Any]:
        answer = interrupt({"question": "May I?", "request": state["request"]})
        return {"answer": str(answer), "log": ["asked"]}

    async def act(state: Asked) -> dict[str, Any]:
        return {"log": [f"acted: {state['answer']}"]}

    graph = StateGraph(Asked)
    for node in (prepare, ask, act):
        graph.add_node(node.__name__, node)
    for name, following in ((START, "prepare"), ("prepare", "ask"), ("ask", "act"), ("act", END)):
        graph.add_edge(name, following)
    return graph


INPUTS: dict[str, dict[str, Any]] = {
    "small": {"count": 0, "note": "new", "log": []},
    "chat": {"messages": [HumanMessage("Find out what happened.", id="first")]},
    "asking": {"request": "refund order 4711", "log": []},
}
