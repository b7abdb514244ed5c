"""What the console is told about an agent, and that nothing about an agent can prevent it."""

import json
import operator
import platform
import sys
import typing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import pytest
import typing_extensions
from langchain.agents import create_agent
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.channels import DeltaChannel
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.pregel._messages import _messages_delta_reducer
from pydantic import BaseModel

from reviewconsole.runner.describe import describe
from reviewconsole.runner.graphs import load

EXAMPLES = Path(__file__).parents[2] / "examples" / "langgraph.json"
NUMBER = {"title": "N", "type": "integer"}


class State(typing_extensions.TypedDict):
    n: int


@tool
def double(n: int) -> int:
    """Double a number."""
    return 2 * n


DOUBLE = {
    "name": "double",
    "description": "Double a number.",
    "args_schema": {
        "description": "Double a number.",
        "properties": {"n": NUMBER},
        "required": ["n"],
        "title": "double",
        "type": "object",
    },
    "is_idempotent": False,
}


def builder_of(state=State, **nodes):
    """A graph builder whose nodes run one after the other."""
    builder = StateGraph(state)
    previous = START
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(previous, name)
        previous = name
    return builder


def nothing(state):
    return {}


def test_a_graph_of_two_nodes_in_full():
    builder = builder_of(count=nothing, check=nothing)
    builder.add_conditional_edges("check", lambda state: END, ["count", END])
    graph = builder.compile(interrupt_before=["check"], interrupt_after=["count"])
    state_schema = {
        "properties": {"n": {"default": None, **NUMBER}},
        "title": "State",
        "type": "object",
    }
    input_schema = {
        "properties": {"n": NUMBER},
        "required": ["n"],
        "title": "State",
        "type": "object",
    }

    assert describe("counter", "Counts.", graph) == {
        "name": "counter",
        "description": "Counts.",
        "graph": {
            "nodes": [
                {"id": "__start__", "name": "__start__", "kind": "start"},
                {"id": "count", "name": "count"},
                {"id": "check", "name": "check"},
                {"id": "__end__", "name": "__end__", "kind": "end"},
            ],
            "edges": [
                {"source": "__start__", "target": "count", "conditional": False, "label": ""},
                {"source": "check", "target": "__end__", "conditional": True, "label": ""},
                {"source": "check", "target": "count", "conditional": True, "label": ""},
                {"source": "count", "target": "check", "conditional": False, "label": ""},
            ],
        },
        "input_schema": input_schema,
        "context_schema": None,
        "state_schema": state_schema,
        "channels": {
            "": {
                "n": {"kind": "value", "public": True},
                "__start__": {"kind": "ephemeral", "public": False},
                "__pregel_tasks": {"kind": "topic", "public": False},
                "branch:to:count": {"kind": "ephemeral", "public": False},
                "branch:to:check": {"kind": "ephemeral", "public": False},
            }
        },
        "triggers": {
            "": {
                "__start__": ["__start__"],
                "count": ["branch:to:count"],
                "check": ["branch:to:check"],
            }
        },
        "output_keys": ["n"],
        "tools": [],
        "interrupt_before": ["check"],
        "interrupt_after": ["count"],
        "versions": {
            "langgraph": metadata.version("langgraph"),
            "langchain": metadata.version("langchain"),
            "langchain_core": metadata.version("langchain-core"),
            "python": platform.python_version(),
        },
        "notes": [],
    }


def test_a_state_key_tells_what_unites_it_with_an_update():
    class Reduced(MessagesState):
        total: Annotated[int, operator.add]
        n: int

    properties = describe("a", None, builder_of(Reduced, count=nothing).compile())["state_schema"][
        "properties"
    ]
    assert {key: told.get("x-reducer") for key, told in properties.items()} == {
        "messages": "add_messages",
        "total": "add",
        "n": None,
    }


