"""Replays and forks in all kinds of graphs: parallel, sent, nested, functional, with deltas."""

from __future__ import annotations

from typing import Annotated, Any, cast

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Failed, Finished
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, asked, chain, values


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


@pytest.fixture
def ran() -> list[str]:
    """The nodes that ran, in order."""
    return []


def node(name: str, ran: list[str], *, asks: bool = False) -> Any:
    """A node that writes its name, and what it was answered."""

    def run(state: State) -> State:
        ran.append(name)
        return {"out": [f"{name} {interrupts.interrupt(f'{name}?')}" if asks else name]}

    run.__name__ = name
    return run


# Parallel tasks --------------------------------------------------------------------------------


@pytest.fixture
def beside(ran: list[str]) -> Any:
    """x, and y which asks, at once; z after y."""
    builder = StateGraph(State)
    builder.add_node(node("x", ran))
    builder.add_node(node("y", ran, asks=True))
    builder.add_node(node("z", ran))
    builder.add_edge(START, "x")
    builder.add_edge(START, "y")
    builder.add_edge("y", "z")
    return builder.compile()


@pytest.mark.parametrize("answers", [[], ["yes"]], ids=["waiting", "answered"])
async def test_all_tasks_of_a_step_run_again(peer, client, ran, beside, answers):
    desk = Desk(peer, client, beside)
    paused = await desk.start({"out": []})
    if answers:
        await desk.resume(*answers)
    ran.clear()
    again = await desk.travel(paused.checkpoint_id, ["x", "y"])
    assert (asked(again), sorted(ran)) == (["y?"], ["x", "y"])
    assert values(await desk.resume("no"))["out"] == ["x", "y no", "z"]


async def test_a_change_runs_all_of_a_step_again(peer, client, ran, beside):
    desk = Desk(peer, client, beside)
    paused = await desk.start({"out": []})
    again = await desk.travel(paused.checkpoint_id, ["x", "y"], update={"out": ["edit"]})
    assert (asked(again), sorted(ran)) == (["y?"], ["x", "x", "y", "y"])
    assert values(await desk.resume("no"))["out"] == ["edit", "x", "y no", "z"]


async def test_writing_as_one_of_a_step_leaves_the_others_out(peer, client, ran, beside):
    desk = Desk(peer, client, beside)
    paused = await desk.start({"out": []})
    ended = await desk.travel(paused.checkpoint_id, ["x", "y"], as_node="y", update={"out": ["y"]})
    assert (values(ended), ran) == ({"out": ["y", "z"]}, ["x", "y", "z"])


async def test_a_skipped_node_that_two_call_for_runs_when_they_call_again(peer, client, ran):
    builder = StateGraph(State)
    for name in ("x", "y", "join"):
        builder.add_node(node(name, ran))
    builder.add_edge(START, "x")
    builder.add_edge(START, "y")
    builder.add_edge(["x", "y"], "join")
    builder.add_conditional_edges(
        "join", lambda state: ["x", "y"] if len(state["out"]) < 4 else END, ["x", "y", END]
    )
    desk = Desk(peer, client, builder.compile())
    await desk.start({"out": []})
    join = desk.history()[2].checkpoint_id
    skipped = await desk.travel(join, ["join"], as_node="join")
    assert values(skipped)["out"] == ["x", "y", "x", "y", "join"]


# Sent tasks ------------------------------------------------------------------------------------


@pytest.fixture
async def sent(peer, client, ran) -> tuple[Desk, str]:
    """A finished thread, and the checkpoint at which two tasks were sent their inputs."""

    def fan(state: State) -> list[Send]:
        return [Send("work", name) for name in ("a", "b")]

    def work(name: Any) -> Any:
        return {"out": [f"{name} {interrupts.interrupt('go?')}"]}

    builder = StateGraph(State)
    builder.add_node(node("plan", ran))
    builder.add_node("work", cast(Any, work))
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", fan, ["work"])
    desk = Desk(peer, client, builder.compile())
    paused = await desk.start({"out": []})
    await desk.resume("A", "B")
    return desk, paused.checkpoint_id


@pytest.mark.parametrize("stays", [False, True])
async def test_sent_tasks_get_their_inputs_again(sent, stays):
    desk, at = sent
    if stays:
        at = (await desk.travel(at, ["work"], stays=True)).checkpoint_id
    assert asked(await desk.travel(at, ["work"])) == ["go?", "go?"]
    assert values(await desk.resume("A2", "B2"))["out"] == ["plan", "a A2", "b B2"]


async def test_a_change_that_would_lose_what_was_sent_is_refused(sent):
    desk, at = sent
    head = desk.head()
    refused = await desk.travel(at, ["work"], update={"out": ["edit"]})
    assert isinstance(refused, Failed)
    assert (refused.error, desk.head()) == ("ForkRefused", head)
    again = await desk.travel(at, ["work"], update={"out": ["edit"]}, as_node="plan")
    assert asked(again) == ["go?", "go?"]
    assert values(await desk.resume("A", "B"))["out"] == ["plan", "edit", "a A", "b B"]


