"""An agent that prepares, asks, and acts on the answer; a file holds it while it acts."""

import os
import time
from pathlib import Path
from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from tests.pauses.agents.witness import note


class State(TypedDict, total=False):
    """What is asked about, and what was answered."""

    subject: str
    answer: Any


def prepare(state: State) -> State:
    """What comes before the question."""
    note("prepare")
    return {}


def ask(state: State) -> State:
    """Ask once."""
    return {"answer": interrupt(f"May I {state['subject']}?")}


def act(state: State) -> State:
    """Act on the answer, as soon as nothing holds it."""
    note("act", answer=state.get("answer"))
    while Path(os.environ["EFFECTS"]).with_suffix(".hold").exists():
        time.sleep(0.05)
    note("acted")
    return {}


builder = StateGraph(State)
builder.add_sequence([prepare, ask, act])
builder.add_edge(START, "prepare")
asks = builder.compile()


def frail(state: State) -> State:
    """Ask, take the answer, and fail with it while a file is there."""
    answer = interrupt(f"May I {state['subject']}?")
    if Path(os.environ["EFFECTS"]).with_suffix(".fail").exists():
        raise RuntimeError("frail")
    note("did", answer=answer)
    return {"answer": answer}


frail_builder = StateGraph(State)
frail_builder.add_sequence([prepare, frail])
frail_builder.add_edge(START, "prepare")
frails = frail_builder.compile()
