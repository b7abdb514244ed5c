"""A chatbot that asks a person for help: LangGraph's tutorial "Add human-in-the-loop controls".

The tool `human_assistance` calls `interrupt({"query": …})`; the run pauses until it is resumed with
`{"data": …}`, which the tool returns to the model. `search_handbook` runs without a pause.
"""

from typing import Annotated, Any

import effects
from langchain_core.messages import SystemMessage
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from scripted import chat_model
from scripts import ASSISTANT
from typing_extensions import TypedDict

# One tool call at a time: an interrupted node runs again, with all the calls of its turn.
PROMPT = """You answer the customers of Lumen & Oak, a shop for lamps and furniture.
Look into the handbook first. Ask a person for assistance when it leaves a question open.
Call one tool at a time."""

HANDBOOK = {
    "delivery": "Lamps ship within 2 working days, furniture within 10. Free from 80 EUR.",
    "returns": "Returns are free for 30 days. Custom-made furniture cannot be returned.",
    "discount": "Up to 10 % from 20 pieces of one article. More needs the sales lead's approval.",
}


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]


@tool
def search_handbook(query: str) -> str:
    """Search the shop's handbook for what it says about delivery, returns or discounts."""
    effects.record("search_handbook", query=query)
    found = [text for topic, text in HANDBOOK.items() if topic in query.lower()]
    return " ".join(found) or "The handbook says nothing about this."


@tool
def human_assistance(query: str) -> str:
    """Request assistance from a human."""
    human_response = interrupt({"query": query})
    effects.record("human_assistance", query=query, data=human_response["data"])
    return str(human_response["data"])


tools = [search_handbook, human_assistance]
llm_with_tools = chat_model(ASSISTANT).bind_tools(tools)


def chatbot(state: State) -> dict[str, Any]:
    return {"messages": [llm_with_tools.invoke([SystemMessage(PROMPT), *state["messages"]])]}


graph_builder = StateGraph(State)
graph_builder.add_node("chatbot", chatbot)
graph_builder.add_node("tools", ToolNode(tools=tools))
graph_builder.add_edge(START, "chatbot")
graph_builder.add_conditional_edges("chatbot", tools_condition)
graph_builder.add_edge("tools", "chatbot")
graph = graph_builder.compile()
