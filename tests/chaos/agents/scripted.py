"""A chat model that proposes, turn by turn, the calls that the human message lists as JSON."""

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from tests.chaos.plans import LAST_WORDS


class Scripted(BaseChatModel):
    """Says what its script says next; which turn it is follows from the conversation alone."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Scripted":
        """The model itself: its script names the tools."""
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        turns = json.loads(next(said.text for said in messages if said.type == "human"))
        turn = sum(said.type == "ai" for said in messages)
        reply = AIMessage(LAST_WORDS)
        if turn < len(turns):
            calls = [{**call, "type": "tool_call"} for call in turns[turn]]
            reply = AIMessage(f"Turn {turn}.", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=reply)])
