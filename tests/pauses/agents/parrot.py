"""A chat model that proposes exactly the calls that the human message lists, as JSON."""

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Parrot(BaseChatModel):
    """First the calls that it was told to make, then one line about what became of them."""

    @property
    def _llm_type(self) -> str:
        return "parrot"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Parrot":
        """The model itself: it is told the names of the tools."""
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        last = messages[-1]
        reply = AIMessage(f"It says: {last.text}")
        if isinstance(last, HumanMessage):
            calls = json.loads(str(last.text))
            reply = AIMessage(
                "As you say.",
                tool_calls=[
                    {"id": f"call_{n}", "type": "tool_call", **call}
                    for n, call in enumerate(calls, start=1)
                ],
            )
        return ChatResult(generations=[ChatGeneration(message=reply)])
