"""Nodes skipped, written for, threads finished, states changed: once, and nothing beside lost."""

from __future__ import annotations

import operator
from typing import Annotated, Any, cast

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.pregel._messages import _messages_delta_reducer
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Finished, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, Reply, asked, values
from tests.runner.losing import at_every_request

effects: list[str] = []


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]
    note: str
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    effects.clear()


def first(state: State) -> State:
    return {"out": ["first"]}


def ask(state: State) -> State:
    return {"out": [f"{state.get('note')}: {interrupts.interrupt('ready?')}"]}


def last(state: State) -> State:
    return {"out": ["last"]}


def quick(state: State) -> State:
    effects.append("quick")
    return {"out": ["quick"]}


def chain(*nodes: Any, **options: Any) -> Any:
    builder = StateGraph(State)
    builder.add_sequence(nodes)
    builder.add_edge(START, nodes[0].__name__)
    return builder.compile(**options)


def parallel(*nodes: Any, then: Any = last) -> Any:
    """Nodes in one step, and one after them."""
    builder = StateGraph(State)
    builder.add_node(then)
    for node in nodes:
        name = getattr(node, "__name__", "inside")
        builder.add_node(name, node)
        builder.add_edge(START, name)
        builder.add_edge(name, then.__name__)
    return builder.compile()


def nested(graph: Any, depth: int = 1) -> Any:
    for _ in range(depth):
        builder = StateGraph(State)
        builder.add_node("nested", graph)
        builder.add_node(last)
        builder.add_edge(START, "nested")
        builder.add_edge("nested", "last")
        graph = builder.compile()
    return graph


def out(outcome: Any) -> Any:
    assert isinstance(outcome, Finished), outcome
    return values(outcome)["out"]


async def every_loss(peer: Any, client: Any, graph: Any, reply: Any, expected: Any) -> None:
    """Decide the pause of a graph so, and lose the runner at every request of the resuming run."""

    async def prepare(peer: Any, client: Any) -> Any:
        desk = Desk(peer, client, graph)
        await desk.start({"out": []})
        return desk, desk.decide(reply)

    async def check(desk: Any, run: Any, outcome: Any, requests: int) -> None:
        assert out(outcome) == expected, requests
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests

    await at_every_request(peer, client, prepare, check)


# The waiting node is passed over -------------------------------------------------------------


@pytest.mark.parametrize("graph", ["breakpoint", "question"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(then="skip"), ["first", "last"]),
        (Reply({"out": ["by hand"]}, then="write"), ["first", "by hand", "last"]),
    ],
    ids=["skip", "write"],
)
async def test_a_node_is_passed_over_once(peer, client, graph, reply, expected):
    stops = {"interrupt_before": ["ask"]} if graph == "breakpoint" else {}
    await every_loss(peer, client, chain(first, ask, last, **stops), reply, expected)


async def test_a_node_that_waited_for_two_is_skipped(peer, client):
    """LangGraph would leave what called for it, and run it after all."""
    builder = StateGraph(State)
    for node in (first, quick, ask, last):
        builder.add_node(node)
    builder.add_edge(START, "first")
    builder.add_edge(START, "quick")
    builder.add_edge(["first", "quick"], "ask")
    builder.add_edge("ask", "last")
    desk = Desk(peer, client, builder.compile())
    await desk.start({"out": []})
    skipped = await desk.resume(Reply(then="skip"))
    assert isinstance(skipped, Finished)
    assert sorted(out(skipped)) == ["first", "last", "quick"]


async def test_the_last_node_is_skipped(peer, client):
    await every_loss(peer, client, chain(first, ask), Reply(then="skip"), ["first"])


@pytest.mark.parametrize("depth", [1, 2])
async def test_a_node_inside_is_passed_over_at_its_level(peer, client, depth):
    inner = chain(first, ask, last)
    expected = ["first", "by hand", *["last"] * (depth + 1)]
    reply = Reply({"out": ["by hand"]}, then="write")
    await every_loss(peer, client, nested(inner, depth), reply, expected)
    await every_loss(peer, client, nested(chain(ask), depth), Reply(then="skip"), ["last"] * depth)


async def test_a_breakpoint_after_a_skipped_node_is_asked(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, chain(first, ask, last, interrupt_before=["ask", "last"]))
        await desk.start({"out": []})
        return desk, desk.decide(Reply(then="skip"))

    async def check(desk, run, outcome, requests):
        assert asked(outcome) == [{"breakpoint": "before", "nodes": ["last"], "tool_calls": []}]
        assert outcome.refused is None, requests
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests
        assert out(await desk.resume({"calls": []})) == ["first", "last"]

    await at_every_request(peer, client, prepare, check)


def other(state: State) -> State:
    return {"out": [interrupts.interrupt("other?")]}


