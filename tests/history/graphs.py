"""Small graphs that stand for what agents do, run and recorded as the runner stores them."""

import operator
from collections.abc import Callable
from typing import Annotated, Any

from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Owner
from tests.history.recording import Recording, record

OWNER = Owner("operations")


class State(TypedDict, total=False):
    """A list that grows, and a note that is replaced."""

    log: Annotated[list[str], operator.add]
    note: str


def _write(name: str) -> Callable[[Any], Any]:
    return lambda state: {"log": [name]}


def _ask(state: State) -> State:
    return {"log": [f"ask:{interrupt('Sure?')}"]}


def _spread(state: State) -> list[Send | str]:
    return [*(Send("work", {"log": [each]}) for each in "01"), "side"]


def _work(state: State) -> State:
    (number,) = state["log"]
    return {"log": [f"work:{interrupt('Do it?') if number == '1' else number}"]}


def _builder(**nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
    return builder


def line(thread: str = "line") -> Recording:
    """first → ask → last, run to the pause at `ask` and, answered, to the end."""
    builder = _builder(first=_write("first"), ask=_ask, last=_write("last"))
    builder.add_edge(START, "first").add_edge("first", "ask").add_edge("ask", "last")
    recording = record(builder, thread, OWNER)
    recording.run({"log": ["in"]})
    recording.run(Command(resume="yes"))
    return recording


def fan(thread: str = "fan", *, answered: bool = True) -> Recording:
    """Two sends and a branch that join, and a node that is put off; one of the sends asks."""
    builder = _builder(first=_write("first"), work=_work, side=_write("side"), both=_write("both"))
    builder.add_node("end", RunnableLambda(_write("end")), defer=True)
    builder.add_edge(START, "first").add_conditional_edges("first", _spread, ["work", "side"])
    builder.add_edge(["work", "side"], "both").add_edge("first", "end")
    recording = record(builder, thread, OWNER)
    recording.run({"log": ["in"]})
    if answered:
        recording.run(Command(resume="yes"))
    return recording


def nested(thread: str = "nested", *, answered: bool = True) -> Recording:
    """A graph inside a graph inside; the innermost asks."""
    inner = _builder(begin=_write("begin"), ask=_ask)
    inner.add_edge(START, "begin").add_edge("begin", "ask")
    middle = _builder(inner=inner.compile())
    middle.add_edge(START, "inner")
    builder = _builder(first=_write("first"), sub=middle.compile(), last=_write("last"))
    builder.add_edge(START, "first").add_edge("first", "sub").add_edge("sub", "last")
    recording = record(builder, thread, OWNER)
    recording.run({"log": ["in"]})
    if answered:
        recording.run(Command(resume="yes"))
    return recording
