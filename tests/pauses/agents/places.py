"""Rows 13 and 14: questions inside subgraphs, and in the functional API."""

from typing import Any

from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from tests.pauses.agents.witness import note


class State(TypedDict, total=False):
    """What was answered."""

    subject: str
    answer: Any


def prepare(state: State) -> State:
    """What comes before the question, and must not run twice."""
    note("prepare")
    return {}


def ask(state: State) -> State:
    """Ask, and act on the answer."""
    answer = interrupt(f"May I {state['subject']}?")
    note("ask", answer=answer)
    return {"answer": answer}


def nest(name: str, inside: Any, **options: Any) -> Any:
    """A graph that prepares, then runs `inside` as the node `name`."""
    builder = StateGraph(State)
    builder.add_node(prepare)
    builder.add_node(name, inside)
    builder.add_edge(START, "prepare")
    builder.add_edge("prepare", name)
    return builder.compile(**options)


deepest = nest("middle", nest("inner", nest("ask", ask)))
remembering = nest("inner", nest("ask", ask, checkpointer=True))
stopped_inside = nest("inner", nest("ask", ask, interrupt_before=["ask"]))


@task
def draft(subject: str) -> str:
    """Work that is done once."""
    note("draft")
    return f"A text about {subject}"


@task
def confirm(text: str) -> Any:
    """A question inside a task."""
    return interrupt({"confirm": text})


@entrypoint()
def workflow(input: dict[str, str]) -> dict[str, Any]:
    """Draft, ask in the body, ask in a task."""
    text = draft(input["subject"]).result()
    title = interrupt(f"A title for: {text}")
    sure = confirm(text).result()
    note("workflow", title=title, sure=sure)
    return {"text": text, "title": title, "sure": sure}
