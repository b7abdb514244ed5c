"""After a failure: what failed asks again, what finished stays, and what waits is told."""

from __future__ import annotations

import asyncio
import operator
import threading
import time
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Failed, Finished, Paused
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, asked, values
from tests.runner.losing import at_every_request

effects: list[str] = []


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    effects.clear()


def strict(state: State) -> State:
    answer = interrupts.interrupt("number?")
    if not isinstance(answer, int):
        raise TypeError("a number is wanted")
    return {"out": [answer]}


def twice(state: State) -> State:
    return {"out": [interrupts.interrupt("first?"), *strict(state).get("out", [])]}


def quick(state: State) -> State:
    effects.append("quick")
    return {"out": ["quick"]}


def parallel(*nodes: Any) -> Any:
    builder = StateGraph(State)
    for node in nodes:
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
    return builder.compile()


def nested(graph: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("nested", graph)
    builder.add_edge(START, "nested")
    return builder.compile()


def out(outcome: Any) -> Any:
    assert isinstance(outcome, Finished), outcome
    return values(outcome)["out"]


def waits(outcome: Any) -> list[Any]:
    """What waits although the run has failed."""
    assert isinstance(outcome, Failed), outcome
    return asked(outcome)


# Ask again -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (parallel(strict, quick), ["quick", 7]),
        (nested(parallel(strict, quick)), ["quick", 7]),
        (nested(nested(parallel(strict, quick))), ["quick", 7]),
    ],
    ids=["root", "nested", "two deep"],
)
async def test_a_node_that_failed_on_its_answer_asks_again_and_siblings_stay(
    peer, client, graph, expected
):
    async def prepare(peer, client):
        effects.clear()
        desk = Desk(peer, client, graph)
        paused = await desk.start({"out": []})
        failed = await desk.resume("seven")
        assert (failed.error, waits(failed)) == ("TypeError", [])
        desk.answers = ()
        assert asked(paused) == ["number?"]
        return desk, desk._assignment("ask_again", None)

    async def check(desk, run, outcome, requests):
        assert asked(outcome) == ["number?"], requests
        assert outcome.refused is None
        assert sorted(out(await desk.resume(7)), key=str) == sorted(expected, key=str)
        assert effects == ["quick"], requests

    await at_every_request(peer, client, prepare, check)


async def test_answers_before_the_one_it_failed_on_are_kept(peer, client):
    desk = Desk(peer, client, parallel(twice))
    await desk.start({"out": []})
    await desk.resume("one")
    desk._taken = list(desk.decide("two").answers[:1])  # the console withdraws the failed run's own
    assert isinstance(await desk.resume("two"), Failed)
    assert asked(await desk.ask_again()) == ["number?"]
    assert out(await desk.resume(7)) == ["one", 7]


def asking_edge() -> Any:
    def route(state: State) -> str:
        return str(interrupts.interrupt("where to?"))

    builder = StateGraph(State)
    builder.add_node(quick)
    builder.add_node("last", lambda state: {"out": ["last"]})
    builder.add_edge(START, "quick")
    builder.add_conditional_edges("quick", route, {"last": "last", "end": END})
    return builder.compile()


@pytest.mark.parametrize("inside", [False, True], ids=["root", "nested"])
async def test_an_edge_that_failed_on_its_answer_asks_again(peer, client, inside):
    graph = asking_edge()
    desk = Desk(peer, client, nested(graph) if inside else graph)
    await desk.start({"out": []})
    failed = await desk.resume("nowhere")
    assert isinstance(failed, Failed)
    assert failed.error == "KeyError"
    assert asked(await desk.ask_again()) == ["where to?"]
    assert out(await desk.resume("last")) == ["quick", "last"]


async def test_an_edge_that_failed_is_not_passed_by_the_next_runner(peer, client):
    """LangGraph takes the node for finished, and its edges for edges that lead nowhere."""

    async def prepare(peer, client):
        desk = Desk(peer, client, asking_edge())
        await desk.start({"out": []})
        return desk, desk.decide("nowhere")

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Failed), (requests, outcome)
        assert outcome.error == "KeyError"

    await at_every_request(peer, client, prepare, check)


CALLS = [
    {"id": "c1", "name": "pay", "args": {"amount": 1}},
    {"id": "c2", "name": "pay", "args": {"amount": 2}},
]


def chat(state: State) -> State:
    if any(isinstance(message, AIMessage) for message in state["messages"]):
        return {"out": [m.content for m in state["messages"] if isinstance(m, ToolMessage)]}
    return {"messages": [AIMessage("", id="ai", tool_calls=CALLS)]}


def paying(refused: set[int], *, each: bool, **stops: Any) -> Any:
    """A chat with a tool that fails for some amounts; `each` call in a task of its own, or not."""
    paid = threading.Event()

    @tool
    def pay(amount: int) -> str:
        """Pay."""
        effects.append(f"pay {amount}")
        if amount in refused:
            if len(refused) == 1:
                paid.wait(10)
                time.sleep(0.2)  # until the other call's result is stored
            raise OSError("the bank is closed")
        paid.set()
        return f"paid {amount}"

    def route(state: State) -> Any:
        calls = state["messages"][-1].tool_calls  # type: ignore[union-attr]
        return [Send("tools", {"messages": [AIMessage("", tool_calls=[c])]}) for c in calls]

    builder: Any = StateGraph(State)
    builder.add_node("chat", chat)
    builder.add_node("tools", ToolNode([pay], handle_tool_errors=False))
    builder.add_edge(START, "chat")
    if each:
        builder.add_conditional_edges(
            "chat", lambda state: END if state.get("out") else route(state), ["tools", END]
        )
    else:
        builder.add_conditional_edges("chat", tools_condition)
    builder.add_edge("tools", "chat")
    return builder.compile(**stops)


