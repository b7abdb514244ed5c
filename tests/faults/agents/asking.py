"""Agents whose actions leave a line in a file, so that a test can count what really happened."""

import json
import os
import time
from pathlib import Path

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    """What is asked about, and what came of it."""

    subject: str
    answer: object


def effect(name: str, **facts: object) -> None:
    """Write down that something happened."""
    with Path(os.environ["EFFECTS"]).open("a") as file:
        file.write(json.dumps({"effect": name, **facts}) + "\n")


def question(state: State) -> State:
    """Ask a person about the subject."""
    return {"answer": interrupt({"query": f"May I handle {state['subject']}?"})}


def action(state: State) -> State:
    """Act on the answer; stop half-way for as long as the file of `HOLD` exists."""
    effect("begun", answer=state["answer"])
    while Path(os.environ["HOLD"]).exists():
        time.sleep(0.01)
    effect("done", answer=state["answer"])
    return {}


def payments(state: State) -> State:
    """Ask for a small payment, then for a large one, in one node."""
    small = interrupt("pay 1?")
    large = interrupt("pay 1000000?")
    effect("paid", small=small, large=large)
    return {"answer": [small, large]}


ask = StateGraph(State)
ask.add_node(question)
ask.add_node(action)
ask.add_edge(START, "question")
ask.add_edge("question", "action")
ask.add_edge("action", END)

pay = StateGraph(State)
pay.add_node(payments)
pay.add_edge(START, "payments")
pay.add_edge("payments", END)
