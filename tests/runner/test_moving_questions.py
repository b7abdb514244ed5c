"""Questions that are another value each time: shown as such, and answered by what stays."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from reviewconsole.protocol import tagged
from reviewconsole.protocol.messages import Finished, Moving, Paused
from reviewconsole.protocol.moving import compare
from reviewconsole.runner import interrupts, stored
from tests.runner.executing import Desk, Reply, State, asked, chain, value_of, values
from tests.runner.losing import at_every_request


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def part(how: str, *path: Any) -> Moving:
    return Moving(tagged.dumps(list(path)), how)


def clock(*, then: Any = lambda: None) -> Any:
    now = itertools.count()

    def pay(state: State) -> State:
        answer = interrupts.interrupt({"pay": "alice", "at": next(now)})
        return {"out": [answer, then()]}

    return pay


async def refused(desk: Desk) -> Any:
    """Answer a question that moves, which is refused: the parts that moved."""
    paused = await desk.start({"out": []})
    held = await desk.resume("yes")
    assert held.refused == (
        "the agent asked something else when it ran again, so decision 1 was not applied"
    )
    return compare(value_of(paused.interrupts[0]), value_of(held.interrupts[0]))


async def test_a_question_that_moves_is_answered_by_what_stays(peer, client):
    async def prepare(peer, client):
        desk = Desk(peer, client, chain(clock()))
        moving = await refused(desk)
        assert moving == (part("value", "at"),)
        return desk, desk.decide(Reply("yes", moving=moving))

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Finished), (requests, outcome)
        assert values(outcome) == {"out": ["yes", None]}

    await at_every_request(peer, client, prepare, check)


async def test_an_answer_by_what_stays_goes_to_no_question_whose_rest_differs(peer, client):
    to = iter(["alice", "alice", "mallory"])

    def pay(state: State) -> State:
        return {"out": [interrupts.interrupt({"pay": next(to), "at": random.random()})]}

    desk = Desk(peer, client, chain(pay))
    moving = await refused(desk)
    held = await desk.resume(Reply("yes", moving=moving))
    assert isinstance(held, Paused)
    assert held.refused is not None
    (question,) = held.interrupts
    assert stored.load(question.value)["pay"] == "mallory"


async def test_an_answer_by_what_stays_is_kept_for_the_next_question_of_its_node(peer, client):
    desk = Desk(peer, client, chain(clock(then=lambda: interrupts.interrupt("sure?"))))
    moving = await refused(desk)
    assert asked(await desk.resume(Reply("yes", moving=moving))) == ["sure?"]
    assert values(await desk.resume("sure")) == {"out": ["yes", "sure"]}


async def test_items_in_another_order_are_answered_in_any_order(peer, client):
    items = ["a", "b", "c"]

    def pay(state: State) -> State:
        items.append(items.pop(0))
        return {"out": [interrupts.interrupt({"pay": items})]}

    desk = Desk(peer, client, chain(pay))
    moving = await refused(desk)
    assert moving == (part("order", "pay"),)
    assert values(await desk.resume(Reply("yes", moving=moving))) == {"out": ["yes"]}


async def test_sets_do_not_move(peer, client):
    orders: list[list[int]] = []

    def pay(state: State) -> State:
        # 0, 8, 16 … fall on one place of a small hash table: the order of insertion shows.
        items = [0, 8, 16] if not orders else [16, 8, 0]
        shown, frozen = set(items), frozenset(items)
        orders.append(list(shown))
        return {"out": [interrupts.interrupt({"pay": shown, "frozen": frozen})]}

    desk = Desk(peer, client, chain(pay))
    await desk.start({"out": []})
    assert values(await desk.resume("yes")) == {"out": ["yes"]}
    assert orders[0] != orders[1]


async def test_a_tool_among_others_whose_question_moves_is_not_asked_for_ever(peer, client):
    now = itertools.count()

    @tool
    def ask(name: str) -> str:
        """Ask."""
        moving = {"at": next(now)} if name == "a" else {}
        return str(interrupts.interrupt({"name": name, **moving}))

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [{"id": name, "name": "ask", "args": {"name": name}} for name in ("a", "b")]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([ask]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    desk = Desk(peer, client, builder.compile())

    outcome = await desk.start({"messages": []})
    shown: dict[str, Any] = {}
    for _ in range(10):
        if not isinstance(outcome, Paused):
            break
        (question,) = asked(outcome)
        assert isinstance(question, dict)
        name = str(question["name"])
        moving = compare(shown.get(name, question), question) or ()
        assert (outcome.refused is None) == (not moving)
        shown[name] = question
        outcome = await desk.resume(Reply(f"for {name}", moving=moving))
    assert isinstance(outcome, Finished)
    results = [m.content for m in values(outcome)["messages"] if isinstance(m, ToolMessage)]
    assert results == ["for a", "for b"]


async def test_a_refused_answer_says_that_its_change_of_the_state_stays(peer, client):
    desk = Desk(peer, client, chain(clock()))
    await desk.start({"out": []})
    held = await desk.resume(Reply("yes", update={"out": ["added"]}))
    assert held.refused == (
        "the agent asked something else when it ran again, so decision 1 was not applied; "
        "what was decided about the state is written"
    )
    assert values(held) == {"out": ["added"]}
