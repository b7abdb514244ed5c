"""A runner is lost at any moment of a run; the next one takes it up.

Each test cuts the first runner off at its n-th request, for every n: what it had sent is stored,
nothing after it is. What must hold: the outcome of an undisturbed run, each decision applied to its
own question, and never a step that was not decided.
"""

from __future__ import annotations

import asyncio
import itertools
import operator
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import (
    Applied,
    Finished,
    Paused,
)
from reviewconsole.runner import interrupts, tool_review, tools
from tests.runner.executing import Desk, asked, values
from tests.runner.journalling import JournalDesk
from tests.runner.losing import at_every_request


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def one_after_the_other(*nodes: Any, **options: Any) -> Any:
    builder = StateGraph(State)
    names = [node.__name__ for node in nodes]
    for node in nodes:
        builder.add_node(node.__name__, node)
    for before, after in itertools.pairwise([START, *names]):
        builder.add_edge(before, after)
    return builder.compile(**options)


def twice(state: State) -> State:
    return {"out": [interrupts.interrupt("pay 1?"), interrupts.interrupt("pay 1000000?")]}


def end(state: State) -> State:
    return {"out": ["end"]}


async def test_a_start_gives_its_input_once(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, one_after_the_other(end))
        return desk, desk.begin({"out": ["in"]})

    async def check(desk, run, outcome, requests):
        assert values(outcome) == {"out": ["in", "end"], "messages": []}, requests

    await at_every_request(peer, client, prepare, check)


async def test_a_second_run_of_a_thread_gives_its_input_once(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, one_after_the_other(end))
        await desk.start({"out": ["one"]})
        return desk, desk.begin({"out": ["two"]})

    async def check(desk, run, outcome, requests):
        assert values(outcome)["out"] == ["one", "end", "two", "end"], requests

    await at_every_request(peer, client, prepare, check)


async def test_a_pause_is_shown_whenever_its_runner_was_lost(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, one_after_the_other(end, twice))
        return desk, desk.begin({"out": []})

    async def check(desk, run, outcome, requests):
        assert asked(outcome) == ["pay 1?"], requests
        assert outcome.refused is None

    await at_every_request(peer, client, prepare, check)


async def test_an_answer_is_applied_once_and_to_its_own_question(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, one_after_the_other(twice, end))
        await desk.start({"out": []})
        return desk, desk.decide("yes")

    async def check(desk, run, outcome, requests):
        assert asked(outcome) == ["pay 1000000?"], requests
        assert outcome.refused is None
        again = desk.again(run)
        assert set(desk.applied(run) + desk.applied(again)) >= {1}, requests
        assert values(await desk.resume("no"))["out"] == ["yes", "no", "end"]

    await at_every_request(peer, client, prepare, check)


async def test_the_last_answer_finishes_the_run(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, one_after_the_other(twice, end))
        await desk.start({"out": []})
        await desk.resume("yes")
        return desk, desk.decide("no")

    async def check(desk, run, outcome, requests):
        assert values(outcome)["out"] == ["yes", "no", "end"], requests
        again = desk.again(run)
        assert set(desk.applied(run) + desk.applied(again)) >= {2}, requests

    await at_every_request(peer, client, prepare, check)


async def test_parallel_answers_are_applied_each_to_its_task(peer, client):
    def fan(state: State) -> list[Send]:
        return [Send("work", name) for name in ("a", "b", "c")]

    def work(name: Any) -> Any:
        return {"out": [f"{name}: {interrupts.interrupt('go?')}"]}

    builder: Any = StateGraph(State)
    builder.add_node("work", work)
    builder.add_conditional_edges(START, fan, ["work"])
    graph = builder.compile()

    async def prepare(peer, client):
        desk = Desk(peer, client, graph)
        await desk.start({"out": []})
        return desk, desk.decide("A", "B", "C")

    async def check(desk, run, outcome, requests):
        assert values(outcome)["out"] == ["a: A", "b: B", "c: C"], requests

    await at_every_request(peer, client, prepare, check)


async def test_a_nested_pause_survives(peer, client):
    outer: Any = StateGraph(State)
    outer.add_node("nested", one_after_the_other(twice, end))
    outer.add_edge(START, "nested")
    graph = outer.compile()

    async def prepare(peer, client):
        desk = Desk(peer, client, graph)
        await desk.start({"out": []})
        return desk, desk.decide("yes")

    async def check(desk, run, outcome, requests):
        assert asked(outcome) == ["pay 1000000?"], requests
        assert outcome.refused is None
        assert values(await desk.resume("no"))["out"] == ["yes", "no", "end"]

    await at_every_request(peer, client, prepare, check)


