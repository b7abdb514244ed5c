"""What else happens: questions that move, answers that fail, waiting beside failing, edges."""

import datetime
import operator
import time
import uuid
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from tests.pauses.agents.witness import note


class State(TypedDict, total=False):
    """What is asked, and what came of it."""

    subject: str
    raises_first: bool
    answer: Any
    log: Annotated[list[Any], operator.add]


def moving(state: State) -> State:
    """Ask a question that is never the same twice, but for its subject and a set."""
    answer = interrupt(
        {
            "pay": state["subject"],
            "asked_at": datetime.datetime.now(datetime.UTC).isoformat(),
            "request": uuid.uuid4(),
            "to": {"alice", "bob", "carol"},
        }
    )
    note("moving", answer=answer)
    return {"answer": answer}


def unordered(state: State) -> State:
    """Ask with a set alone: its order says nothing."""
    answer = interrupt({"pay": state["subject"], "to": {"alice", "bob", "carol", "dave"}})
    note("unordered", answer=answer)
    return {"answer": answer}


def strict(state: State) -> State:
    """Read the answer as a number."""
    answer = interrupt("how many?")
    note("strict", answer=answer)
    return {"answer": int(answer)}


def beside(state: State) -> State:
    """A sibling that acts once."""
    note("beside")
    return {"log": ["beside"]}


def ask(state: State) -> State:
    """Ask, and act on the answer."""
    answer = interrupt("go on?")
    note("ask", answer=answer)
    return {"answer": answer}


def fail(state: State) -> State:
    """Fail, before or after a sibling has asked."""
    time.sleep(0 if state.get("raises_first") else 0.3)
    note("fail")
    raise ValueError("no such order")


def act(state: State) -> State:
    """What is done before the edge asks."""
    note("act")
    return {"log": ["act"]}


def which_way(state: State) -> str:
    """Ask between two steps."""
    way: str = interrupt("left or right?")
    return way


def way(name: str) -> Any:
    """Where an edge may lead."""

    def go(state: State) -> State:
        note(name)
        return {"log": [name]}

    return go


def side_by_side(*nodes: Any) -> Any:
    """A graph of nodes that run at once."""
    builder = StateGraph(State)
    for node in nodes:
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
    return builder.compile()


moves = side_by_side(moving)
a_set = side_by_side(unordered)
strictly = side_by_side(strict, beside)
failing = side_by_side(ask, fail)

crossing = StateGraph(State)
crossing.add_node(act)
crossing.add_node("left", way("left"))
crossing.add_node("right", way("right"))
crossing.add_edge(START, "act")
crossing.add_conditional_edges("act", which_way, ["left", "right", END])
edge = crossing.compile()
