"""A chat model that follows a script, so that the examples need no key and no network.

The script is chosen by the words of the last human message. The model keeps nothing in memory: how
far it has come is read from the conversation, so it goes on correctly in another process.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult


@dataclass(frozen=True)
class Call:
    """A tool call that the model proposes."""

    tool: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One reply of the model: what it says and the tools it calls."""

    text: str
    calls: Sequence[Call] = ()


Scene = Callable[[str], Sequence[Turn]]
"""The replies to a human message. After the last one the model reports the tools' results."""


def report(results: Sequence[ToolMessage]) -> str:
    """What became of each tool call, in the model's last words."""
    lines = [
        f"- {result.name}: {'not done. ' if result.status == 'error' else ''}{outcome(result)}"
        for result in results
    ]
    return "\n".join(["Here is how it went:", *lines])


def outcome(result: ToolMessage) -> str:
    """The result itself, without the middleware's note about a call that a reviewer changed."""
    return str(result.text).rpartition("Tool response:\n")[2]


@dataclass(frozen=True)
class Script:
    """What a model does: the scene of the first pattern that is found in the human message."""

    scenes: dict[str, Scene]  # by regular expression, in order
    otherwise: Scene
    closing: Callable[[Sequence[ToolMessage]], str] = report

    def turns(self, request: str) -> Sequence[Turn]:
        for pattern, scene in self.scenes.items():
            if re.search(pattern, request, re.IGNORECASE | re.DOTALL):
                return scene(request)
        return self.otherwise(request)


class ScriptedChatModel(BaseChatModel):
    """Plays a `Script`: one turn for each AI message since the last human message.

    A tool that was refused ends the scene: the model says so instead of going on.
    """

    script: Script

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "ScriptedChatModel":
        """The model itself: its script already names the tools."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages)
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _reply(self, messages: Sequence[BaseMessage]) -> AIMessage:
        last = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=0)
        request, since = str(messages[last].text), messages[last + 1 :]
        turns = self.script.turns(request)
        position = sum(isinstance(message, AIMessage) for message in since)
        results = [message for message in since if isinstance(message, ToolMessage)]
        refused = any(result.status == "error" for result in results)
        if refused or position >= len(turns):
            return AIMessage(self.script.closing(results))
        turn = turns[position]
        # An id that is new in this thread, and the same when the node is run again.
        reply = sum(isinstance(message, AIMessage) for message in messages) + 1
        calls = [
            {"name": call.tool, "args": call.args, "id": f"call_{reply}_{n}", "type": "tool_call"}
            for n, call in enumerate(turn.calls, start=1)
        ]
        return AIMessage(turn.text, tool_calls=calls)


def chat_model(script: Script) -> BaseChatModel:
    """The model of an example: the one that `REVIEW_CONSOLE_MODEL` names, else the script.

    The variable takes what `init_chat_model` takes, such as `openai:gpt-5.2`; the provider's
    package and key are the reader's own.
    """
    name = os.environ.get("REVIEW_CONSOLE_MODEL")
    return init_chat_model(name) if name else ScriptedChatModel(script=script)
