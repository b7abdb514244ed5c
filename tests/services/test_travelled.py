"""What ran after a checkpoint before, on every branch: what a replay may do a second time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agents.models import Agent, Run
from agents.services import travel
from agents.services.checkpoints import Store
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Done, PutWrites, Whole, Write
from reviewconsole.protocol.plain import Plain, Typed
from tests.factories import describe_agent, lease_of, save_checkpoint, start_run, take

EDGES = [("__start__", "model"), ("model", "tools"), ("tools", "model"), ("model", "mail")]


@pytest.fixture
def run(db: None) -> Run:
    """A run of an agent with a loop, in a runner's hands."""
    run = start_run()
    take(run)  # the runner announces its agent
    nodes = ["__start__", "model", "tools", "mail", "other", "__end__"]
    graph = {
        "nodes": [{"id": node, "name": node} for node in nodes],
        "edges": [{"source": a, "target": b, "conditional": False} for a, b in EDGES],
    }
    Agent.objects.update(spec=describe_agent(graph=graph))
    return Run.objects.select_related("thread__agent", "runner").get(pk=run.pk)


def wrote(run: Run, checkpoint_id: str, *nodes: str) -> None:
    """Let tasks of these nodes have written at a checkpoint; a number stands for a send."""
    paths = [f"~__pregel_{'push' if node.isdecimal() else 'pull'}, {node}" for node in nodes]
    assert run.runner is not None
    for position, path in enumerate(paths):
        writes = (Write(0, "messages", Whole(*plain.encode([]))),)
        request = PutWrites(
            lease_of(run), run.thread.thread_id, "", checkpoint_id, f"task-{position}", path,
            False, writes,
        )  # fmt: skip
        assert Store().execute([(run.runner.pk, request)]) == [Done()]


def messages(*calls: tuple[str, str, bool]) -> list[Plain]:
    """What a model said: calls (id, tool, whether it has answered)."""
    said: list[Any] = [
        {
            "type": "ai",
            "content": "",
            "tool_calls": [{"id": call, "name": tool, "args": {}} for call, tool, _ in calls],
        }
    ]
    said += [
        {"type": "tool", "content": "done", "tool_call_id": call}
        for call, _, answered in calls
        if answered
    ]
    return said


def repeats(run: Run, checkpoint_id: str, **way: Any) -> Sequence[str]:
    return travel.foresee(thread=run.thread_id, checkpoint_id=checkpoint_id, **way).repeats


def test_nodes_of_every_branch_below_and_no_others(run):
    first = save_checkpoint(run, waiting=("model",))
    second = save_checkpoint(run, waiting=("tools",), parent=first)
    beside = save_checkpoint(run, waiting=("other",), parent=first)
    wrote(run, first, "model")
    wrote(run, second, "tools")
    wrote(run, beside, "other")
    assert repeats(run, first) == ("model", "tools", "other")
    assert repeats(run, second) == ("tools",)
    assert repeats(run, beside) == ("other",)


def test_nodes_that_were_sent_their_input(run):
    sent: Plain = [Typed(1, "langgraph.types", "Send", ["mail", {}])]
    first = save_checkpoint(run, waiting=(), values={"__pregel_tasks": sent})
    wrote(run, first, "0000000000")
    assert repeats(run, first, as_node="tools") == ("mail",)
    told = travel.foresee(thread=run.thread_id, checkpoint_id=first, writes=True).blocked
    assert "got its input one by one (Send)" in told


def test_a_node_that_is_stepped_over_is_not_repeated_unless_the_graph_comes_back(run):
    first = save_checkpoint(run, waiting=("mail",))
    wrote(run, first, "mail")
    assert repeats(run, first) == ("mail",)
    assert repeats(run, first, as_node="mail") == ()
    second = save_checkpoint(run, waiting=("tools",), parent=first)
    wrote(run, second, "tools")
    assert repeats(run, second, as_node="tools") == ("tools",)


def test_tools_whose_calls_were_answered_since_on_any_branch(run):
    before = messages(("call-1", "lookup", True))
    first = save_checkpoint(run, waiting=("model",), values={"messages": before})
    for call, answered in (("refund", True), ("send_email", True), ("delete", False)):
        since = before + messages((f"call of {call}", call, answered))
        save_checkpoint(run, waiting=(), parent=first, values={"messages": since})
    assert set(repeats(run, first)) == {"refund", "send_email"}


def test_siblings_that_the_new_branch_loses(run):
    first = save_checkpoint(run, waiting=("tools", "mail"))
    wrote(run, first, "tools")
    place: dict[str, Any] = {"thread": run.thread_id, "checkpoint_id": first}
    assert travel.foresee(**place).loses == ("tools",)
    assert travel.foresee(**place, as_node="mail").loses == ("tools",)
    assert travel.foresee(**place, as_node="tools").loses == ()
    wrote(run, first, "tools", "mail")
    assert travel.foresee(**place).loses == ()
    assert travel.foresee(**place, as_node="mail").loses == ("tools",)


def test_a_change_says_whose_it_is_where_several_nodes_ran_last(run):
    first = save_checkpoint(run, waiting=("tools", "mail"))
    wrote(run, first, "tools", "mail")
    second = save_checkpoint(run, waiting=("model",), parent=first)
    place: dict[str, Any] = {"thread": run.thread_id, "checkpoint_id": second, "writes": True}
    assert "ran last, so it is open whose change this is" in travel.foresee(**place).blocked
    assert "open whose" not in travel.foresee(**place, as_node="tools").blocked


def test_a_long_history_costs_no_more_queries(run, django_assert_max_num_queries):
    first = parent = save_checkpoint(run, waiting=("model",))
    for _ in range(12):
        parent = save_checkpoint(run, waiting=("model",), parent=parent)
        save_checkpoint(run, waiting=("model",), parent=first)
    with django_assert_max_num_queries(34):
        repeats(run, first)
