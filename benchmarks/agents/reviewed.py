"""Two agents whose one tool notes when it starts: held by LangChain's middleware, or by nobody.

Their model proposes that tool for whatever it is told, so that no model's time is measured.
"""

import os
import time
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode


@tool
def note(subject: str) -> str:
    """Note the moment, and what it is about."""
    started = time.time()
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{subject} {started!r}\n")
    return "noted"


class Proposing(BaseChatModel):
    """Proposes one call of `note` about what it was told, then it is done."""

    @property
    def _llm_type(self) -> str:
        return "proposing"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Proposing":
        """The model itself: it knows its tool."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        last = messages[-1]
        call = {"name": "note", "args": {"subject": str(last.text)}, "id": f"call_{len(messages)}"}
        said = AIMessage("", tool_calls=[call]) if last.type == "human" else AIMessage("Done.")
        return ChatResult(generations=[ChatGeneration(message=said)])


reviewed = create_agent(Proposing(), [note], middleware=[HumanInTheLoopMiddleware({"note": True})])


def propose(state: MessagesState) -> dict[str, Any]:
    """Ask the model."""
    return {"messages": [Proposing().invoke(state["messages"])]}


builder = StateGraph(MessagesState)
builder.add_node("propose", propose)
builder.add_node("tools", ToolNode([note]))
builder.add_edge(START, "propose")
builder.add_edge("propose", "tools")
gated = builder.compile()
