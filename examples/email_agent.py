"""An e-mail assistant that stops before a sensitive tool: LangGraph's static breakpoint.

As in the tutorial "Build a customer support bot", tools are either safe or sensitive, sensitive
ones have a node of their own, and the graph is compiled with `interrupt_before` that node. Nothing
asks a question: the run stops, and going on, or changing the call first, is the reviewer's choice.

(The file is not called `email.py`, which would hide the module `email` of the standard library.)
"""

from typing import Annotated, Any

import effects
from langchain_core.messages import SystemMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from scripted import chat_model
from scripts import EMAIL
from typing_extensions import TypedDict

PROMPT = """You write e-mails for the team of Lumen & Oak and know the weather.
Be brief and friendly. Send an e-mail only when you are asked to."""

FORECASTS = {
    "Hamburg": "rain from noon, 11 °C",
    "Lisbon": "sunny, 24 °C, a light breeze in the evening",
    "Oslo": "snow showers, -2 °C",
}


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    effects.record("get_weather", city=city)
    return f"{city}: {FORECASTS.get(city, 'cloudy, 16 °C')}"


@tool
def send_email(to: str, subject: str, body: str) -> str:
    """Send an e-mail."""
    effects.record("send_email", to=to, subject=subject, body=body)
    return f"Sent to {to}: {subject}"


safe_tools = [get_weather]
sensitive_tools = [send_email]
sensitive_names = {sensitive.name for sensitive in sensitive_tools}
llm_with_tools = chat_model(EMAIL).bind_tools(safe_tools + sensitive_tools)


def assistant(state: State) -> dict[str, Any]:
    return {"messages": [llm_with_tools.invoke([SystemMessage(PROMPT), *state["messages"]])]}


def route_tools(state: State) -> str:
    calls = state["messages"][-1].tool_calls
    if not calls:
        return END
    # One sensitive call makes the whole turn sensitive: its node runs the safe calls as well.
    if any(call["name"] in sensitive_names for call in calls):
        return "sensitive_tools"
    return "safe_tools"


builder = StateGraph(State)
builder.add_node("assistant", assistant)
builder.add_node("safe_tools", ToolNode(safe_tools))
builder.add_node("sensitive_tools", ToolNode(safe_tools + sensitive_tools))
builder.add_edge(START, "assistant")
builder.add_conditional_edges("assistant", route_tools, ["safe_tools", "sensitive_tools", END])
builder.add_edge("safe_tools", "assistant")
builder.add_edge("sensitive_tools", "assistant")
graph = builder.compile(interrupt_before=["sensitive_tools"])
