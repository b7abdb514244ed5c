"""Answers go to the question they were given to; each hazard is shown on stock LangGraph too."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import RetryPolicy

from reviewconsole.protocol.fingerprint import question_digest
from reviewconsole.protocol.messages import Answer, Moving
from reviewconsole.protocol.moving import settle
from reviewconsole.protocol.plain import Plain
from reviewconsole.runner import interrupts, stored
from reviewconsole.runner.answers import AnswerBook, Asked, decision_of
from reviewconsole.runner.interrupts import interrupt
from reviewconsole.runner.stored import Unstorable
from tests.runner.answering import (
    CONFIG,
    State,
    answer_to,
    one_node,
    outcome,
    results,
    resume,
    resume_stock,
    resume_sync,
    two_payments,
    values_asked,
    waiting,
)

# A redelivered answer ------------------------------------------------------------------------


async def test_an_answer_delivered_twice_does_not_answer_the_next_question():
    graph = two_payments(interrupt)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    yes = answer_to(first, "yes", decision=1)

    await resume(graph, yes)
    assert await values_asked(graph) == ["pay 1000000?"]
    again = await resume(graph, yes)

    assert await values_asked(graph) == ["pay 1000000?"]
    assert again.consumed() == {1}  # by its own question, which the node asks again
    (second,) = await waiting(graph)
    assert second[1].id != first[1].id

    await resume(graph, yes, answer_to(second, "no", decision=2))
    assert await outcome(graph) == ["yes", "no"]


async def test_stock_langgraph_answers_the_next_question_with_a_redelivered_answer():
    graph = two_payments(interrupts.langgraph_interrupt)
    await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    await resume_stock(graph, first, "yes")
    await resume_stock(graph, first, "yes")
    assert await outcome(graph) == ["yes", "yes"]


# Parallel calls in one task ------------------------------------------------------------------


def two_transfers(ask: Any, *, asynchronous: bool) -> Any:
    """Two tools in one ToolNode; the first is slow on every execution but the first."""
    executions = {"alice": 0, "mallory": 0}

    def delay(payee: str) -> float:
        executions[payee] += 1
        first = executions[payee] == 1
        return 0.1 if first == (payee == "mallory") else 0.0

    def question(amount: int, payee: str) -> str:
        return f"{amount} EUR to {payee}"

    if asynchronous:

        @tool
        async def transfer(amount: int, payee: str) -> str:
            """Transfer money."""
            await asyncio.sleep(delay(payee))
            return f"{question(amount, payee)}: {ask(question(amount, payee))}"

    else:

        @tool
        def transfer(amount: int, payee: str) -> str:
            """Transfer money."""
            time.sleep(delay(payee))
            return f"{question(amount, payee)}: {ask(question(amount, payee))}"

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [
            {"id": "a", "name": "transfer", "args": {"amount": 1, "payee": "alice"}},
            {"id": "b", "name": "transfer", "args": {"amount": 1000000, "payee": "mallory"}},
        ]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([transfer]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    return builder.compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_parallel_tools_get_their_own_answers_in_whatever_order_they_ask(asynchronous):
    graph = two_transfers(interrupt, asynchronous=asynchronous)
    with AnswerBook().open():
        await graph.ainvoke({"messages": []}, CONFIG)
    answers: list[Answer] = []
    while asked := await waiting(graph):
        (one,) = asked
        verdict = "yes" if one[1].value == "1 EUR to alice" else "NO"
        answers.append(answer_to(one, verdict, decision=len(answers) + 1))
        await resume(graph, *answers)

    assert len(answers) == 2
    assert await results(graph) == ["1 EUR to alice: yes", "1000000 EUR to mallory: NO"]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_stock_langgraph_swaps_the_answers_of_parallel_tools(asynchronous):
    graph = two_transfers(interrupts.langgraph_interrupt, asynchronous=asynchronous)
    await graph.ainvoke({"messages": []}, CONFIG)
    swapped = []
    while asked := await waiting(graph):
        await resume_stock(graph, asked[0], f"answer to {asked[0][1].value!r}")
    for result in await results(graph):
        question, _, answer = result.partition(": ")
        swapped.append(answer != f"answer to {question!r}")
    assert any(swapped)


async def test_a_sync_graph_binds_answers_too():
    graph = two_payments(interrupt)
    with AnswerBook().open():
        graph.invoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    yes = answer_to(first, "yes", decision=1)
    resume_sync(graph, yes)
    resume_sync(graph, yes)
    (second,) = await waiting(graph)
    resume_sync(graph, yes, answer_to(second, "no", decision=2))
    assert await outcome(graph) == ["yes", "no"]


# One question, several times -----------------------------------------------------------------


async def test_a_question_asked_twice_in_one_node_takes_two_answers():
    def node(state: State) -> State:
        return {"out": [interrupt("sure?"), interrupt("sure?")]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    one = answer_to(first, "one", decision=1)
    await resume(graph, one, answer_to(first, "again", decision=7))  # one interrupt counts once
    (second,) = await waiting(graph)
    assert second[1].id != first[1].id
    await resume(graph, answer_to(second, "two", decision=2), one)
    assert await outcome(graph) == ["one", "two"]


async def test_a_question_that_changed_is_asked_again():
    now = iter(range(100))

    def node(state: State) -> State:
        return {"out": [interrupt({"at": next(now)})]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    book = await resume(graph, answer_to(first, "yes", decision=1))
    assert book.consumed() == frozenset()
    assert await values_asked(graph) == [{"at": 1}]


@pytest.mark.parametrize("value", [("a", 1), bytearray(b"x"), "\ud800", ValueError("x")])
async def test_a_question_that_the_store_changes_still_finds_its_answer(value):
    def node(state: State) -> State:
        return {"out": [interrupt(value)]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (asked,) = await waiting(graph)
    await resume(graph, answer_to(asked, {"ok": 2**60}, decision=1))
    assert await outcome(graph) == [{"ok": 2**60}]


async def test_a_question_that_cannot_be_stored_fails_where_it_is_asked():
    def node(state: State) -> State:
        return {"out": [interrupt(2**70)]}

    with AnswerBook().open(), pytest.raises(Unstorable, match="cannot store this int"):
        await one_node(node).ainvoke({"out": []}, CONFIG)


# Retries and records ------------------------------------------------------------------------


async def test_a_retried_node_takes_the_same_answers_again():
    attempts = []

    def node(state: State) -> State:
        got = [interrupt("a?"), interrupt("a?")]
        attempts.append(got)
        if len(attempts) == 1:
            raise ConnectionError
        return {"out": got}

    graph = one_node(node, retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    one = answer_to(first, 1, decision=1)
    await resume(graph, one)
    (second,) = await waiting(graph)
    await resume(graph, one, answer_to(second, 2, decision=2))
    assert attempts == [[1, 2], [1, 2]]


async def test_an_agent_cannot_change_an_answer_for_its_next_execution():
    def node(state: State) -> State:
        first = interrupt("first?")
        got = dict(first)
        first.clear()
        return {"out": [got, interrupt("second?")]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    one = answer_to(first, {"a": 1}, decision=1)
    await resume(graph, one)
    (second,) = await waiting(graph)
    await resume(graph, one, answer_to(second, 2, decision=2))
    assert await outcome(graph) == [{"a": 1}, 2]


async def test_what_was_taken_is_recorded_whole_beside_the_next_question():
    graph = two_payments(interrupt)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    await resume(graph, answer_to(first, "yes", decision=41))
    saved = await graph.checkpointer.aget_tuple(CONFIG)
    (recorded,) = [value for _, channel, value in saved.pending_writes if channel == "__resume__"]
    assert [decision_of(entry) for entry in recorded] == [41]
    assert [entry["value"] for entry in recorded] == ["yes"]


async def test_answers_stored_by_stock_langgraph_go_on_by_position():
    asked_by: list[Any] = [interrupts.langgraph_interrupt]

    def node(state: State) -> State:
        ask = asked_by[0]
        return {"out": [ask("one?"), ask("two?"), ask("three?")]}

    graph = one_node(node)
    await graph.ainvoke({"out": []}, CONFIG)
    await resume_stock(graph, (await waiting(graph))[0], "plain 1")
    assert await values_asked(graph) == ["two?"]

    asked_by[0] = interrupt
    await resume(graph)
    assert await values_asked(graph) == ["two?"]
    (second,) = await waiting(graph)
    two = answer_to(second, "bound 2", decision=2)
    await resume(graph, two)
    (third,) = await waiting(graph)
    await resume(graph, two, answer_to(third, "bound 3", decision=3))
    assert await outcome(graph) == ["plain 1", "bound 2", "bound 3"]


async def test_an_answer_without_its_question_never_reaches_one_that_waits():
    asked_by: list[Any] = [interrupts.langgraph_interrupt]
    order = ["one?", "two?"]

    def node(state: State) -> State:
        return {"out": [asked_by[0](question) for question in order]}

    graph = one_node(node)
    await graph.ainvoke({"out": []}, CONFIG)
    await resume_stock(graph, (await waiting(graph))[0], "for one")
    asked_by[0] = interrupt
    order.reverse()
    await resume(graph)
    assert await values_asked(graph) == ["two?"]


@pytest.mark.parametrize("change", [{"then": "skip"}, {"then": "finish"}, {"kind": "breakpoint"}])
async def test_a_decision_that_is_no_answer_is_given_to_no_question(change):
    graph = two_payments(interrupt)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    decided = dataclasses.replace(answer_to(first, None, decision=1), **change)
    assert (await resume(graph, decided)).consumed() == frozenset()
    assert await values_asked(graph) == ["pay 1?"]


def wire(to: str, call_id: str) -> Asked:
    value: Plain = {"question": "wire?", "to": to}
    origin = {"tool": "wire", "call_id": call_id}
    return Asked("task", "ns", value, question_digest(value), origin, None, list)  # type: ignore[arg-type]  # nothing of it is executed


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        (wire("alice", "call_1"), True),
        (wire("alice@example.com", "call_1"), True),  # the part that may move
        (wire("mallory", "call_2"), False),  # another call, though only that part differs
        (wire("alice", "call_2"), False),
    ],
)
def test_an_answer_that_leaves_parts_open_stays_with_its_call(asked, fits):
    moving = (Moving('["to"]', "value"),)
    digest = question_digest(settle({"question": "wire?", "to": "alice"}, moving))
    origin = {"tool": "wire", "call_id": "call_1"}
    answer = Answer(
        decision=1, kind="interrupt", interrupt_id="i", task_id="task", fingerprint="f",
        digest=digest, value=stored.store("yes"), settled=False, moving=moving, origin=origin,
    )  # fmt: skip
    assert asked.is_answered_by(answer) is fits
