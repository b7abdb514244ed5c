"""Answers go to the question they were given to; each hazard is shown on stock LangGraph too."""

from __future__ import annotations

import asyncio
import contextvars
import operator
import subprocess
import sys
import threading
import time
from typing import Annotated, Any, cast

import langgraph.types
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt, is_invalid_resume
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import RetryPolicy, Send
from pydantic import BaseModel, ValidationError
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Answer
from reviewconsole.runner import interrupts
from reviewconsole.runner.answers import AnswerBook, decision_of
from reviewconsole.runner.interrupts import interrupt
from reviewconsole.runner.stored import Unstorable
from tests.runner.answering import (
    CONFIG,
    answer_to,
    resume,
    resume_stock,
    resume_sync,
    values_asked,
    waiting,
)

CALLS = 4


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]


def one_node(node: Any, **options: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node, **options)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile(checkpointer=InMemorySaver())


async def outcome(graph: Any) -> Any:
    return (await graph.aget_state(CONFIG)).values.get("out")


# A redelivered answer ------------------------------------------------------------------------


def two_payments(ask: Any) -> Any:
    def pay(state: State) -> State:
        return {"out": [ask("pay 1?"), ask("pay 1000000?")]}

    return one_node(pay)


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


async def results(graph: Any) -> list[Any]:
    state = await graph.aget_state(CONFIG)
    return [m.content for m in state.values["messages"] if isinstance(m, ToolMessage)]


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


# Where graphs ask ----------------------------------------------------------------------------


async def test_send_tasks_with_one_question_each_take_their_own_answers():
    def fan(state: State) -> list[Send]:
        return [Send("work", name) for name in ("a", "b", "c")]

    def work(name: Any) -> Any:
        return {"out": [f"{name}={interrupt('go?')}"]}

    builder = StateGraph(State)
    builder.add_node("work", cast(Any, work))
    builder.add_conditional_edges(START, fan, ["work"])
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    asked = await waiting(graph)
    await resume(graph, answer_to(asked[1], "B", decision=1))
    assert [question.id for _, question in await waiting(graph)] == [
        asked[0][1].id,
        asked[2][1].id,
    ]
    await resume(graph, answer_to(asked[2], "C", decision=2), answer_to(asked[0], "A", decision=3))
    assert await outcome(graph) == ["a=A", "b=B", "c=C"]


@pytest.mark.parametrize("checkpointer", [None, True], ids=["inherited", "kept"])
async def test_a_nested_graph_takes_its_answers(checkpointer):
    def inner(state: State) -> State:
        return {"out": [interrupt("first?"), interrupt("second?")]}

    nested = StateGraph(State)
    nested.add_node("inner", inner)
    nested.add_edge(START, "inner")
    outer = StateGraph(State)
    outer.add_node("nested", nested.compile(checkpointer=checkpointer))
    outer.add_edge(START, "nested")
    graph: Any = outer.compile(checkpointer=InMemorySaver())
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    one = answer_to(first, 1, decision=1)
    await resume(graph, one)
    (second,) = await waiting(graph)
    await resume(graph, one, answer_to(second, 2, decision=2))
    assert await outcome(graph) == [1, 2]


