"""The saver against LangGraph's own acceptance test, over a real socket to a console in memory."""

from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate

from reviewconsole.protocol.messages import Owner
from reviewconsole.runner.checkpointer import ConsoleSaver
from reviewconsole.runner.client import ConsoleClient


async def test_all_capabilities_pass(client: ConsoleClient) -> None:
    """All 58 base tests and all 23 extended ones."""

    @checkpointer_test(name="ConsoleSaver")
    async def saver() -> AsyncIterator[ConsoleSaver]:
        yield ConsoleSaver(client, Owner("agent"))

    report = await validate(saver)

    counts = {name: (r.tests_passed, r.tests_failed) for name, r in report.results.items()}
    assert {name: n for name, n in counts.items() if n != (0, 0)} == {
        "put": (17, 0),
        "put_writes": (10, 0),
        "get_tuple": (10, 0),
        "list": (16, 0),
        "delete_thread": (5, 0),
        "copy_thread": (8, 0),
        "delete_for_runs": (7, 0),
        "prune": (8, 0),
    }