@pytest.mark.parametrize(
    ("graph", "replies", "reason"),
    [
        (
            parallel(ask, other),
            [Reply(then="skip"), "yes"],
            "ask cannot be passed over: other of its step wait as well",
        ),
        (
            parallel(ask, quick),
            [Reply(then="skip")],
            "ask cannot be passed over: what quick made in its step would be lost",
        ),
        (
            chain(ask),
            [Reply({"oot": 1}, then="write")],
            "nothing can be written for ask: it has no oot; its channels are messages, note, out",
        ),
        (
            chain(ask),
            [Reply("by hand", then="write")],
            "nothing can be written for ask: channels and their values are expected, not str",
        ),
        (
            chain(ask),
            [Reply("yes", update={"oot": 1})],
            "the state cannot be changed: it has no oot; its channels are messages, note, out",
        ),
        (
            chain(ask),
            [Reply({"out": ["by hand"]}, then="write", update={"note": "n", "out": ["added"]})],
            "the state cannot be changed: out is written for ask already",
        ),
    ],
    ids=["waiting", "finished", "channel", "value", "update", "written twice"],
)
async def test_what_cannot_be_carried_out_changes_nothing(peer, client, graph, replies, reason):
    desk = Desk(peer, client, graph)
    paused = await desk.start({"out": []})
    before = desk.head()
    run = desk.decide(*replies)
    held = await desk.execute(run)
    assert held.refused == f"nothing was resumed: {reason}"
    assert asked(held) == asked(paused)
    assert (desk.head(), desk.delivered(run), desk.applied(run)) == (before, False, [])


# The thread is finished ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "graph",
    [
        chain(first, ask, last),
        chain(first, ask, last, interrupt_before=["ask"]),
        nested(chain(first, ask, last)),
        parallel(ask, quick),
    ],
    ids=["question", "breakpoint", "nested", "beside a finished node"],
)
async def test_a_dismissed_thread_ends_and_nothing_more_runs(peer, client, graph):
    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, graph)
        await desk.start({"out": []})
        return desk, desk.decide(Reply(then="finish"))

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Finished), (requests, outcome)
        assert "last" not in values(outcome).get("out", []), requests
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests
        assert effects in ([], ["quick"])
        again = await desk.start({"out": ["new"]})
        assert isinstance(again, Paused)  # and it takes a new input

    await at_every_request(peer, client, prepare, check)


async def test_all_questions_of_a_dismissed_pause_end(peer, client):
    desk = Desk(peer, client, parallel(ask, other))
    await desk.start({"out": []})
    run = desk.decide(Reply(then="finish"), Reply(then="finish"))
    assert isinstance(await desk.execute(run), Finished)
    assert desk.applied(run) == [1, 2]


async def test_a_pause_that_differs_is_not_dismissed(peer, client):
    desk = Desk(peer, client, parallel(ask, other))
    await desk.start({"out": []})
    run = desk.decide(Reply(then="finish"), Reply(then="finish"))
    desk.answers = run.answers[:1]
    held = await desk.execute(desk._assignment("resume", None))
    assert held.refused == "nothing was resumed: other asks something that was not decided"


# The state is changed ------------------------------------------------------------------------


async def test_the_state_is_changed_once_and_the_asking_node_sees_it(peer, client):
    reply = Reply("yes", update={"note": "edited", "out": ["added"]})
    expected = ["first", "added", "edited: yes", "last"]
    await every_loss(peer, client, chain(first, ask, last), reply, expected)


async def test_a_finished_sibling_is_kept_when_the_state_is_changed(peer, client):
    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, parallel(ask, quick))
        await desk.start({"out": []})
        return desk, desk.decide(Reply("yes", update={"note": "edited", "out": ["added"]}))

    async def check(desk, run, outcome, requests):
        assert out(outcome) == ["added", "edited: yes", "quick", "last"], requests
        assert effects == ["quick"], requests

    await at_every_request(peer, client, prepare, check)


async def test_changes_of_several_answers_unite(peer, client):
    desk = Desk(peer, client, parallel(ask, other))
    await desk.start({"out": []})
    replies = Reply("A", update={"note": "edited"}), Reply("B", update={"out": ["added"]})
    assert out(await desk.resume(*replies)) == ["added", "edited: A", "B", "last"]


async def test_two_answers_in_a_row_change_the_state_each_once(peer, client):
    def twice(state: State) -> State:
        return {"out": [interrupts.interrupt("1?"), interrupts.interrupt("2?")]}

    async def prepare(peer, client):
        desk = Desk(peer, client, chain(twice, last))
        await desk.start({"out": []})
        await desk.resume(Reply("one", update={"out": ["same"]}))
        return desk, desk.decide(Reply("two", update={"out": ["same"]}))

    async def check(desk, run, outcome, requests):
        assert out(outcome) == ["same", "same", "one", "two", "last"], requests

    await at_every_request(peer, client, prepare, check)


async def test_a_change_at_a_breakpoint_does_not_stop_there_again(peer, client):
    graph = chain(first, quick, last, interrupt_before=["quick"])
    reply = Reply({"calls": []}, update={"out": ["added"]})
    await every_loss(peer, client, graph, reply, ["first", "added", "quick", "last"])


