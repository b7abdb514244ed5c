"""The agents: a model that follows a script, tools with effects, and each way to ask a person."""

from collections.abc import Sequence
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, InterruptOnConfig
from langchain_core.tools import BaseTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from typing_extensions import TypedDict

from tests.chaos.agents import witness
from tests.chaos.agents.scripted import Scripted
from tests.chaos.agents.tools import consult, jot, jot_at_once, look_up, pay, refund
from tests.chaos.plans import ACT

TOOLS: Sequence[BaseTool] = [pay, refund, jot, jot_at_once, look_up]
HELD: dict[str, bool | InterruptOnConfig] = {"pay": True, "refund": True}

witness.install()


def model(state: MessagesState) -> dict[str, Any]:
    """Say what comes next."""
    return {"messages": [Scripted().invoke(state["messages"])]}


def loop(tools: Sequence[BaseTool]) -> Any:
    """The tutorial's loop of a model and its tools."""
    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_condition)
    builder.add_edge("tools", "model")
    return builder.compile()


# The console holds their calls: they ask nobody by themselves.
gated = loop(TOOLS)
created = create_agent(Scripted(), TOOLS)

# LangChain's middleware holds them: all calls of a turn in one question, or one a question.
batched = create_agent(Scripted(), TOOLS, middleware=[HumanInTheLoopMiddleware(HELD)])
per_call = create_agent(
    Scripted(), TOOLS, middleware=[HumanInTheLoopMiddleware(HELD, interrupt_mode="per_call")]
)

# Tools that ask while they run, several in one task.
consulting = loop([consult, jot])


# Two questions at a time from nodes, then a call that carries both answers.


def merged(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    """The answers of both."""
    return one | other


class Panel(TypedDict, total=False):
    """What two people are asked, and what was done with their answers."""

    order: int
    answers: Annotated[dict[str, str], merged]
    done: str


def legal(state: Panel) -> Panel:
    """Ask the one."""
    return {"answers": {"legal": str(interrupt(f"legal: may order {state['order']} go out?"))}}


def brand(state: Panel) -> Panel:
    """Ask the other."""
    return {"answers": {"brand": str(interrupt(f"brand: may order {state['order']} go out?"))}}


async def act(state: Panel) -> Panel:
    """Note both answers, by a tool."""
    said = state["answers"]
    note = f"{said['legal']} / {said['brand']}"
    call = {"name": "jot", "args": {"order": state["order"], "note": note}, "id": ACT}
    message = await jot.ainvoke({**call, "type": "tool_call"})
    return {"done": str(message.content)}


_panel = StateGraph(Panel)
_panel.add_node("legal", legal)
_panel.add_node("brand", brand)
_panel.add_node("act", act)
_panel.add_edge(START, "legal")
_panel.add_edge(START, "brand")
_panel.add_edge(["legal", "brand"], "act")
panel = _panel.compile()
