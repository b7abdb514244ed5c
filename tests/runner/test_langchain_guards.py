"""What the runner uses of LangChain's tools beyond their documented interface: see also `tools`.

A failure here means it moved. Read the change, then `tools`, `tool_arguments`, `tool_review` and
`call_ends`, before widening the range of versions in pyproject.toml.
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, tool
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime

RUN = ("run", "arun", "invoke", "ainvoke")
RUN_TAKES = (
    "self", "tool_input", "verbose", "start_color", "color", "callbacks", "tags", "metadata",
    "run_name", "run_id", "config", "tool_call_id", "kwargs",
)  # fmt: skip


def test_the_methods_by_which_tools_are_called():
    parameters = {name: list(inspect.signature(getattr(BaseTool, name)).parameters) for name in RUN}
    assert parameters == {
        "run": [*RUN_TAKES],
        "arun": [*RUN_TAKES],
        "invoke": ["self", "input", "config", "kwargs"],
        "ainvoke": ["self", "input", "config", "kwargs"],
    }


def classes() -> list[type[Any]]:
    every: list[type[Any]] = [BaseTool, *BaseTool.__subclasses__()]
    return [each for each in every if each.__module__.startswith("langchain_core.")]


def test_only_known_classes_of_langchain_call_tools_in_their_own_way():
    own = {(each.__name__, name) for each in classes() for name in RUN if name in each.__dict__}
    assert own == {
        *(("BaseTool", name) for name in RUN),
        ("StructuredTool", "ainvoke"),
        ("Tool", "ainvoke"),
    }


def test_a_tool_tells_which_of_its_arguments_are_injected():
    @tool
    def pay(
        amount: int, state: Annotated[dict[str, Any], InjectedState], runtime: ToolRuntime
    ) -> str:
        """Pay money."""
        return ""

    given = {"amount": 1, "state": {}, "runtime": None, "callbacks": [], "run_manager": None}
    assert pay._filter_injected_args(given) == {"amount": 1}
    assert pay._injected_args_keys == {"state", "runtime"}


def test_a_tool_reads_its_arguments_before_its_body():
    """`call_ends` tells by these names in a traceback whether the body was reached."""
    assert {"_to_args_and_kwargs", "_run", "_arun"} <= set(BaseTool.__dict__)
    for method in (BaseTool.run, BaseTool.arun):
        assert {"_to_args_and_kwargs", "_run"} <= set(inspect.unwrap(method).__code__.co_names)


def test_the_tool_node_lets_a_pause_through():
    @tool
    def ask(text: str) -> str:
        """Ask."""
        raise GraphInterrupt(())

    call = {"name": "ask", "args": {"text": ""}, "id": "c1", "type": "tool_call"}
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([ask], handle_tool_errors=True))
    builder.add_edge(START, "tools")
    graph: Any = builder.compile()
    state = graph.invoke({"messages": [AIMessage("", tool_calls=[call])]})
    assert len(state["messages"]) == 1