async def test_an_edge_goes_by_the_state_that_was_changed_with_a_skip(peer, client):
    def route(state: State) -> str:
        return "last" if state.get("note") == "on" else END

    builder = StateGraph(State)
    builder.add_node(ask)
    builder.add_node(last)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", route, ["last", END])
    reply = Reply(then="skip", update={"note": "on"})
    await every_loss(peer, client, builder.compile(), reply, ["last"])


@pytest.mark.parametrize("graph", ["breakpoint", "question"])
@pytest.mark.parametrize(
    ("reply", "passed"),
    [
        (Reply(then="skip", update={"out": ["added"]}), ["added"]),
        (Reply({"out": ["by hand"]}, then="write", update={"note": "n"}), ["by hand"]),
    ],
    ids=["skip", "write"],
)
async def test_a_node_is_passed_over_and_the_state_changed_once(peer, client, graph, reply, passed):
    stops = {"interrupt_before": ["ask"]} if graph == "breakpoint" else {}
    await every_loss(
        peer, client, chain(first, ask, last, **stops), reply, ["first", *passed, "last"]
    )


async def test_what_an_earlier_answer_changed_survives_that_the_next_is_skipped(peer, client):
    def twice(state: State) -> State:
        return {"out": [interrupts.interrupt("1?"), interrupts.interrupt("2?")]}

    async def prepare(peer, client):
        desk = Desk(peer, client, chain(twice, last))
        await desk.start({"out": []})
        await desk.resume(Reply("one", update={"out": ["same"]}))
        return desk, desk.decide(Reply(then="skip", update={"out": ["same"]}))

    async def check(desk, run, outcome, requests):
        assert out(outcome) == ["same", "same", "last"], requests

    await at_every_request(peer, client, prepare, check)


async def test_a_node_inside_is_skipped_beside_a_finished_one_and_the_state_changed_once(
    peer, client
):
    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, parallel(nested(chain(ask)), quick))
        await desk.start({"out": []})
        return desk, desk.decide(Reply(then="skip", update={"out": ["added"]}))

    async def check(desk, run, outcome, requests):
        assert sorted(out(outcome)) == ["added", "last", "last", "quick"], requests
        assert effects == ["quick"], requests

    await at_every_request(peer, client, prepare, check)


@tool
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def chat(state: State) -> State:
    made = [message for message in state["messages"] if isinstance(message, AIMessage)]
    if made:
        results = [m.content for m in state["messages"] if isinstance(m, ToolMessage)]
        return {"out": [state.get("note"), *results]}
    calls = [{"id": name, "name": "pay", "args": {"amount": 1}} for name in ("c1", "c2")]
    return {"messages": [AIMessage("", id="ai", tool_calls=calls)]}


@pytest.mark.parametrize("kind", ["approve", "edit", "reject"])
async def test_calls_are_decided_and_the_state_changed_at_once(peer, client, kind):
    builder = StateGraph(State)
    builder.add_node(chat)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_edge(START, "chat")
    builder.add_conditional_edges("chat", tools_condition)
    builder.add_edge("tools", "chat")
    decisions: dict[str, Any] = {"edit": {"args": {"amount": 2}}, "reject": {"message": "no"}}
    fields = decisions.get(kind, {})
    verdict = {"calls": [{"id": name, "type": kind, **fields} for name in ("c1", "c2")]}
    result = {"approve": "paid 1", "edit": "paid 2", "reject": "no"}[kind]
    await every_loss(
        peer,
        client,
        builder.compile(interrupt_before=["tools"]),
        Reply(verdict, update={"note": "edited", "out": ["added"]}),
        ["added", "edited", result, result],
    )


async def test_a_change_of_a_channel_that_is_stored_as_its_writes(peer, client):
    """As deep agents keep their messages: a checkpoint holds what was written, not the value."""

    class Deltas(TypedDict, total=False):
        messages: Annotated[list[AnyMessage], DeltaChannel(cast(Any, _messages_delta_reducer))]

    def ask(state: Deltas) -> Deltas:
        assert all(message.id for message in state["messages"])
        return {"messages": [AIMessage(f"{len(state['messages'])}: {interrupts.interrupt('?')}")]}

    builder = StateGraph(Deltas)
    builder.add_node(ask)
    builder.add_edge(START, "ask")
    graph = builder.compile()

    async def prepare(peer, client):
        desk = Desk(peer, client, graph)
        await desk.start({"messages": [("user", "hi")]})
        await desk.resume("first")
        await desk.start({"messages": [("user", "again")]})
        return desk, desk.decide(Reply("yes", update={"messages": [("user", "added")]}))

    async def check(desk, run, outcome, requests):
        contents = [message.content for message in values(outcome)["messages"]]
        assert contents == ["hi", "1: first", "again", "added", "4: yes"], requests

    await at_every_request(peer, client, prepare, check)