async def test_a_question_that_changed_stays_undecided(peer, client):
    async def prepare(peer, client):
        now = itertools.count()

        def clock(state: State) -> State:
            return {"out": [interrupts.interrupt({"at": next(now)})]}

        desk = Desk(peer, client, one_after_the_other(clock))
        await desk.start({"out": []})
        return desk, desk.decide("yes")

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Paused)
        assert outcome.refused is not None, requests
        assert desk.applied(run) + desk.applied(desk.again(run)) == []

    await at_every_request(peer, client, prepare, check)


# Breakpoints ---------------------------------------------------------------------------------

effects: list[int] = []

CALLS = [
    {"id": "c1", "name": "pay", "args": {"amount": 1}},
    {"id": "c2", "name": "pay", "args": {"amount": 2}},
]


@tool
def pay(amount: int) -> str:
    """Pay."""
    effects.append(amount)
    return f"paid {amount}"


def chat(state: State) -> dict[str, Any]:
    if any(isinstance(message, AIMessage) for message in state["messages"]):
        results = [m.content for m in state["messages"] if isinstance(m, ToolMessage)]
        return {"messages": [AIMessage(f"done: {', '.join(map(str, results))}")]}
    return {"messages": [AIMessage("", id="ai", tool_calls=CALLS)]}


def tutorial(**breakpoints: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("chat", chat)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_edge(START, "chat")
    builder.add_conditional_edges("chat", tools_condition)
    builder.add_edge("tools", "chat")
    return builder.compile(**breakpoints)


@pytest.mark.parametrize("stops", [{"interrupt_before": ["tools"]}, {"interrupt_after": ["chat"]}])
async def test_a_breakpoint_is_never_passed_by_a_lost_runner(peer, client, stops):
    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, tutorial(**stops))
        return desk, desk.begin({"messages": []})

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Paused), requests
        assert effects == []
        assert [question.kind for question in outcome.interrupts] == ["breakpoint"]

    await at_every_request(peer, client, prepare, check)


VERDICTS: dict[str, tuple[list[tuple[str, dict[str, Any]]], set[int], str]] = {
    "approve": ([("approve", {}), ("approve", {})], {1, 2}, "done: paid 1, paid 2"),
    "edit": ([("approve", {}), ("edit", {"args": {"amount": 20}})], {1, 20}, "paid 1, paid 20"),
    "reject": ([("reject", {"message": "no"}), ("reject", {"message": "no"})], set(), "no, no"),
    "mixed": ([("reject", {"message": "no"}), ("approve", {})], {2}, "done: no, paid 2"),
}


@pytest.mark.parametrize("verdict", VERDICTS)
async def test_a_verdict_is_carried_out_by_the_next_runner(peer, client, verdict):
    kinds, done, words = VERDICTS[verdict]
    calls = [{"id": c["id"], "type": k, **f} for c, (k, f) in zip(CALLS, kinds, strict=True)]

    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, tutorial(interrupt_before=["tools"]))
        await desk.start({"messages": []})
        return desk, desk.decide({"calls": calls})

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Finished), (requests, outcome)
        assert values(outcome)["messages"][-1].content.endswith(words), requests
        assert set(effects) == done, requests
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests

    await at_every_request(peer, client, prepare, check)


async def test_the_next_breakpoint_is_not_passed_with_the_decided_one(peer, client):
    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, tutorial(interrupt_before=["tools", "chat"]))
        await desk.start({"messages": []})
        await desk.resume({"calls": []})
        return desk, desk.decide({"calls": [{"id": c["id"], "type": "approve"} for c in CALLS]})

    async def check(desk, run, outcome, requests):
        assert asked(outcome) == [{"breakpoint": "before", "nodes": ["chat"], "tool_calls": []}]
        assert outcome.refused is None, requests
        assert set(effects) == {1, 2}, requests

    await at_every_request(peer, client, prepare, check)


def inside(graph: Any, *, hidden: bool) -> Any:
    """A graph in another: as a node that LangGraph shows, or called by one."""

    def nested(state: State) -> Any:
        return {"out": graph.invoke({"out": []})["out"]}

    builder = StateGraph(State)
    builder.add_node("nested", nested if hidden else graph)
    builder.add_node(end)
    builder.add_edge(START, "nested")
    builder.add_edge("nested", "end")
    return builder.compile()