async def test_a_graph_that_a_tool_invokes_takes_its_answers():
    def inner(state: State) -> State:
        return {"out": [interrupt("inside?")]}

    nested = one_node(inner)
    nested.checkpointer = None

    hidden = {"graph": nested}  # LangGraph finds a graph that the function names, not this one

    def node(state: State) -> State:
        return {"out": hidden["graph"].invoke({"out": []})["out"]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (asked,) = await waiting(graph)
    book = await resume(graph, answer_to(asked, "in", decision=1))
    assert book.consumed() == {1}
    assert await outcome(graph) == ["in"]


async def test_tasks_of_the_functional_api_take_their_own_answers():
    @task
    def approve(name: str) -> str:
        return f"{name}={interrupt('approve?')}"

    @entrypoint(checkpointer=InMemorySaver())
    def workflow(names: list[str]) -> list[str]:
        return [future.result() for future in [approve(name) for name in names]]

    with AnswerBook().open():
        await workflow.ainvoke(["a", "b"], CONFIG)
    answers: list[Answer] = []
    while asked := await waiting(workflow):
        answers.append(answer_to(asked[0], f"#{len(answers) + 1}", decision=len(answers) + 1))
        await resume(workflow, *answers)
    assert len(answers) == 2
    assert sorted((await workflow.aget_state(CONFIG)).values) in (
        ["a=#1", "b=#2"],
        ["a=#2", "b=#1"],
    )


async def test_threads_that_ask_one_question_at_once_take_one_answer_each():
    @tool
    def ask(n: int) -> str:
        """Ask."""
        start.wait()
        return str(interrupt("same?"))

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [{"id": str(n), "name": "ask", "args": {"n": n}} for n in range(CALLS)]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([ask]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    graph: Any = builder.compile(checkpointer=InMemorySaver())

    answers: list[Answer] = []
    start = threading.Barrier(CALLS, timeout=10)
    with AnswerBook().open():
        await graph.ainvoke({"messages": []}, CONFIG)
    while asked := await waiting(graph):
        answers.append(answer_to(asked[0], len(answers), decision=len(answers) + 1))
        await resume(graph, *answers)
    assert sorted(await results(graph)) == [str(n) for n in range(CALLS)]


# Schemas, retries, records -------------------------------------------------------------------


class Verdict(BaseModel):
    ok: bool


async def test_an_answer_against_the_schema_is_not_saved_and_can_be_given_again():
    def node(state: State) -> State:
        return {"out": [interrupt("ok?", response_schema=Verdict).ok]}

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (asked,) = await waiting(graph)
    assert asked[1].response_schema == Verdict.model_json_schema()
    with pytest.raises(ValidationError) as failure:
        await resume(graph, answer_to(asked, {"nope": 1}, decision=1))
    assert is_invalid_resume(failure.value)

    assert await waiting(graph) == [asked]
    await resume(graph, answer_to(asked, {"ok": True}, decision=2))
    assert await outcome(graph) == [True]


async def test_a_node_that_catches_the_refusal_and_asks_on_is_not_answered_by_the_same():
    def node(state: State) -> State:
        while True:
            try:
                return {"out": [interrupt("ok?", response_schema=Verdict).ok]}
            except ValidationError:
                continue

    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    (asked,) = await waiting(graph)
    book = await resume(graph, answer_to(asked, {"nope": 1}, decision=1))
    assert book.consumed() == frozenset()
    assert await values_asked(graph) == ["ok?"]


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


# In force ------------------------------------------------------------------------------------


async def test_an_agent_that_reaches_langgraphs_own_interrupt_is_asked_again_not_answered():
    graph = two_payments(interrupts.langgraph_interrupt)
    await graph.ainvoke({"out": []}, CONFIG)
    (first,) = await waiting(graph)
    book = await resume(graph, answer_to(first, "yes", decision=1))
    assert book.consumed() == frozenset()
    assert await values_asked(graph) == ["pay 1?"]


async def test_a_tool_that_outlives_its_run_is_given_nothing():
    inside, over = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def late() -> None:
        inside.set()
        over.wait(10)
        try:
            interrupt("late?")
        except GraphInterrupt as asked:
            raised.append(asked)

    def node(state: State) -> State:
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: context.run(late))
        threads.append(thread)
        thread.start()
        return {"out": [interrupt("now?")]}

    threads: list[threading.Thread] = []
    graph = one_node(node)
    with AnswerBook().open():
        await graph.ainvoke({"out": []}, CONFIG)
    over.set()
    for thread in threads:
        thread.join(10)
    assert len(raised) == 1


def test_outside_of_a_run_it_is_langgraphs_own():
    graph = two_payments(interrupt)
    graph.invoke({"out": []}, CONFIG)
    graph.invoke(langgraph.types.Command(resume="plain"), CONFIG)
    assert graph.get_state(CONFIG).interrupts[0].value == "pay 1000000?"


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_install_replaces_it_wherever_it_is_bound():
    printed = run_python(
        "import langgraph.types, langgraph.func\n"
        "from langchain.agents.middleware import human_in_the_loop as before\n"
        "from reviewconsole.runner import interrupts\n"
        "interrupts.install(); interrupts.install(); interrupts.require_in_force(everywhere=True)\n"
        "from langgraph.types import interrupt\n"
        "print(interrupt is interrupts.interrupt, before.interrupt is interrupts.interrupt)"
    )
    assert printed == "True True\n"


@pytest.mark.parametrize("intruder", ["interrupts.langgraph_interrupt", "lambda value: 'yes'"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_it_is_noticed_when_the_replacement_is_not_in_force(intruder, everywhere):
    printed = run_python(
        "import langgraph.types\n"
        "from reviewconsole.runner import interrupts\n"
        "interrupts.install()\n"
        f"langgraph.types.interrupt = {intruder}\n"
        f"try: interrupts.require_in_force(everywhere={everywhere})\n"
        "except interrupts.NotInForce as error: print(error)"
    )
    assert printed == (
        "langgraph.types.interrupt is not the runner's interrupt, so answers would go by position; "
        "nothing may replace it after the runner has started\n"
    )


def test_a_module_that_kept_langgraphs_own_is_named():
    printed = run_python(
        "import types, sys\n"
        "from reviewconsole.runner import interrupts\n"
        "interrupts.install()\n"
        "sys.modules['stale'] = types.ModuleType('stale')\n"
        "sys.modules['stale'].ask = interrupts.langgraph_interrupt\n"
        "try: interrupts.require_in_force(everywhere=True)\n"
        "except interrupts.NotInForce as error: print(str(error)[:40])"
    )
    assert printed == "stale.ask is not the runner's interrupt,\n"
