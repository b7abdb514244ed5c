"""LangGraph goes on in a copied thread as it would have in the first."""

from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pytest
from django.contrib.auth.models import User
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from agents.models import Thread
from agents.services import copies, tokens
from reviewconsole.protocol.messages import VERSION, Hello, Owner
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from tests.servers import Console

HELLO = Hello(
    version=VERSION,
    instance="copies",
    name="copies",
    capacity=1,
    agents=({"name": "agent"},),
    versions={},
    held=(),
)


def joined(lines: list[str], new: list[list[str]]) -> list[str]:
    """The reducer of a delta channel: all lines."""
    return lines + [line for each in new for line in each]


class State(TypedDict):
    """A list that is kept whole, and one that is rebuilt from what was written."""

    steps: list[str]
    lines: Annotated[list[str], DeltaChannel(joined, list)]


def step(name: str) -> Any:
    """A node that writes its name into both."""
    return lambda state: {"steps": [*state["steps"], name], "lines": [name]}


def ask(state: State) -> dict[str, Any]:
    """A node that asks a person."""
    answer = interrupt({"seen": state["lines"]})
    return {"steps": [*state["steps"], answer], "lines": [answer]}


def graph(saver: ConsoleSaver) -> Any:
    """first → inside(remember, ask) → last."""
    inside = StateGraph(State)
    inside.add_node("remember", step("remember"))
    inside.add_node("ask", ask)
    inside.add_edge(START, "remember")
    inside.add_edge("remember", "ask")
    whole = StateGraph(State)
    whole.add_node("first", step("first"))
    whole.add_node("inside", inside.compile())
    whole.add_node("last", step("last"))
    for here, there in ((START, "first"), ("first", "inside"), ("inside", "last"), ("last", END)):
        whole.add_edge(here, there)
    return whole.compile(checkpointer=saver)


@pytest.fixture
def saver(console: Console) -> Iterator[ConsoleSaver]:
    """The saver of one agent's threads."""
    _, secret = tokens.create(name="copies", agents=["agent"])
    with ConsoleClient(console.socket_url, secret, lambda: HELLO) as client:
        yield ConsoleSaver(client, Owner("agent"))


def at(thread_id: str) -> Any:
    """The config of a thread."""
    return {"configurable": {"thread_id": thread_id}}


@pytest.mark.django_db(transaction=True)
def test_a_copy_goes_on_by_itself(saver: ConsoleSaver, olga: User):
    agent = graph(saver)
    agent.invoke({"steps": [], "lines": ["begun"]}, at("source"))
    agent.invoke(Command(resume="yes"), at("source"))
    source = Thread.objects.get(thread_id="source")
    past = {each.next: each for each in agent.get_state_history(at("source"))}
    ends = agent.get_state(at("source")).values

    for waiting in (("inside",), ("last",)):
        then = past[waiting].config["configurable"]["checkpoint_id"]
        copy = copies.fork_thread(thread=source.pk, checkpoint_id=then, user=olga)
        # Only runs may write what a person has begun; here the agent goes on with it by itself.
        Thread.objects.filter(pk=copy.pk).update(created_by=None, copied_checkpoint_id="")
        config = at(copy.thread_id)
        assert agent.get_state(config).values == past[waiting].values
        asked = agent.invoke(None, config)
        if waiting == ("inside",):
            # It asks again: the old answer was not copied.
            assert asked["__interrupt__"][0].value == {"seen": ["begun", "first", "remember"]}
            agent.invoke(Command(resume="no"), config)
        word = "no" if waiting == ("inside",) else "yes"
        expected = {
            name: [word if each == "yes" else each for each in values]
            for name, values in ends.items()
        }
        assert agent.get_state(config).values == expected
    assert agent.get_state(at("source")).values == ends