def test_channels_and_triggers_are_told_of_each_graph_inside():
    class Talk(typing_extensions.TypedDict):
        messages: Annotated[list[BaseMessage], DeltaChannel(_messages_delta_reducer)]

    inner = builder_of(Talk, speak=nothing, listen=nothing).compile()
    outer = builder_of(Talk, inner=inner).compile()
    builder = builder_of(left=nothing)
    builder.add_node("right", nothing)
    builder.add_node("outer", outer)
    builder.add_edge(START, "right")
    builder.add_edge(["left", "right"], "outer")

    described = describe("a", None, builder.compile())

    assert {
        path: {name: told["kind"] for name, told in channels.items() if told["public"]}
        for path, channels in described["channels"].items()
    } == {"": {"n": "value"}, "outer": {"messages": "delta"}, "outer:inner": {"messages": "delta"}}
    assert described["channels"][""]["join:left+right:outer"]["kind"] == "barrier"
    assert described["triggers"] == {
        "": {
            "__start__": ["__start__"],
            "left": ["branch:to:left"],
            "right": ["branch:to:right"],
            "outer": ["branch:to:outer", "join:left+right:outer"],
        },
        "outer": {"__start__": ["__start__"], "inner": ["branch:to:inner"]},
        "outer:inner": {
            "__start__": ["__start__"],
            "speak": ["branch:to:speak"],
            "listen": ["branch:to:listen"],
        },
    }


def test_a_context_schema_is_told():
    @dataclass
    class Context:
        user: str

    graph = StateGraph(State, context_schema=Context)
    graph.add_node("count", nothing)
    graph.add_edge(START, "count")

    assert describe("a", None, graph.compile())["context_schema"] == {
        "properties": {"user": {"title": "User", "type": "string"}},
        "required": ["user"],
        "title": "Context",
        "type": "object",
    }


class TestTools:
    def test_the_tools_of_a_tool_node(self):
        graph = builder_of(MessagesState, tools=ToolNode([double])).compile()

        assert describe("a", None, graph)["tools"] == [{**DOUBLE, "node": "tools"}]

    def test_the_tools_of_a_configured_tool_node(self):
        node = ToolNode([double]).with_config(tags=["careful"])
        graph = builder_of(MessagesState, tools=node).compile()

        assert describe("a", None, graph)["tools"] == [{**DOUBLE, "node": "tools"}]

    def test_the_tools_of_create_agent(self):
        graph = create_agent(FakeListChatModel(responses=["Hello"]), [double])

        assert describe("a", None, graph)["tools"] == [{**DOUBLE, "node": "tools"}]

    def test_the_tools_of_a_subgraph_carry_its_name(self):
        inner = builder_of(MessagesState, tools=ToolNode([double])).compile()
        middle = builder_of(MessagesState, inner=inner).compile()
        graph = builder_of(MessagesState, middle=middle).compile()

        described = describe("a", None, graph)

        assert described["tools"] == [{**DOUBLE, "node": "middle:inner:tools"}]
        assert {"id": "middle:inner:tools", "name": "tools", "kind": "tools"} in (
            described["graph"]["nodes"]
        )

    def test_arguments_that_langgraph_injects_are_left_out(self):
        @tool
        def triple(n: int, state: Annotated[dict[str, object], InjectedState]) -> int:
            """Triple a number."""
            return 3 * n

        graph = builder_of(MessagesState, tools=ToolNode([triple])).compile()

        [described] = describe("a", None, graph)["tools"]
        assert described["args_schema"]["properties"] == {"n": NUMBER}

    def test_a_tool_that_has_a_json_schema_keeps_it(self):
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "title": "halve"}
        halve = StructuredTool(
            name="halve", description="Halve it.", args_schema=schema, func=lambda n: n // 2
        )
        graph = builder_of(MessagesState, tools=ToolNode([halve])).compile()

        [described] = describe("a", None, graph)["tools"]
        assert described["args_schema"]["properties"] == {"n": {"type": "integer"}}


class TestBreakpoints:
    def test_a_star_is_every_node(self):
        graph = builder_of(a=nothing, b=nothing).compile(interrupt_before="*")

        described = describe("x", None, graph)
        assert (described["interrupt_before"], described["interrupt_after"]) == (["a", "b"], [])

    def test_those_of_a_subgraph_carry_its_name(self):
        inner = builder_of(a=nothing).compile(interrupt_after=["a"])
        graph = builder_of(sub=inner).compile(interrupt_before=["sub"])

        described = describe("x", None, graph)
        assert described["interrupt_before"] == ["sub"]
        assert described["interrupt_after"] == ["sub:a"]


class Unschematic:
    """A type that pydantic has no schema for."""