def verdict(kind: str, *ids: str, **fields: Any) -> dict[str, Any]:
    return {"calls": [{"id": call, "type": kind, **fields} for call in ids]}


@pytest.mark.parametrize("stops", [{"interrupt_before": ["tools"]}, {"interrupt_after": ["chat"]}])
@pytest.mark.parametrize("edited", [False, True])
async def test_a_breakpoint_whose_tools_failed_asks_again_before_anything_runs(
    peer, client, stops, edited
):
    async def prepare(peer, client):
        refused = {1, 2, 3}
        desk = Desk(peer, client, paying(refused, each=False, **stops))
        await desk.start({"messages": []})
        first = verdict("edit", "c1", "c2", args={"amount": 3}) if edited else None
        failed = await desk.resume(first or verdict("approve", "c1", "c2"))
        assert (failed.error, waits(failed)) == ("OSError", [])
        effects.clear()
        refused.clear()
        desk.answers = ()
        return desk, desk._assignment("ask_again", None)

    async def check(desk, run, outcome, requests):
        question: Any
        (question,) = asked(outcome)
        amounts = [call["args"]["amount"] for call in question["tool_calls"]]
        assert amounts == ([3, 3] if edited else [1, 2]), requests
        assert (effects, outcome.refused) == ([], None)
        finished = await desk.resume(verdict("edit", "c1", "c2", args={"amount": 5}))
        assert out(finished) == ["paid 5", "paid 5"]

    await at_every_request(peer, client, prepare, check)


async def test_a_call_that_finished_beside_one_that_failed_is_not_run_again(peer, client):
    refused = {2}
    graph = paying(refused, each=True, interrupt_before=["tools"])
    desk = Desk(peer, client, graph)
    await desk.start({"messages": []})
    assert isinstance(await desk.resume(verdict("approve", "c1", "c2")), Failed)
    again = await desk.ask_again()
    question: Any
    (question,) = asked(again)
    assert [call["id"] for call in question["tool_calls"]] == ["c2"]
    failed = await desk.resume(verdict("edit", "c2", args={"amount": 3}))
    assert isinstance(failed, Failed)
    assert failed.error == "UnusableDecision"
    assert sorted(effects) == ["pay 1", "pay 2"]
    refused.clear()
    await desk.ask_again()
    assert out(await desk.resume(verdict("approve", "c2"))) == ["paid 1", "paid 2"]
    assert sorted(effects) == ["pay 1", "pay 2", "pay 2"]


async def test_a_run_that_never_began_cannot_ask_again(peer, client):
    desk = Desk(peer, client, parallel(quick))
    failed = await desk.ask_again()
    assert isinstance(failed, Failed)
    assert (failed.error, effects) == ("Stalled", [])


# Failed and waiting at once ------------------------------------------------------------------


def both(asynchronous: bool, *, asks_late: bool) -> Any:
    """A node that asks beside one that raises, in this order or the other."""
    state = {"broken": True}

    def answer() -> State:
        return {"out": [interrupts.interrupt("go?")]}

    def fail() -> State:
        if state["broken"]:
            raise OSError("down")
        return {"out": ["up"]}

    def ask(state: State) -> State:
        time.sleep(0.2 * asks_late)
        return answer()

    def broken(state: State) -> State:
        time.sleep(0.2 * (not asks_late))
        return fail()

    async def ask_async(state: State) -> State:
        await asyncio.sleep(0.2 * asks_late)
        return answer()

    async def broken_async(state: State) -> State:
        await asyncio.sleep(0.2 * (not asks_late))
        return fail()

    builder = StateGraph(State)
    builder.add_node("ask", ask_async if asynchronous else ask)
    builder.add_node("broken", broken_async if asynchronous else broken)
    builder.add_edge(START, "ask")
    builder.add_edge(START, "broken")
    return builder.compile(), state


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_what_waits_beside_a_failure_is_told_and_can_be_answered(peer, client, asynchronous):
    graph, state = both(asynchronous, asks_late=False)
    desk = Desk(peer, client, graph)
    failed = await desk.start({"out": []})
    assert (failed.error, waits(failed)) == ("OSError", ["go?"])
    assert sorted(failed.next) == ["ask", "broken"]
    state["broken"] = False
    assert out(await desk.resume("yes")) == ["yes", "up"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_node_that_was_cut_off_before_it_asked_asks_again(peer, client, asynchronous):
    graph, state = both(asynchronous, asks_late=True)
    desk = Desk(peer, client, graph)
    failed = await desk.start({"out": []})
    assert (failed.error, waits(failed)) == ("OSError", [])
    assert sorted(failed.next) == ["ask", "broken"]
    state["broken"] = False
    again = await desk.ask_again()
    assert isinstance(again, Paused)
    assert asked(again) == ["go?"]
    assert out(await desk.resume("yes")) == ["yes", "up"]


async def test_an_answered_question_does_not_wait_beside_its_failure(peer, client):
    def other(state: State) -> State:
        return {"out": [interrupts.interrupt("other?"), interrupts.interrupt("and then?")]}

    desk = Desk(peer, client, parallel(strict, other))
    await desk.start({"out": []})
    failed = await desk.resume("seven", "fine")
    assert isinstance(failed, Failed)
    assert set(waits(failed)) <= {"and then?"}
