"""Agents that walk into LangGraph's traps: each pauses where an answer can go wrong."""

import operator
import os
import time
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from tests.faults.agents.asking import effect


class State(TypedDict, total=False):
    """What is asked about, and what came of it."""

    subject: str
    answer: Any
    log: Annotated[list[str], operator.add]


def strict(state: State) -> State:
    """Read an answer that says nowhere what it has to be."""
    answer = interrupt("how many?")
    return {"answer": int(answer)}


def careful(state: State) -> State:
    """Ask what the file of `HOLD` says at the moment, else what the state says."""
    asked = Path(os.environ["HOLD"])
    subject = asked.read_text() if asked.exists() else state["subject"]
    answer = interrupt(f"pay {subject}?")
    effect("paid", subject=subject, answer=answer)
    return {"answer": answer}


def first(state: State) -> State:
    """A branch that asks."""
    answer = interrupt("first?")
    effect("first", answer=answer, log=state.get("log"))
    return {"log": [f"first {answer}"]}


def second(state: State) -> State:
    """Another branch that asks."""
    answer = interrupt("second?")
    effect("second", answer=answer, log=state.get("log"))
    return {"log": [f"second {answer}"]}


def quick(state: State) -> State:
    """A branch that acts at once."""
    effect("quick")
    return {"log": ["quick"]}


def skipped(state: State) -> State:
    """A node that a person passes over."""
    effect("skipped")
    return {"log": ["skipped"]}


def slow(state: State) -> State:
    """Ask, then act for as long as the file of `HOLD` exists."""
    answer = interrupt("slow?")
    effect("begun", answer=answer, log=state.get("log"))
    while Path(os.environ["HOLD"]).exists():
        time.sleep(0.01)
    return {"log": [f"slow {answer}"]}


def graph(*nodes: Any) -> Any:
    """A graph of nodes that run side by side."""
    builder = StateGraph(State)
    for node in nodes:
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
        builder.add_edge(node.__name__, END)
    return builder


one_strict = graph(strict)
strict_beside = graph(strict, quick)
one_careful = graph(careful)
two = graph(first, second)
beside = graph(first, quick)
slowly = graph(slow)

row = StateGraph(State)
row.add_sequence([skipped, slow])
row.add_edge(START, "skipped")
passing = row.compile(interrupt_before=["skipped"])