@pytest.mark.parametrize("hidden", [False, True], ids=["shown", "hidden"])
async def test_an_answer_that_a_graph_inside_has_gone_on_from_is_told_as_applied(
    peer, client, hidden
):
    def ask(state: State) -> State:
        return {"out": [interrupts.interrupt("ready?")]}

    async def prepare(peer, client):
        desk = Desk(peer, client, inside(one_after_the_other(ask, end), hidden=hidden))
        await desk.start({"out": []})
        return desk, desk.decide("yes")

    async def check(desk, run, outcome, requests):
        assert values(outcome)["out"] == ["yes", "end", "end"], requests
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests

    await at_every_request(peer, client, prepare, check)


@pytest.mark.parametrize("hidden", [False, True], ids=["shown", "hidden"])
async def test_an_answer_that_a_graph_inside_has_gone_on_from_is_past_when_it_asks_again(
    peer, client, hidden
):
    def one(state: State) -> State:
        return {"out": [interrupts.interrupt("ready?")]}

    def two(state: State) -> State:
        return {"out": [interrupts.interrupt("and now?")]}

    async def prepare(peer, client):
        desk = Desk(peer, client, inside(one_after_the_other(one, two), hidden=hidden))
        await desk.start({"out": []})
        return desk, desk.decide("yes")

    async def check(desk, run, outcome, requests):
        assert (asked(outcome), outcome.refused) == (["and now?"], None), requests
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests
        assert values(await desk.resume("sure"))["out"] == ["yes", "sure", "end"], requests

    await at_every_request(peer, client, prepare, check)


subjects: list[str] = []  # of the calls
late: set[str] = set()  # calls whose question the other one overtakes


@tool
async def consult(about: str) -> str:
    """Ask a person."""
    if about in late:
        await asyncio.sleep(0.05)
    return f"{about}: {interrupts.interrupt(f'{about}?')}"


def propose(state: State) -> State:
    calls = [{"id": about, "name": "consult", "args": {"about": about}} for about in subjects]
    answers = [each for each in state["messages"] if isinstance(each, ToolMessage)]
    said = ", ".join(str(answer.content) for answer in answers)
    return {"messages": [AIMessage(said, tool_calls=[] if answers else calls)]}


def consulting() -> Any:
    builder = StateGraph(State)
    builder.add_node("chat", propose)
    builder.add_node("tools", ToolNode([consult]))
    builder.add_edge(START, "chat")
    builder.add_conditional_edges("chat", tools_condition)
    builder.add_edge("tools", "chat")
    return builder.compile()


async def test_a_lost_runner_refuses_no_answer_whose_question_another_call_hides(peer, client):
    """The task shows one question at a time; the next runner finds the other one in its place."""
    subjects[:] = ["one", "two"]

    async def prepare(peer, client):
        desk = Desk(peer, client, consulting())
        late.symmetric_difference_update(late ^ {"two"})
        assert asked(await desk.start({"messages": []})) == ["one?"]
        late.symmetric_difference_update({"one", "two"})
        return desk, desk.decide(1)

    async def check(desk, run, outcome, requests):
        assert (asked(outcome), outcome.refused) == (["two?"], None), requests
        outcome = await desk.resume(2)
        assert values(outcome)["messages"][-1].content == "one: 1, two: 2", requests
        applied = {decision for each in peer.of(Applied) for decision in each.decisions}
        assert applied == {1, 2}, requests

    await at_every_request(peer, client, prepare, check)


@pytest.mark.parametrize(
    ("settled", "words"),
    [({"type": "approve"}, "one: 1"), ({"type": "respond", "message": "it was 1"}, "it was 1")],
)
async def test_a_call_in_doubt_refuses_no_answer_to_what_its_tool_asks(
    peer, client, settled, words
):
    subjects[:] = ["one"]
    tools.install()
    late.clear()
    desk = JournalDesk(peer, client, consulting())
    assert asked(await desk.start({"messages": []})) == ["one?"]

    desk.lost.add("consult")
    outcome = await desk.resume(1)
    (question,) = asked(outcome)
    assert (tool_review.is_doubt(question), outcome.refused) == (True, None)

    outcome = await desk.resume(settled)
    assert values(outcome)["messages"][-1].content == words
    assert {decision for each in peer.of(Applied) for decision in each.decisions} == {1, 2}
