"""The names of places: the same each time a task runs, also in graphs without checkpoints."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import pytest
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import CallTool, Verdict
from reviewconsole.runner import interrupts, places, tools
from tests.runner.executing import values
from tests.runner.journalling import JournalDesk


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


@pytest.fixture
def effects() -> list[Any]:
    """What tools did, in order."""
    return []


@pytest.fixture
def pay(effects: list[Any]) -> BaseTool:
    @tool
    async def pay(amount: int) -> int:
        """Pay money."""
        effects.append(amount)
        return amount

    return pay


@pytest.fixture
def desk(peer, client) -> Callable[..., JournalDesk]:
    return lambda graph, **verdicts: JournalDesk(peer, client, graph, **verdicts)


def graph_of(*nodes: Any, stateless: bool = False, **options: Any) -> Any:
    """Nodes one after the other."""
    builder = StateGraph(State)
    before = START
    for node in nodes:
        name = getattr(node, "__name__", "inside")
        builder.add_node(name, node, **options)
        builder.add_edge(before, name)
        before = name
    return builder.compile(checkpointer=False if stateless else None)


def paying(pay: BaseTool) -> Any:
    async def work(state: State) -> Any:
        return {"out": [await pay.ainvoke({"amount": 1})]}

    return work


def asking(state: State) -> Any:
    return {"out": [interrupt("go on?")]}


async def test_calls_of_a_graph_without_checkpoints_are_answered(pay, effects, desk):
    """It runs again from its start: the question after it is in the graph around it."""

    def around(inside: Any) -> Any:
        async def call(state: State) -> Any:
            await inside.ainvoke({"out": []})
            return {"out": [interrupt("go on?")]}

        return graph_of(call)

    at = desk(around(graph_of(paying(pay), stateless=True)))
    await at.start({"out": []})
    assert values(await at.resume("yes")) == {"out": ["yes"]}
    assert effects == [1]
    first, again = at.peer.of(CallTool)
    assert first.ns == again.ns
    assert first.ns.split("|")[1:] == ["work:1"]


async def test_graphs_that_one_task_runs_in_turn_are_told_apart(pay, effects, desk):
    inside = graph_of(paying(pay), stateless=True)

    async def call(state: State) -> Any:
        for _ in range(3):
            await inside.ainvoke({"out": []})
        return {"out": [interrupt("go on?")]}

    at = desk(graph_of(call))
    await at.start({"out": []})
    await at.resume("yes")
    assert effects == [1, 1, 1]
    assert len({each.ns for each in at.peer.of(CallTool)}) == 3


async def test_tasks_that_one_step_is_sent_are_told_apart(pay, effects, desk):
    def plan(state: State) -> Any:
        return [Send("work", {"out": []}) for _ in range(3)]

    builder = StateGraph(State)
    builder.add_node("work", paying(pay))
    builder.add_conditional_edges(START, plan, ["work"])
    inside = builder.compile(checkpointer=False)

    async def call(state: State) -> Any:
        return {"out": [(await inside.ainvoke({"out": []}))["out"], interrupt("go on?")]}

    at = desk(graph_of(call))
    await at.start({"out": []})
    assert values(await at.resume("yes")) == {"out": [[1, 1, 1], "yes"]}
    assert effects == [1, 1, 1]
    assert len({each.ns for each in at.peer.of(CallTool)}) == 3


async def test_graphs_inside_a_graph_without_checkpoints_have_stable_names_too(pay, effects, desk):
    """They inherit the store of the graph around, under ids that are new each time."""
    middle = graph_of(graph_of(paying(pay)), stateless=True)

    async def call(state: State) -> Any:
        await middle.ainvoke({"out": []})
        return {"out": [interrupt("go on?")]}

    at = desk(graph_of(call))
    await at.start({"out": []})
    await at.resume("yes")
    assert effects == [1]
    first, again = at.peer.of(CallTool)
    assert first.ns == again.ns
    assert first.ns.split("|")[1:] == ["inside:1", "work:1"]


async def test_a_retry_inside_a_graph_without_checkpoints_is_answered(pay, effects, desk):
    async def flaky(state: State) -> Any:
        await pay.ainvoke({"amount": 1})
        effects.append("tried")
        if effects.count("tried") == 1:
            raise ConnectionError("away")
        return {"out": ["done"]}

    policy = RetryPolicy(initial_interval=0.01)
    inside = graph_of(flaky, stateless=True, retry_policy=policy)

    async def call(state: State) -> Any:
        return await inside.ainvoke({"out": []})

    at = desk(graph_of(call))
    assert values(await at.start({"out": []})) == {"out": ["done"]}
    assert effects == [1, "tried", "tried"]


@pytest.mark.parametrize("saver", [None, False, InMemorySaver()], ids=["none", "off", "its own"])
async def test_graphs_with_a_thread_of_their_own_are_named_by_their_task(saver, pay, effects, desk):
    inside = graph_of(paying(pay)).copy({"checkpointer": saver})

    async def call(state: State) -> Any:
        for _ in range(2):
            await inside.ainvoke({"out": []}, {"configurable": {"thread_id": "own"}})
        return {"out": [interrupt("go on?")]}

    at = desk(graph_of(call))
    await at.start({"out": []})
    assert values(await at.resume("yes")) == {"out": ["yes"]}
    assert effects == [1, 1]
    names = [each.ns.split("|")[1:] for each in at.peer.of(CallTool)]
    assert names == [["~0.0", "work:1"], ["~0.1", "work:1"]] * 2


async def test_a_graph_that_goes_on_in_its_own_thread_makes_the_same_calls_again(
    pay, effects, desk
):
    async def work(state: State) -> Any:
        await pay.ainvoke({"amount": 1})
        effects.append("tried")
        if effects.count("tried") == 1:
            raise ConnectionError("away")
        return {"out": ["done"]}

    inside = graph_of(work).copy({"checkpointer": InMemorySaver()})

    async def call(state: State) -> Any:
        config: Any = {"configurable": {"thread_id": "own"}}
        with suppress(ConnectionError):
            await inside.ainvoke({"out": []}, config)
        return await inside.ainvoke(None, config)

    assert values(await desk(graph_of(call)).start({"out": []})) == {"out": ["done"]}
    assert effects == [1, "tried", "tried"]


async def test_nothing_is_asked_in_a_graph_with_a_thread_of_its_own(pay, effects, desk):
    """The pause would end there, and the run go on."""
    inside = graph_of(paying(pay))

    async def call(state: State) -> Any:
        return await inside.ainvoke({"out": []}, {"configurable": {"thread_id": "own"}})

    (said,) = values(await desk(graph_of(call), pay=Verdict.REVIEW).start({"out": []}))["out"]
    assert "in a graph with a thread_id of its own: leave that out" in said
    assert effects == []


@pytest.mark.parametrize("kind", ["review", "doubt"])
async def test_calls_of_a_graph_without_checkpoints_are_decided(kind, pay, effects, desk):
    inside = graph_of(paying(pay), stateless=True)

    async def call(state: State) -> Any:
        return await inside.ainvoke({"out": []})

    at = desk(graph_of(call), **({"pay": Verdict.REVIEW} if kind == "review" else {}))
    at.lost |= {"pay"} if kind == "doubt" else set()
    await at.start({"out": []})
    assert values(await at.resume({"type": "approve"})) == {"out": [1]}
    assert effects == [1]


async def test_a_tool_with_a_config_of_its_own_runs_in_the_task_of_its_caller(pay, effects, desk):
    @tool
    async def around(amount: int) -> int:
        """Pay, through another tool."""
        paid: int = await pay.ainvoke({"amount": amount})
        return paid

    async def call(state: State) -> Any:
        return {"out": [await around.ainvoke({"amount": 1}, {"configurable": {"user": "x"}})]}

    at = desk(graph_of(call), pay=Verdict.REVIEW)
    await at.start({"out": []})
    assert values(await at.resume({"type": "approve"})) == {"out": [1]}
    assert effects == [1]


async def test_graphs_that_keep_checkpoints_keep_langgraphs_names(pay, effects, desk):
    at = desk(graph_of(graph_of(paying(pay), asking)))
    await at.start({"out": []})
    await at.resume("yes")
    assert effects == [1]
    (made,) = at.peer.of(CallTool)
    assert [part.split(":")[0] for part in made.ns.split("|")] == ["inside", "work"]
    assert all(len(part.split(":")[1]) == 36 for part in made.ns.split("|"))  # ids of tasks


def test_outside_of_any_task_there_is_no_place():
    assert places.here() is None
    with places.of_call(1):
        assert places.here() is None
