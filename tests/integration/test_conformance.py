"""The saver over a real socket, against a real console and its database."""

from collections.abc import AsyncIterator, Iterator

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from agents.services import tokens
from reviewconsole.protocol.messages import VERSION, Hello, Owner
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from tests.servers import Console

HELLO = Hello(
    version=VERSION,
    instance="conformance",
    name="conformance",
    capacity=1,
    agents=({"name": "agent"},),
    versions={},
    held=(),
)


@pytest.fixture
def client(console: Console) -> Iterator[ConsoleClient]:
    """A client whose token serves one agent."""
    _, secret = tokens.create(name="conformance", agents=["agent"])
    with ConsoleClient(console.socket_url, secret, lambda: HELLO) as client:
        yield client


async def test_all_capabilities_pass(client: ConsoleClient) -> None:
    """All 58 base tests of LangGraph's own acceptance test, and all 23 extended ones."""

    @checkpointer_test(name="ConsoleSaver")
    async def saver() -> AsyncIterator[ConsoleSaver]:
        yield ConsoleSaver(client, Owner("agent"))

    report = await validate(saver)

    failures = [failure for result in report.results.values() for failure in result.failures or ()]
    assert failures == []
    assert sum(result.tests_passed for result in report.results.values()) == 58 + 23
    assert report.passed_all_base()
