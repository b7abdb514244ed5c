"""Rows 11 and 12: several questions at once, and several in a row."""

import asyncio
import operator
import time
from typing import Annotated, Any

from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.witness import note


class State(TypedDict, total=False):
    """What was said, by whom."""

    items: list[str]
    said: Annotated[list[Any], operator.add]


def asking(name: str) -> Any:
    """A node that asks in its own name."""

    def ask(state: State) -> State:
        answer = interrupt(f"{name}?")
        note(name, answer=answer)
        return {"said": [[name, answer]]}

    return ask


def quiet(state: State) -> State:
    """A sibling that asks nothing."""
    note("quiet")
    return {"said": ["quiet"]}


def together(state: State) -> State:
    """What comes after all of them."""
    note("together")
    return {}


nodes = StateGraph(State)
nodes.add_node("left", asking("left"))
nodes.add_node("right", asking("right"))
nodes.add_node(quiet)
nodes.add_node(together)
for sibling in ("left", "right", "quiet"):
    nodes.add_edge(START, sibling)
nodes.add_edge(["left", "right", "quiet"], "together")
parallel = nodes.compile()


class Item(TypedDict):
    """The work of one task."""

    item: str


def each(state: State) -> list[Send]:
    """One task for each item."""
    return [Send("work", Item(item=item)) for item in state["items"]]


def work(state: Item) -> State:
    """Ask about one item; an item in capitals needs no question."""
    item = state["item"]
    answer = None if item.isupper() else interrupt(f"{item}?")
    note("work", item=item, answer=answer)
    return {"said": [[item, answer]]}


sends = StateGraph(State)
sends.add_node("work", work, input_schema=Item)
sends.add_conditional_edges(START, each, ["work"])
sent = sends.compile()


class Said(TypedDict, total=False):
    """What one agent was told."""

    said: Annotated[list[Any], operator.add]


def agent(name: str) -> Any:
    """A graph of its own that asks."""
    inner = StateGraph(Said)
    inner.add_node("ask", asking(name))
    inner.add_edge(START, "ask")
    return inner.compile()


team = StateGraph(State)
team.add_node("lawyer", agent("lawyer"))
team.add_node("banker", agent("banker"))
team.add_edge(START, "lawyer")
team.add_edge(START, "banker")
agents = team.compile()


def in_a_row(state: State) -> State:
    """Ask once for each item."""
    answers = [interrupt(f"{item}?") for item in state["items"]]
    note("in_a_row", answers=answers)
    return {"said": answers}


row = StateGraph(State)
row.add_node(in_a_row)
row.add_edge(START, "in_a_row")
rows = row.compile()


class Messages(TypedDict):
    """A conversation."""

    messages: Annotated[list[Any], add_messages]


@tool
def confirm(what: str, seconds: float = 0.0) -> str:
    """Ask a person, after some time, and do it."""
    time.sleep(seconds)
    answer = interrupt(f"{what}?")
    note("confirm", what=what, answer=answer)
    return f"{what}: {answer}"


@tool
async def confirm_later(what: str, seconds: float = 0.0) -> str:
    """Do as `confirm`, without a thread."""
    await asyncio.sleep(seconds)
    answer = interrupt(f"{what}?")
    note("confirm", what=what, answer=answer)
    return f"{what}: {answer}"


def chatbot(state: Messages) -> dict[str, Any]:
    """Propose calls, then report."""
    return {"messages": [Parrot().invoke(state["messages"])]}


talk = StateGraph(Messages)
talk.add_node(chatbot)
talk.add_node("tools", ToolNode([confirm, confirm_later]))
talk.add_edge(START, "chatbot")
talk.add_conditional_edges("chatbot", tools_condition)
talk.add_edge("tools", "chatbot")
calls = talk.compile()
