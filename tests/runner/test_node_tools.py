"""Which tools a node can get hold of, however it was written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from reviewconsole.runner.describe import describe
from reviewconsole.runner.node_tools import declared, reachable


@tool
def pay(amount: int) -> str:
    """Pay money."""
    return f"paid {amount}"


@tool
def note(text: str) -> str:
    """Write a note."""
    return text


BY_NAME = {"pay": pay, "note": note}


def by_globals(state: Any) -> Any:
    return run_all(state)


def run_all(state: Any) -> Any:
    calls = state["messages"][-1].tool_calls
    return {"messages": [each(call, BY_NAME) for call in calls]}


def each(call: Any, by_name: dict[str, BaseTool]) -> ToolMessage:
    return ToolMessage(by_name[call["name"]].invoke(call["args"]), tool_call_id=call["id"])


def by_closure() -> Callable[[Any], Any]:
    tools = [pay, note]

    def node(state: Any) -> Any:
        return [one.invoke({}) for one in tools]

    return node


class BasicToolNode:
    """The tutorial's."""

    def __init__(self, tools: list[BaseTool]) -> None:
        self.tools_by_name = {one.name: one for one in tools}

    def __call__(self, state: Any) -> Any:
        return self.tools_by_name

    def method(self, state: Any) -> Any:
        return self.tools_by_name


async def with_default(state: Any, tools: Any = (pay, note)) -> Any:
    return tools


def by_partial(tools: Any, state: Any) -> Any:
    return tools


@pytest.mark.parametrize(
    "node",
    [
        by_globals,
        by_closure(),
        BasicToolNode([pay, note]),
        BasicToolNode([pay, note]).method,
        with_default,
        partial(by_partial, (pay, note)),
        RunnableLambda(by_globals).with_config(tags=["a"]),
        lambda state: [one.name for one in BY_NAME.values()],
    ],
    ids=["globals", "closure", "object", "method", "default", "partial", "runnable", "lambda"],
)
def test_a_node_that_calls_its_tools_itself(node: Any):
    builder = StateGraph(MessagesState)
    builder.add_node("act", node)
    builder.add_edge(START, "act")
    described = describe("agent", None, builder.compile())
    found = {(one["name"], one["node"]) for one in described["tools"]}
    assert found == {("pay", "act"), ("note", "act")}


def test_a_tool_that_calls_another_tool_leads_to_it():
    @tool
    def settle(amount: int) -> str:
        """Pay all that is due."""
        return str(pay.invoke({"amount": amount}))

    assert reachable(lambda state: settle.invoke(state)) == [settle, pay]


def test_a_tool_that_runs_a_graph_leads_to_its_tools():
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_edge(START, "tools")
    inner: Any = builder.compile()

    @tool
    def delegate(task: str) -> str:
        """Hand over."""
        return str(inner.invoke({"messages": task}))

    assert reachable(lambda state: delegate.invoke(state)) == [delegate, pay]


def test_a_tool_of_a_tool_node_is_told_once_though_the_model_knows_it_too():
    def chatbot(state: Any) -> Any:
        return BY_NAME

    builder = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", ToolNode([pay, note]))
    builder.add_edge(START, "chatbot")
    builder.add_edge("chatbot", "tools")
    described = describe("agent", None, builder.compile())
    assert [(one["name"], one["node"]) for one in described["tools"]] == [
        ("pay", "tools"),
        ("note", "tools"),
    ]


def test_what_leads_in_circles_comes_to_an_end():
    circle: list[Any] = [pay]
    circle.append(circle)
    assert reachable(lambda: circle) == [pay]
    assert declared(circle) == []


def test_a_name_that_has_no_value_yet_is_passed_over():
    def node(state: Any) -> Any:
        return later

    assert reachable(node) == []
    later = 1
