"""Rows 8 and 9: graphs that are stopped before or after a node, and a node for a person's words."""

from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.toolbox import delete_file, look_up, send_email
from tests.pauses.agents.witness import note


class Messages(TypedDict):
    """A conversation."""

    messages: Annotated[list[Any], add_messages]


def chatbot(state: Messages) -> dict[str, Any]:
    """Propose calls, then report."""
    return {"messages": [Parrot().invoke(state["messages"])]}


talk = StateGraph(Messages)
talk.add_node(chatbot)
talk.add_node("tools", ToolNode([send_email, delete_file, look_up]))
talk.add_edge(START, "chatbot")
talk.add_conditional_edges("chatbot", tools_condition)
talk.add_edge("tools", "chatbot")
before_tools = talk.compile(interrupt_before=["tools"])
after_chatbot = talk.compile(interrupt_after=["chatbot"])


class Draft(TypedDict, total=False):
    """A text on its way."""

    text: str
    feedback: str


class Context(TypedDict, total=False):
    """What the caller of a run says about it."""

    tenant: str


def step(name: str) -> Any:
    """A node that notes that it ran, and for whom."""

    def run(state: Draft, runtime: Runtime[Context]) -> Draft:
        note(name, tenant=(runtime.context or {}).get("tenant"), feedback=state.get("feedback"))
        return {"text": state.get("text", "") + name}

    run.__name__ = name
    return run


def human_input(state: Draft) -> Draft:
    """Never run: a person writes what it would have written."""
    note("human_input")
    return {}


steps = StateGraph(Draft, context_schema=Context)
for name in ("first", "second", "third"):
    steps.add_node(name, step(name))
steps.add_edge(START, "first")
steps.add_edge("first", "second")
steps.add_edge("second", "third")
steps.add_edge("third", END)
plain_steps = steps.compile()
before_second = steps.compile(interrupt_before=["second"])

written = StateGraph(Draft)
written.add_node("write", step("write"))
written.add_node(human_input)
written.add_node("publish", step("publish"))
written.add_edge(START, "write")
written.add_edge("write", "human_input")
written.add_edge("human_input", "publish")
feedback = written.compile(interrupt_before=["human_input"])
