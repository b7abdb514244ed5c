"""The example agents, loaded as a runner loads them, and what their tools did."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from reviewconsole.runner.graphs import Graph, GraphSpec, load

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class Conversation:
    """A thread of one agent, kept in memory."""

    graph: Graph
    config: Any

    async def say(self, text: str) -> None:
        await self.run({"messages": [{"role": "user", "content": text}]})

    async def run(self, input: Any) -> None:
        await self.graph.ainvoke(input, self.config)

    async def answer(self, value: Any) -> None:
        """Resume the only interrupt that waits."""
        [waiting] = (await self.graph.aget_state(self.config)).interrupts
        await self.run(Command(resume={waiting.id: value}))

    async def next(self) -> tuple[str, ...]:
        return (await self.graph.aget_state(self.config)).next

    async def asked(self) -> list[Any]:
        return [i.value for i in (await self.graph.aget_state(self.config)).interrupts]

    async def calls(self) -> Any:
        """The tool calls that the model proposed last; none of an agent without a model."""
        messages = (await self.graph.aget_state(self.config)).values.get("messages", [])
        said = [message for message in messages if isinstance(message, AIMessage)]
        return said[-1].tool_calls if said else []

    async def messages(self) -> Any:
        return (await self.graph.aget_state(self.config)).values["messages"]

    async def last_words(self) -> Any:
        return (await self.messages())[-1].text


@pytest.fixture(scope="session")
def specs() -> Iterator[dict[str, GraphSpec]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("REVIEW_CONSOLE_MODEL", raising=False)
        patch.setattr(sys, "path", sys.path.copy())
        yield load(EXAMPLES / "langgraph.json")


@pytest.fixture
async def start(specs: dict[str, GraphSpec]) -> Callable[[str], Any]:
    """Start a conversation with an agent."""

    async def start(agent: str) -> Conversation:
        config: Any = {"configurable": {"thread_id": "1"}}
        async with specs[agent].open(config) as graph:
            return Conversation(graph.copy(update={"checkpointer": InMemorySaver()}), config)

    return start


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """What the tools did so far: a list of (tool, args)."""
    file = tmp_path / "effects.jsonl"
    monkeypatch.setitem(os.environ, "REVIEW_CONSOLE_EFFECTS", str(file))

    def read() -> list[Any]:
        lines = file.read_text().splitlines() if file.exists() else []
        return [(line["tool"], line["args"]) for line in map(json.loads, lines)]

    return read
