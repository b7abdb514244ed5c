"""Row 16: agents that never pause by themselves. What is held, an admin said in the console."""

from typing import Any

from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from tests.pauses.agents.parrot import Parrot
from tests.pauses.agents.toolbox import delete_file, look_up, send_email

TOOLS = [send_email, delete_file, look_up]
BY_NAME = {each.name: each for each in TOOLS}


def chatbot(state: MessagesState) -> dict[str, Any]:
    """Propose what the parrot says."""
    return {"messages": [Parrot().invoke(state["messages"])]}


def by_hand(state: MessagesState) -> dict[str, Any]:
    """The tutorial's tool node: it calls each tool itself, and knows the id alone."""
    calls = state["messages"][-1].tool_calls  # type: ignore[union-attr]  # the parrot's
    return {
        "messages": [
            ToolMessage(BY_NAME[call["name"]].invoke(call["args"]), tool_call_id=call["id"])
            for call in calls
        ]
    }


def _loop(tools: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("chatbot", chatbot)
    builder.add_node("tools", tools)
    builder.add_edge(START, "chatbot")
    builder.add_conditional_edges("chatbot", tools_condition)
    builder.add_edge("tools", "chatbot")
    return builder.compile()


tool_node = _loop(ToolNode(TOOLS))
hand_written = _loop(by_hand)
created = create_agent(Parrot(), TOOLS)
deep_agent = create_deep_agent(Parrot(), TOOLS)
