"""The `conftest.py` of LangGraph's tests: every checkpointer is the console's saver.

Copied into LangGraph's own folder of tests by `suite`, and run there in another environment. What a
test has stored is deleted after it, as the tests name their threads alike.
"""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from reviewconsole.protocol.messages import VERSION, Hello, Owner
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from tests.conftest_original import *  # type: ignore[import-not-found]  # noqa: F403


class ForgetfulSaver(ConsoleSaver):
    """The console's saver, which remembers the threads it has written to."""

    def __init__(self, client: ConsoleClient) -> None:
        super().__init__(client, Owner("upstream"), serde=JsonPlusSerializer())
        self.threads: set[str] = set()

    def _note(self, config: Any) -> None:
        self.threads.add(str(config["configurable"]["thread_id"]))

    def put(self, config: Any, *rest: Any, **named: Any) -> Any:
        self._note(config)
        return super().put(config, *rest, **named)

    async def aput(self, config: Any, *rest: Any, **named: Any) -> Any:
        self._note(config)
        return await super().aput(config, *rest, **named)

    # LangGraph looks for a parameter of the name `task_path` before it gives one.
    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        self._note(config)
        super().put_writes(config, writes, task_id, task_path)

    async def aput_writes(
        self, config: Any, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        self._note(config)
        await super().aput_writes(config, writes, task_id, task_path)

    def forget(self) -> None:
        """Delete what was stored."""
        for thread in self.threads:
            self.delete_thread(thread)


def _hello() -> Hello:
    return Hello(VERSION, "upstream", "upstream", 1, ({"name": "upstream"},), {}, ())


@pytest.fixture(scope="session")
def client() -> Iterator[ConsoleClient]:
    """The connection to the console."""
    url, secret = os.environ["REVIEWCONSOLE_URL"], os.environ["REVIEWCONSOLE_TOKEN"]
    with ConsoleClient(url, secret, _hello) as client:
        yield client


if os.environ.get("UPSTREAM_SAVER") == "memory":  # what it is compared with

    @pytest.fixture(params=["memory"])
    def sync_checkpointer() -> InMemorySaver:
        """LangGraph's own saver."""
        return InMemorySaver()

    @pytest.fixture(params=["memory"])
    def async_checkpointer() -> InMemorySaver:
        """LangGraph's own saver."""
        return InMemorySaver()

else:

    @pytest.fixture(params=["console"])
    def sync_checkpointer(client: ConsoleClient) -> Iterator[ForgetfulSaver]:
        """In the place of LangGraph's savers with blocking calls."""
        saver = ForgetfulSaver(client)
        yield saver
        saver.forget()

    @pytest.fixture(params=["console"])
    async def async_checkpointer(client: ConsoleClient) -> AsyncIterator[ForgetfulSaver]:
        """In the place of LangGraph's savers with async calls."""
        saver = ForgetfulSaver(client)
        yield saver
        saver.forget()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that take a checkpointer."""
    taking = {"sync_checkpointer", "async_checkpointer"}
    items[:] = [item for item in items if taking & set(getattr(item, "fixturenames", ()))]
