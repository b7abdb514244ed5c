"""Agents whose middleware lets a rejected call through: LangChain's two ways to do so."""

import os
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    InterruptOnConfig,
    ToolCallRequest,
    hook_config,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from tests.faults.agents.asking import effect

CALL = {"name": "pay", "args": {"amount": 1_000_000}, "id": "call_1", "type": "tool_call"}


class Payer(BaseChatModel):
    """Wants to pay, once."""

    @property
    def _llm_type(self) -> str:
        return "payer"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Payer":
        """The model itself."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        has_tried = isinstance(messages[-1], ToolMessage)
        reply = AIMessage("Done.") if has_tried else AIMessage("", tool_calls=[CALL])
        return ChatResult(generations=[ChatGeneration(message=reply)])


@tool
def pay(amount: int) -> str:
    """Pay money."""
    effect("paid", amount=amount)
    return f"paid {amount}"


class ToTheTools(AgentMiddleware):
    """Sends every message with calls on to the tools, decided or not."""

    @hook_config(can_jump_to=["tools"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Jump."""
        said = [each for each in state["messages"] if isinstance(each, AIMessage)][-1]
        return {"jump_to": "tools"} if said.tool_calls else None


def is_careful(request: ToolCallRequest) -> bool:
    """Whether calls are reviewed: until the file of `HOLD` exists."""
    return not Path(os.environ["HOLD"]).exists()


def of(*middleware: AgentMiddleware[Any, Any], **options: Any) -> Any:
    """An agent that pays."""
    return create_agent(Payer(), [pay], middleware=middleware, **options)


REVIEWED: dict[str, bool | InterruptOnConfig] = {"pay": True}
CAREFUL: dict[str, bool | InterruptOnConfig] = {
    "pay": {"allowed_decisions": ["approve", "edit", "reject", "respond"], "when": is_careful}
}


def jumping(**options: Any) -> Any:
    """The middleware after the review jumps to the tools."""
    return of(ToTheTools(), HumanInTheLoopMiddleware(REVIEWED), **options)


def flipping(**options: Any) -> Any:
    """The condition of the review is true at the pause, and false when the run goes on."""
    return of(HumanInTheLoopMiddleware(CAREFUL), **options)


def flipping_per_call(**options: Any) -> Any:
    """The same, with one question a call."""
    return of(HumanInTheLoopMiddleware(CAREFUL, interrupt_mode="per_call"), **options)


jumping_agent, flipping_agent, per_call_agent = jumping(), flipping(), flipping_per_call()
