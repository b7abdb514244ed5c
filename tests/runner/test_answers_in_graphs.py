"""Wherever a graph asks: nested, sent, invoked by a tool, in many threads."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send

from reviewconsole.protocol.messages import Answer
from reviewconsole.runner.answers import AnswerBook
from reviewconsole.runner.interrupts import interrupt
from tests.runner.answering import (
    CONFIG,
    State,
    answer_to,
    one_node,
    outcome,
    results,
    resume,
    waiting,
)

CALLS = 4


async def test_send_tasks_with_one_question_each_take_their_own_answers():
    def fan(state: State) -> list[Send]:
        return [Send("work", name) for name in ("a", "b", "c")]

    def work(name: Any) -> Any:
        return {"out": [f"{name}={interrupt('go?')}"]}

    builder = StateGraph(State)
    builder.add_node("work", cast(Any, work))
    builder.add_conditional_edges(START, fan, ["work"])
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    asked = await waiting(graph)
    await resume(graph, answer_to(asked[1], "B", decision=1))
    assert [question.id for _, question in await waiting(graph)] == [
        asked[0][1].id,
        asked[2][1].id,
    ]
    await resume(graph, answer_to(asked[2], "C", decision=2), answer_to(asked[0], "A", decision=3))
    assert await outcome(graph) == ["a=A", "b=B", "c=C"]


@pytest.mark.parametrize("checkpointer", [None, True], ids=["inherited", "kept"])
async def test_a_nested_graph_takes_its_answers(checkpointer):
    def inner(state: State) -> State:
        return {"out": [interrupt("first?"), interrupt("second?")]}

    nested = StateGraph(State)
    nested.add_node("inner", inner)
    nested.add_edge(START, "inner")
    outer = StateGraph(State)
    outer.add_node("nested", nested.compile(checkpointer=checkpointer))
    outer.add_edge(START, "nested")
    graph: Any = outer.compile(checkpointer=InMemorySaver())
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    one = answer_to(first, 1, decision=1)
    await resume(graph, one)
    (second,) = await waiting(graph)
    await resume(graph, one, answer_to(second, 2, decision=2))
    assert await outcome(graph) == [1, 2]


async def test_a_graph_that_a_tool_invokes_takes_its_answers():
    def inner(state: State) -> State:
        return {"out": [interrupt("inside?")]}

    nested = one_node(inner)
    nested.checkpointer = None

    hidden = {"graph": nested}  # LangGraph finds a graph that the function names, not this one

    def node(state: State) -> State:
        return {"out": hidden["graph"].invoke({"out": []})["out"]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (asked,) = await waiting(graph)
    book = await resume(graph, answer_to(asked, "in", decision=1))
    assert book.consumed() == {1}
    assert await outcome(graph) == ["in"]


async def test_tasks_of_the_functional_api_take_their_own_answers():
    @task
    def approve(name: str) -> str:
        return f"{name}={interrupt('approve?')}"

    @entrypoint(checkpointer=InMemorySaver())
    def workflow(names: list[str]) -> list[str]:
        return [future.result() for future in [approve(name) for name in names]]

    with AnswerBook().open():
        await workflow.ainvoke(["a", "b"], CONFIG)
    answers: list[Answer] = []
    while asked := await waiting(workflow):
        answers.append(answer_to(asked[0], f"#{len(answers) + 1}", decision=len(answers) + 1))
        await resume(workflow, *answers)
    assert len(answers) == 2
    assert sorted((await workflow.aget_state(CONFIG)).values) in (
        ["a=#1", "b=#2"],
        ["a=#2", "b=#1"],
    )


async def test_threads_that_ask_one_question_at_once_take_one_answer_each():
    @tool
    def ask(n: int) -> str:
        """Ask."""
        start.wait()
        return str(interrupt("same?"))

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [{"id": str(n), "name": "ask", "args": {"n": n}} for n in range(CALLS)]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([ask]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    graph: Any = builder.compile(checkpointer=InMemorySaver())

    answers: list[Answer] = []
    start = threading.Barrier(CALLS, timeout=10)
    with AnswerBook().open():
        await graph.ainvoke({"messages": []}, CONFIG)
    while asked := await waiting(graph):
        answers.append(answer_to(asked[0], len(answers), decision=len(answers) + 1))
        await resume(graph, *answers)
    assert sorted(await results(graph)) == [str(n) for n in range(CALLS)]
