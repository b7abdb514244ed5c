"""What LangGraph really stores: graphs run on the runner's saver, and its requests are kept."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.types import StateSnapshot

from reviewconsole.protocol.messages import Done, Found, Get, List, Owner, Put, PutWrites
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from tests.runner.peer import Store


class Recorder:
    """Stands for the client of a console: keeps what is asked to be stored, and reads it back."""

    def __init__(self) -> None:
        self.puts: list[Put | PutWrites] = []
        self._store = Store()

    def ask_sync(self, request: Put | PutWrites | Get | List) -> Done | Found:
        """Answer one request."""
        match request:
            case Put():
                self._store.put(request)
            case PutWrites():
                self._store.put_writes(request)
            case _:
                return self._store.find(request)
        self.puts.append(request)
        return Done()


@dataclass
class Recording:
    """A graph on one thread, and everything it stores there."""

    graph: Any
    thread: str
    recorder: Recorder

    @property
    def config(self) -> RunnableConfig:
        """The config of the thread's head."""
        return {"configurable": {"thread_id": self.thread}}

    def at(self, checkpoint_id: str) -> RunnableConfig:
        """The config of one checkpoint of the root."""
        return {"configurable": {"thread_id": self.thread, "checkpoint_id": checkpoint_id}}

    def run(self, value: Any, checkpoint_id: str | None = None, **options: Any) -> str:
        """Run to a pause or the end; returns the id of the head."""
        config = self.at(checkpoint_id) if checkpoint_id else self.config
        with suppress(ArithmeticError):  # what the failing nodes of these tests raise
            self.graph.invoke(value, config, **options)
        return self.head

    @property
    def head(self) -> str:
        """The newest checkpoint's id."""
        config = self.graph.get_state(self.config).config
        return cast(str, config["configurable"]["checkpoint_id"])

    def snapshots(self) -> Mapping[str, StateSnapshot]:
        """LangGraph's own reading of every checkpoint of the root, by id."""
        history = list(self.graph.get_state_history(self.config))
        return {each.config["configurable"]["checkpoint_id"]: each for each in history}


def record(
    builder: StateGraph[Any, Any, Any, Any], thread: str, owner: Owner, **options: Any
) -> Recording:
    """Compile a graph onto a recorder."""
    recorder = Recorder()
    saver = ConsoleSaver(cast(ConsoleClient, recorder), owner)
    return Recording(builder.compile(checkpointer=saver, **options), thread, recorder)
