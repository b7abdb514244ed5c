"""Every way in which a graph can ask, run by the executor to its end."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send

from reviewconsole.protocol.messages import Finished, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, Reply, State, asked, chain, values
from tests.runner.losing import at_every_request


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


# Tools that ask in one node, in any order ----------------------------------------------------

NAMES = ("a", "b", "c")
ORDERS = list(itertools.permutations(NAMES))


def tools_that_ask(order: Any, *, asynchronous: bool) -> Any:
    """Three calls in one ToolNode that ask in this order, in the opposite one at the next turn."""
    turns: Counter[str] = Counter()

    def delay(name: str) -> float:
        turns[name] += 1
        position = int(order.index(name))
        return 0.03 * (position if turns[name] % 2 else len(order) - position)

    def answer(name: str) -> str:
        return f"{name}: {interrupts.interrupt(f'{name}?')}"

    @tool("ask")
    def ask(name: str) -> str:
        """Ask."""
        time.sleep(delay(name))
        return answer(name)

    @tool("ask")
    async def ask_async(name: str) -> str:
        """Ask."""
        await asyncio.sleep(delay(name))
        return answer(name)

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [{"id": name, "name": "ask", "args": {"name": name}} for name in NAMES]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([ask_async if asynchronous else ask]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    return builder.compile()


@pytest.mark.parametrize("order", ORDERS, ids="".join)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_each_call_of_a_tool_node_gets_its_own_answer_and_each_question_comes_once(
    peer, client, order, asynchronous
):
    desk = Desk(peer, client, tools_that_ask(order, asynchronous=asynchronous))
    outcome = await desk.start({"messages": []})
    questions: list[Any] = []
    while isinstance(outcome, Paused):
        assert outcome.refused is None
        questions += asked(outcome)
        outcome = await desk.resume(f"for {questions[-1]}")
    assert sorted(questions) == ["a?", "b?", "c?"]
    results = [m.content for m in values(outcome)["messages"] if isinstance(m, ToolMessage)]
    assert results == ["a: for a?", "b: for b?", "c: for c?"]


async def test_an_answer_that_an_async_tool_took_after_its_sibling_asked_is_not_asked_for_again(
    peer, client
):
    """LangGraph does not record it: the node has paused by then (langgraph 1.2.22)."""
    executions: Counter[str] = Counter()

    @tool
    async def ask(name: str) -> str:
        """Ask."""
        executions[name] += 1
        if name == "a" and executions["a"] == 2:
            await asyncio.sleep(0.1)  # takes its answer when b has asked
        elif name == "b" and executions["b"] == 1:
            await asyncio.sleep(0.1)  # asks second
        return f"{name}: {interrupts.interrupt(f'{name}?')}"

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [{"id": name, "name": "ask", "args": {"name": name}} for name in ("a", "b")]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([ask]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    desk = Desk(peer, client, builder.compile())
    assert asked(await desk.start({"messages": []})) == ["a?"]
    assert asked(await desk.resume("for a")) == ["b?"]
    outcome = await desk.resume("for b")
    results = [m.content for m in values(outcome)["messages"] if isinstance(m, ToolMessage)]
    assert results == ["a: for a", "b: for b"]


# Other graphs --------------------------------------------------------------------------------


async def answer_all(desk: Desk, outcome: Any) -> tuple[Any, list[Any]]:
    """Answer every question by itself in capitals; the end, and what was asked."""
    questions: list[Any] = []
    while isinstance(outcome, Paused):
        assert outcome.refused is None
        new: list[Any] = asked(outcome)
        questions += new
        outcome = await desk.resume(*(each.upper() for each in new))
    assert isinstance(outcome, Finished), outcome
    return outcome, questions


def workflows() -> tuple[Any, Any, Counter[str]]:
    """A workflow of the functional API as a function and as a coroutine; how often tasks ran."""
    calls: Counter[str] = Counter()

    @task
    def fetch(name: str) -> str:
        calls[name] += 1
        return f"<{name}>"

    @task
    def approve(name: str) -> str:
        return str(interrupts.interrupt(f"task {name}"))

    @task
    async def approve_async(name: str) -> str:
        return str(interrupts.interrupt(f"task {name}"))

    @entrypoint()
    def workflow(names: list[str]) -> list[str]:
        fetched = [fetch(name).result() for name in names]
        approved = [approve(name).result() for name in names]
        return [*fetched, *approved, interrupts.interrupt("sure")]

    @entrypoint()
    async def workflow_async(names: list[str]) -> list[str]:
        fetched = [await fetch(name) for name in names]
        approved = [await approve_async(name) for name in names]
        return [*fetched, *approved, interrupts.interrupt("sure")]

    return workflow, workflow_async, calls


WORKED = ["<a>", "<b>", "TASK A", "TASK B", "SURE"]


async def test_the_functional_api(peer, client):
    workflow, _, calls = workflows()
    desk = Desk(peer, client, workflow)
    outcome, questions = await answer_all(desk, await desk.start(["a", "b"]))
    assert (questions, values(outcome)) == (["task a", "task b", "sure"], WORKED)
    assert calls == {"a": 1, "b": 1}


async def test_a_workflow_of_the_functional_api_survives_its_runner(peer, client):
    """A coroutine: LangGraph may store a function's next question before its task's result."""
    _, workflow, calls = workflows()

    async def prepare(peer, client):
        calls.clear()
        desk = Desk(peer, client, workflow)
        await desk.start(["a", "b"])
        return desk, desk.decide("TASK A")

    async def check(desk, run, outcome, requests):
        outcome, questions = await answer_all(desk, outcome)
        assert questions == ["task b", "sure"], requests
        assert values(outcome) == WORKED
        assert calls == {"a": 1, "b": 1}

    await at_every_request(peer, client, prepare, check)


async def test_a_dismissed_workflow_of_the_functional_api_ends(peer, client):
    @entrypoint()
    def workflow(name: str) -> str:
        return str(interrupts.interrupt(name))

    desk = Desk(peer, client, workflow)
    await desk.start("go?")
    assert isinstance(await desk.resume(Reply(then="finish")), Finished)


@pytest.mark.parametrize("checkpointer", [None, True], ids=["inherited", "kept"])
async def test_subgraphs_two_deep_that_ask_side_by_side(peer, client, checkpointer):
    def first(state: State) -> State:
        return {"out": [interrupts.interrupt("first"), interrupts.interrupt("second")]}

    def inside(graph: Any, *names: str) -> StateGraph[State]:
        builder = StateGraph(State)
        for name in names:
            builder.add_node(name, graph)
            builder.add_edge(START, name)
        return builder

    deep = inside(first, "deep").compile(checkpointer=checkpointer)
    middle = inside(deep, "middle").compile(checkpointer=checkpointer)
    names = ["left"] if checkpointer else ["left", "right"]
    desk = Desk(peer, client, inside(middle, *names).compile())
    paused = await desk.start({"out": []})
    assert [question.node for question in paused.interrupts] == ["deep"] * len(names)
    outcome, questions = await answer_all(desk, paused)
    assert questions == ["first"] * len(names) + ["second"] * len(names)
    assert values(outcome) == {"out": ["FIRST", "SECOND"] * len(names)}

    paused = await desk.start({"out": []})  # the thread goes on to another input
    assert (await answer_all(desk, paused))[1] == questions


async def test_a_kept_subgraph_that_is_called_twice_asks_twice(peer, client):
    def inner(state: State) -> State:
        return {"out": [interrupts.interrupt(f"number {len(state['out'])}")]}

    kept: Any = chain(inner).copy(update={"checkpointer": True})

    async def outer(state: State) -> State:
        one = await kept.ainvoke({"out": []})
        return {"out": [one["out"][-1]]}

    desk = Desk(peer, client, chain(outer))
    outcome, questions = await answer_all(desk, await desk.start({"out": []}))
    assert (questions, values(outcome)) == (["number 0"], {"out": ["NUMBER 0"]})


async def test_sent_tasks_ask_each_its_questions(peer, client):
    executions: Counter[str] = Counter()

    def fan(state: State) -> list[Send]:
        return [Send("work", name) for name in ("a", "b", "c")]

    def work(name: Any) -> Any:
        executions[name] += 1
        if name == "c":
            return {"out": ["c"]}
        return {"out": [interrupts.interrupt(f"{name}1"), interrupts.interrupt(f"{name}2")]}

    builder = StateGraph(State)
    builder.add_node("work", cast(Any, work))
    builder.add_conditional_edges(START, fan, ["work"])
    desk = Desk(peer, client, builder.compile())
    outcome, questions = await answer_all(desk, await desk.start({"out": []}))
    assert questions == ["a1", "b1", "a2", "b2"]
    assert values(outcome) == {"out": ["A1", "A2", "B1", "B2", "c"]}
    assert executions == {"a": 3, "b": 3, "c": 1}


@pytest.mark.parametrize("answer", [None, False, 0, "", [], {}])
async def test_an_answer_that_is_empty_is_an_answer(peer, client, answer):
    def ask(state: State) -> State:
        return {"out": [interrupts.interrupt(None), interrupts.interrupt(answer)]}

    desk = Desk(peer, client, chain(ask))
    assert asked(await desk.start({"out": []})) == [None]
    if answer is None:  # the same question: each of the two takes an answer of its own
        assert asked(await desk.resume(answer)) == [None]
    else:
        assert asked(await desk.resume(answer)) == [answer]
    assert values(await desk.resume(answer)) == {"out": [answer, answer]}


async def test_a_node_that_asks_thirty_times_in_a_row(peer, client):
    def many(state: State) -> State:
        return {"out": [interrupts.interrupt(f"question {n}") for n in range(30)]}

    desk = Desk(peer, client, chain(many))
    outcome, questions = await answer_all(desk, await desk.start({"out": []}))
    assert questions == [f"question {n}" for n in range(30)]
    assert values(outcome) == {"out": [f"QUESTION {n}" for n in range(30)]}


async def test_a_loop_that_pauses_thirty_times(peer, client):
    def loop(state: State) -> State:
        return {"out": [interrupts.interrupt("again?")]}

    builder = StateGraph(State)
    builder.add_node(loop)
    builder.add_edge(START, "loop")
    builder.add_conditional_edges(
        "loop", lambda state: "loop" if len(state["out"]) < 30 else "__end__", ["loop", "__end__"]
    )
    desk = Desk(peer, client, builder.compile(), recursion_limit=100)
    outcome, questions = await answer_all(desk, await desk.start({"out": []}))
    assert questions == ["again?"] * 30
    assert values(outcome) == {"out": ["AGAIN?"] * 30}
