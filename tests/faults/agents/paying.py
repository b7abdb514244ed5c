"""An agent whose node calls two tools by hand, and can be cut off in the middle of the second."""

import os
import time
from pathlib import Path

from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from tests.faults.agents.asking import effect


class State(TypedDict, total=False):
    """What is paid, when the tool is cut off if it is, and what came of it."""

    amount: int
    done: list[object]


def wait() -> None:
    """Stop for as long as the file of `HOLD` exists."""
    while Path(os.environ["HOLD"]).exists():
        time.sleep(0.01)


@tool
def note(text: str) -> str:
    """Write a note."""
    effect("noted", text=text)
    return f"noted {text}"


@tool
def pay(amount: int) -> dict[str, int]:
    """Pay money, after a while."""
    effect("asked the bank")
    wait()
    effect("paid", amount=amount)
    return {"paid": amount}


@tool
def send(amount: int) -> dict[str, int]:
    """Pay money at once, and be told later."""
    effect("paid", amount=amount)
    wait()
    return {"paid": amount}


def _node(pays: BaseTool) -> StateGraph[State]:
    def work(state: State) -> State:
        """Write a note, and pay."""
        told = note.invoke({"text": f"{state['amount']} EUR"})
        return {"done": [told, pays.invoke({"amount": state["amount"]})]}

    graph = StateGraph(State)
    graph.add_node(work)
    graph.add_edge(START, "work")
    return graph


paying = _node(pay)
sending = _node(send)