class Untold(BaseTool):
    """A tool whose schema cannot be made."""

    name: str = "untold"
    description: str = "Tells nothing."

    def _run(self, thing: Unschematic) -> str:
        return ""

    @property
    def tool_call_schema(self):
        raise RuntimeError("no schema\nand a long story")


class TestPartsThatFail:
    def test_a_typed_dict_of_the_standard_library_on_python_3_11(self):
        class Old(typing.TypedDict):
            n: int

        described = describe("a", None, builder_of(Old, count=nothing).compile())

        if sys.version_info < (3, 12):
            assert described["input_schema"] is None
            [note] = described["notes"]
            assert note.startswith(
                "input_schema: PydanticUserError: Please use `typing_extensions.TypedDict` "
            )
        assert described["output_keys"] == ["n"]

    def test_a_type_without_a_schema_hides_its_key_only(self):
        class Mixed(typing_extensions.TypedDict):
            n: int
            thing: Unschematic

        described = describe("a", None, builder_of(Mixed, count=nothing).compile())

        assert described["input_schema"] is None
        assert described["state_schema"]["properties"] == {
            "n": {"default": None, **NUMBER},
            "thing": {"default": None, "title": "Thing"},
        }

    def test_a_tool_without_a_schema_is_told_all_the_same(self):
        graph = builder_of(MessagesState, tools=ToolNode([Untold(), double])).compile()

        described = describe("a", None, graph)

        assert described["tools"] == [
            {
                "name": "untold",
                "description": "Tells nothing.",
                "args_schema": None,
                "is_idempotent": False,
                "node": "tools",
            },
            {**DOUBLE, "node": "tools"},
        ]
        assert described["notes"] == ["args_schema of tool untold: RuntimeError: no schema"]

    def test_a_number_that_json_lacks(self):
        class Endless(BaseModel):
            n: float = float("inf")

        described = describe("a", None, builder_of(Endless, count=nothing).compile())

        assert described["input_schema"] is None
        [note] = described["notes"]
        assert note.startswith("input_schema: ValueError: Out of range float values")

    def test_text_that_cannot_be_encoded(self):
        described = describe("a", "\ud800", builder_of(count=nothing).compile())

        assert described["description"] is None
        json.dumps(described, ensure_ascii=False).encode()

    @pytest.mark.parametrize(
        ("method", "part"),
        [
            ("get_graph", "graph"),
            ("get_input_jsonschema", "input_schema"),
            ("get_context_jsonschema", "context_schema"),
            ("get_subgraphs", "tools"),
        ],
    )
    def test_whatever_fails_is_a_note(self, monkeypatch, method, part):
        graph = builder_of(count=nothing).compile()

        def fail(*args, **kwargs):
            raise RuntimeError("x" * 1000)

        monkeypatch.setattr(graph, method, fail)
        described = describe("a", None, graph)

        assert described[part] is None
        [note] = [note for note in described["notes"] if note.startswith(f"{part}: ")]
        assert note == f"{part}: RuntimeError: " + "x" * (300 - len("RuntimeError: "))


def test_a_functional_agent_is_told():
    @entrypoint()
    def double_it(n: int) -> int:
        return 2 * n

    described = describe("a", None, double_it)

    assert {node["id"] for node in described["graph"]["nodes"]} == {
        "__start__",
        "double_it",
        "__end__",
    }
    assert described["input_schema"]["type"] == "integer"
    assert described["notes"] == []


async def test_the_examples_are_told_without_a_note(monkeypatch):
    monkeypatch.delenv("REVIEW_CONSOLE_MODEL", raising=False)
    monkeypatch.syspath_prepend(str(EXAMPLES.parent))
    described = {}
    for name, spec in load(EXAMPLES).items():
        async with spec.open({}, access="assistants.read") as graph:
            described[name] = describe(name, spec.description, graph)

    assert {name: told["notes"] for name, told in described.items()} == {
        "assistant": [],
        "email": [],
        "operations": [],
        "warehouse": [],
        "newsletter": [],
    }
    assert described["email"]["interrupt_before"] == ["sensitive_tools"]
    tools = {told["name"]: told["args_schema"] for told in described["operations"]["tools"]}
    assert list(tools) == ["send_email", "refund", "delete_file"]
    assert list(tools["refund"]["properties"]) == [
        "order_id",
        "amount",
        "reason",
        "lines",
        "reference",
        "notify",
    ]
