"""The runner's `interrupt`: schemas as LangGraph takes them, and in force wherever it is bound."""

from __future__ import annotations

import contextvars
import subprocess
import sys
import threading

import langgraph.types
import pytest
from langgraph.errors import GraphInterrupt, is_invalid_resume
from pydantic import BaseModel, ValidationError

from reviewconsole.runner import interrupts
from reviewconsole.runner.answers import AnswerBook
from reviewconsole.runner.interrupts import interrupt
from tests.runner.answering import (
    CONFIG,
    State,
    answer_to,
    one_node,
    outcome,
    resume,
    two_payments,
    values_asked,
    waiting,
)


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