# Graphs inside ---------------------------------------------------------------------------------


@pytest.mark.parametrize("remembers", [None, True], ids=["inherits", "remembers"])
async def test_a_graph_inside_runs_again_from_its_start(peer, client, ran, remembers):
    class Inner(TypedDict, total=False):
        out: Annotated[list[str], lambda old, new: old + new]
        calls: Annotated[int, lambda old, new: old + new]

    def count(state: Inner) -> Any:
        return {"calls": 1, "out": [f"call {state.get('calls', 0) + 1}"]}

    inner = StateGraph(Inner, output_schema=Inner)
    inner.add_node(count)
    inner.add_node("ask", cast(Any, node("ask", ran, asks=True)))
    inner.add_edge(START, "count")
    inner.add_edge("count", "ask")

    compiled = inner.compile(checkpointer=remembers)

    def inside(state: State) -> State:
        return {"out": [compiled.invoke({"out": []})["out"]]}

    desk = Desk(peer, client, chain(node("before", ran), inside, node("after", ran)))
    paused = await desk.start({"out": []})
    first = values(await desk.resume("yes"))["out"]
    assert first == ["before", ["call 1", "ask yes"], "after"]
    for change in ({}, {"update": {"out": ["edit"]}}):
        again = await desk.travel(paused.checkpoint_id, ["inside"], **change)
        assert asked(again) == ["ask?"]
        said = ["before", *change.get("update", {}).get("out", []), ["call 1", "ask no"], "after"]
        assert values(await desk.resume("no"))["out"] == said


# The functional API ----------------------------------------------------------------------------


async def test_a_workflow_runs_again_from_its_start(peer, client, ran):
    @task
    def work(given: int) -> int:
        ran.append("work")
        return given + 1

    @entrypoint()
    def workflow(given: int) -> list[Any]:
        return [work(given).result(), interrupts.interrupt("ok?")]

    desk = Desk(peer, client, workflow)
    paused = await desk.start(1)
    await desk.resume("yes")
    again = await desk.travel(paused.checkpoint_id, ["workflow"])
    assert (asked(again), ran) == (["ok?"], ["work", "work"])
    assert values(await desk.resume("no")) == [2, "no"]
    refused = await desk.travel(paused.checkpoint_id, ["workflow"], update={"given": 2})
    assert (type(refused), refused.error) == (Failed, "ForkRefused")
    ended = await desk.travel(paused.checkpoint_id, ["workflow"], as_node=END)
    assert (type(ended), ended.next) == (Finished, ())


# Delta channels --------------------------------------------------------------------------------


def extend(value: list[str], writes: list[list[str]]) -> list[str]:
    return [*value, *(each for write in writes for each in write)]


class Delta(TypedDict, total=False):
    out: Annotated[list[str], DeltaChannel(extend)]


@pytest.fixture
async def delta(peer, client, ran) -> tuple[Desk, list[str]]:
    """A finished thread of a graph whose checkpoints hold writes only, and their ids."""
    builder = StateGraph(Delta)
    for name, asks in (("a", False), ("ask", True), ("c", False)):
        builder.add_node(name, node(name, ran, asks=asks), input_schema=Delta)
    builder.add_edge(START, "a")
    builder.add_edge("a", "ask")
    builder.add_edge("ask", "c")
    desk = Desk(peer, client, builder.compile())
    await desk.start({"out": ["in"]})
    assert values(await desk.resume("yes"))["out"] == ["in", "a", "ask yes", "c"]
    return desk, [each.checkpoint_id for each in desk.history()]


async def test_a_branch_reads_nothing_that_another_wrote(delta):
    desk, at = delta
    for checkpoint_id, runs in zip(at[:3], (START, "a", "ask"), strict=True):
        assert values(await desk.travel(checkpoint_id, [runs]))["out"] == ["in", "a"]
        assert values(await desk.resume("no"))["out"] == ["in", "a", "ask no", "c"]
    last = await desk.travel(at[3], ["c"])
    assert values(last)["out"] == ["in", "a", "ask yes", "c"]


@pytest.mark.parametrize(
    ("change", "out"),
    [
        ({"update": {"out": ["edit"]}, "stays": True}, ["in", "a", "edit"]),
        ({"stays": True}, ["in", "a"]),
        ({"as_node": "ask", "update": {"out": ["hand"]}}, ["in", "a", "hand", "c"]),
        ({"as_node": END}, ["in", "a"]),
    ],
    ids=str,
)
async def test_a_fork_of_delta_channels(delta, change, out):
    desk, at = delta
    assert values(await desk.travel(at[2], ["ask"], **change))["out"] == out
    assert values(await desk.travel(at[3], ["c"]))["out"] == ["in", "a", "ask yes", "c"]
