"""Pauses inside one another: what each kind does in a subgraph, beside another, and twice."""

import operator
import uuid
import warnings
from typing import Annotated, Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.errors import NodeInterrupt
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.toolbox import delete_file, look_up, send_email
from tests.pauses.agents.witness import note


class State(TypedDict, total=False):
    """What is asked, and what came of it."""

    subject: str
    answer: Any
    log: Annotated[list[Any], operator.add]


def steady(state: State) -> State:
    """Ask the same each time."""
    answer = interrupt("steady?")
    note("steady", answer=answer)
    return {"log": [["steady", answer]]}


def moving(state: State) -> State:
    """Ask another question each time."""
    answer = interrupt({"pay": 5, "request": uuid.uuid4().hex})
    note("moving", answer=answer)
    return {"log": [["moving", answer]]}


def number(name: str) -> Any:
    """A node that reads its answer as a number."""

    def read(state: State) -> State:
        answer = interrupt(f"{name}?")
        note(name, answer=answer)
        return {"log": [[name, int(answer)]]}

    return read


def stop(state: State) -> State:
    """Stop until the answer is there."""
    note("stop")
    if "answer" not in state:
        with warnings.catch_warnings(action="ignore"):
            raise NodeInterrupt("no answer yet")
    return {}


def after(state: State) -> State:
    """What comes behind."""
    note("after", answer=state.get("answer"))
    return {}


def decide(state: State) -> Command[Literal["paid", "unpaid"]]:
    """Route by the answer, as LangGraph's guide to approvals does."""
    answer = interrupt({"question": "pay?"})
    note("decide", answer=answer)
    return Command(goto="paid" if answer else "unpaid", update={"answer": answer})


def paid(state: State) -> State:
    """One way."""
    note("paid")
    return {}


def unpaid(state: State) -> State:
    """The other."""
    note("unpaid")
    return {}


def around(name: str, inside: Any) -> Any:
    """A graph that runs `inside`, then `after`."""
    builder = StateGraph(State)
    builder.add_node(name, inside)
    builder.add_node(after)
    builder.add_edge(START, name)
    builder.add_edge(name, "after")
    return builder.compile()


def together(**nodes: Any) -> Any:
    """A graph of nodes that run at once."""
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return builder.compile()


def alone(node: Any, **options: Any) -> Any:
    """A graph of one node."""
    builder = StateGraph(State)
    builder.add_node("inner", node)
    builder.add_edge(START, "inner")
    return builder.compile(**options)


one_moves = together(steady=steady, moving=moving)
two_numbers = together(one=number("one"), two=number("two"))
number_inside = around("outer", alone(number("inside")))
stop_inside = around("outer", alone(stop))
breakpoint_inside = around("outer", alone(after, interrupt_before=["inner"]))

routing = StateGraph(State)
routing.add_node(decide)
routing.add_node(paid)
routing.add_node(unpaid)
routing.add_edge(START, "decide")
routed = routing.compile()


class Messages(TypedDict):
    """A conversation."""

    messages: Annotated[list[Any], add_messages]


def supervise(state: Messages) -> dict[str, Any]:
    """Say that the team begins."""
    note("supervise")
    return {}


helper = create_agent(
    Parrot(),
    [send_email, delete_file, look_up],
    middleware=[HumanInTheLoopMiddleware({"send_email": True})],
)
supervision = StateGraph(Messages)
supervision.add_node(supervise)
supervision.add_node("helper", helper)
supervision.add_edge(START, "supervise")
supervision.add_edge("supervise", "helper")
supervision.add_edge("helper", END)
supervised = supervision.compile()


@task
def count(name: str) -> int:
    """Ask for a number inside a task."""
    answer = interrupt(f"{name}?")
    note(name, answer=answer)
    return int(answer)


@entrypoint()
def counting(input: dict[str, Any]) -> list[int]:
    """Two tasks at once, each with a question."""
    futures = [count("apples"), count("pears")]
    return [future.result() for future in futures]
