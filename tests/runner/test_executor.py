"""A run from its assignment to its outcome: what it asks, and what holds or fails it."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from reviewconsole.protocol.messages import (
    Applied,
    Failed,
    Finished,
    Paused,
    RefusalCode,
    Refused,
)
from reviewconsole.runner import interrupts
from tests.runner.executing import Desk, State, ask, asked, chain, values
from tests.runner.peer import Peer


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()


def twice(state: State) -> State:
    return {"out": [interrupts.interrupt("pay 1?"), interrupts.interrupt("pay 1000000?")]}


async def test_a_run_asks_is_answered_and_finishes(peer, client):
    desk = Desk(peer, client, chain(ask))
    paused = await desk.start({"out": ["in"]})
    assert asked(paused) == [{"query": "ready?"}]
    assert (paused.next, values(paused), paused.refused) == (("ask",), {"out": ["in"]}, None)
    (question,) = paused.interrupts
    assert (question.kind, question.node, question.ns) == ("interrupt", "ask", "")
    assert paused.checkpoint_id == desk.head()

    resumed = desk.decide({"data": 2**60})
    finished = await desk.execute(resumed)
    assert isinstance(finished, Finished)
    assert values(finished) == {"out": ["in", {"data": 2**60}]}
    assert finished.checkpoint_id == desk.head()
    assert desk.delivered(resumed)
    assert desk.applied(resumed) == [1]


async def test_two_questions_of_one_node_are_two_pauses_at_one_checkpoint(peer, client):
    desk = Desk(peer, client, chain(twice))
    first = await desk.start({"out": []})
    second = await desk.resume("yes")
    assert asked(second) == ["pay 1000000?"]
    assert second.checkpoint_id == first.checkpoint_id
    assert second.interrupts[0].fingerprint != first.interrupts[0].fingerprint
    last = desk.decide("no")
    assert [answer.settled for answer in last.answers] == [True, False]
    assert values(await desk.execute(last)) == {"out": ["yes", "no"]}


async def test_parallel_questions_are_one_pause(peer, client):
    def fan(state: State) -> list[Send]:
        return [Send("work", name) for name in ("a", "b")]

    def work(name: Any) -> Any:
        return {"out": [f"{name}: {interrupts.interrupt('go?')}"]}

    builder = StateGraph(State)
    builder.add_node("work", cast(Any, work))
    builder.add_conditional_edges(START, fan, ["work"])
    desk = Desk(peer, client, builder.compile())
    paused = await desk.start({"out": []})
    assert asked(paused) == ["go?", "go?"]
    assert len({question.fingerprint for question in paused.interrupts}) == 2
    assert values(await desk.resume("A", "B")) == {"out": ["a: A", "b: B"]}


async def test_a_question_inside_a_nested_graph_names_its_place(peer, client):
    inner = chain(ask)
    outer = StateGraph(State)
    outer.add_node("nested", inner)
    outer.add_edge(START, "nested")
    desk = Desk(peer, client, outer.compile())
    paused = await desk.start({"out": []})
    (question,) = paused.interrupts
    assert question.node == "ask"
    assert question.ns.startswith("nested:")
    assert paused.next == ("nested",)
    assert values(await desk.resume("in")) == {"out": ["in"]}


async def test_the_context_is_passed_at_every_resume(peer, client):
    class Context(BaseModel):
        user: str

    def who(state: State, runtime: Any) -> State:
        return {"out": [runtime.context.user, interrupts.interrupt("?"), runtime.context.user]}

    desk = Desk(peer, client, chain(who, context_schema=Context), context={"user": "ann"})
    await desk.start({"out": []})
    assert values(await desk.resume(1)) == {"out": ["ann", 1, "ann"]}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_parallel_tools_keep_their_answers_until_their_question_comes_up(
    peer, client, asynchronous
):
    """The first question is late at every execution but the first: the other is asked before."""
    executions = {"a": 0, "b": 0}

    def late(name: str) -> bool:
        executions[name] += 1
        return (executions[name] == 1) == (name == "b")

    if asynchronous:

        @tool
        async def ask_for(name: str) -> str:
            """Ask."""
            await asyncio.sleep(0.1 * late(name))
            return f"{name}: {interrupts.interrupt(f'{name}?')}"

    else:

        @tool
        def ask_for(name: str) -> str:
            """Ask."""
            time.sleep(0.1 * late(name))
            return f"{name}: {interrupts.interrupt(f'{name}?')}"

    def model(state: MessagesState) -> dict[str, Any]:
        calls = [{"id": name, "name": "ask_for", "args": {"name": name}} for name in ("a", "b")]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", model)
    builder.add_node("tools", ToolNode([ask_for]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "tools")
    desk = Desk(peer, client, builder.compile())

    outcome = await desk.start({"messages": []})
    decisions: list[Any] = []
    while isinstance(outcome, Paused):
        assert outcome.refused is None
        decisions += asked(outcome)
        outcome = await desk.resume(f"for {decisions[-1]}")
    assert decisions == ["a?", "b?"]
    results = [m.content for m in values(outcome)["messages"] if isinstance(m, ToolMessage)]
    assert results == ["a: for a?", "b: for b?"]
    assert sorted({d for each in peer.of(Applied) for d in each.decisions}) == [1, 2]


# Held or failed ------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["fingerprint", "missing", "additional"])
async def test_a_pause_that_differs_from_what_was_decided_is_not_resumed(peer, client, change):
    desk = Desk(peer, client, chain(ask))
    paused = await desk.start({"out": []})
    run = desk.decide("yes")
    (answer,) = run.answers
    fields = {name: getattr(answer, name) for name in answer.__slots__}
    other = type(answer)(**(fields | {"decision": 9, "fingerprint": "0" * 64}))
    desk.answers = {"fingerprint": (other,), "missing": (), "additional": (answer, other)}[change]
    run = desk._assignment("resume", None)
    held = await desk.execute(run)
    assert asked(held) == asked(paused)
    assert (
        held.refused
        == {
            "fingerprint": "nothing was resumed: ask asks something that was not decided; "
            "what decision 9 was made for is not asked now",
            "missing": "nothing was resumed: ask asks something that was not decided",
            "additional": "nothing was resumed: what decision 9 was made for is not asked now",
        }[change]
    )
    assert not desk.delivered(run)
    assert desk.applied(run) == []


async def test_a_question_that_changes_is_asked_again_and_says_so(peer, client):
    now = iter(range(10))

    def clock(state: State) -> State:
        return {"out": [interrupts.interrupt({"at": next(now)})]}

    desk = Desk(peer, client, chain(clock))
    await desk.start({"out": []})
    run = desk.decide("yes")
    held = await desk.execute(run)
    assert asked(held) == [{"at": 1}]
    assert held.refused == (
        "the agent asked something else when it ran again, so decision 1 was not applied"
    )
    assert desk.applied(run) == []


async def test_an_answer_that_the_agent_does_not_take_can_be_given_again(peer, client):
    class Verdict(BaseModel):
        ok: bool

    def typed(state: State) -> State:
        return {"out": [interrupts.interrupt("ok?", response_schema=Verdict).ok]}

    desk = Desk(peer, client, chain(typed))
    paused = await desk.start({"out": []})
    assert paused.interrupts[0].response_schema == Verdict.model_json_schema()
    held = await desk.resume({"nope": 1})
    assert asked(held) == ["ok?"]
    assert held.refused.startswith("nothing was resumed: the agent does not take this answer: 1 va")
    assert values(await desk.resume({"ok": True})) == {"out": [True]}


async def test_a_failing_node_fails_the_run_and_keeps_the_state(peer, client):
    def fine(state: State) -> State:
        return {"out": ["fine"]}

    def broken(state: State) -> State:
        raise ValueError("no such account \ud800")

    outcome = await Desk(peer, client, chain(fine, broken)).start({"out": []})
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message) == ("ValueError", "no such account \\ud800")
    assert outcome.traceback.rstrip().splitlines()[-2] == "ValueError: no such account \\ud800"
    assert values(outcome) == {"out": ["fine"]}


async def test_a_node_that_fails_on_an_answer_has_taken_it(peer, client):
    def broken(state: State) -> State:
        raise ValueError(interrupts.interrupt("?"))

    desk = Desk(peer, client, chain(broken))
    await desk.start({"out": []})
    run = desk.decide("bad")
    assert isinstance(await desk.execute(run), Failed)
    assert desk.applied(run) == [1]


async def test_a_question_that_cannot_be_stored_fails_the_run_with_the_reason(peer, client):
    def deep(state: State) -> State:
        return {"out": [interrupts.interrupt(2**70)]}

    outcome = await Desk(peer, client, chain(deep)).start({"out": []})
    assert isinstance(outcome, Failed)
    assert outcome.error == "Unstorable"
    assert outcome.message.startswith("LangGraph cannot store this int: ")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (
            [Interrupt("one?", "same"), Interrupt("two?", "same")],
            "by_hand raises several interrupts with the id 'same', so no answer would be of one of "
            "them; give each an id of its own, or call interrupt()",
        ),
        (
            [Interrupt("?", "a\0b")],
            "by_hand raises an interrupt with the id 'a\\x00b'; an id is a printable text of at "
            "most 128 characters, as interrupt() makes it",
        ),
        (
            [Interrupt("?", "a" * 129)],
            f"by_hand raises an interrupt with the id '{'a' * 128}'; an id is a printable text of "
            "at most 128 characters, as interrupt() makes it",
        ),
        (
            [Interrupt("?", "id", response_schema={"enum": {1}})],
            "the response_schema of by_hand's interrupt is not JSON, as a JSON Schema is: Object "
            "of type set is not JSON serializable",
        ),
    ],
    ids=["one id twice", "unprintable", "long", "schema"],
)
async def test_a_question_raised_by_hand_that_nobody_could_answer_fails_the_run(
    peer, client, raised, message
):
    def by_hand(state: State) -> State:
        raise GraphInterrupt(tuple(raised))

    outcome = await Desk(peer, client, chain(by_hand)).start({"out": []})
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message) == ("Unanswerable", message)


async def test_nothing_runs_while_answers_would_go_by_position(peer, client, monkeypatch):
    monkeypatch.setattr("langgraph.types.interrupt", lambda value: "yes")
    outcome = await Desk(peer, client, chain(ask)).start({"out": []})
    assert isinstance(outcome, Failed)
    assert outcome.error == "NotInForce"


async def test_the_recursion_limit_fails_the_run(peer, client):
    def loop(state: State) -> State:
        return {"out": [1]}

    builder = StateGraph(State)
    builder.add_node("loop", loop)
    builder.add_edge(START, "loop")
    builder.add_edge("loop", "loop")
    outcome = await Desk(peer, client, builder.compile(), recursion_limit=3).start({"out": []})
    assert isinstance(outcome, Failed)
    assert outcome.error == "GraphRecursionError"


async def test_a_graph_that_stops_and_does_not_show_why_is_failed_not_passed(peer, client):
    def inner(state: State) -> State:
        raise AssertionError("must not run")

    hidden = {"graph": chain(inner).copy(update={"interrupt_before_nodes": ["inner"]})}

    def outer(state: State) -> State:
        return {"out": hidden["graph"].invoke({"out": []})["out"]}

    outcome = await Desk(peer, client, chain(outer)).start({"out": []})
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message) == (
        "Stalled",
        "the stream has ended before outer, and neither a question nor a breakpoint that "
        "LangGraph shows explains it",
    )


async def test_a_state_that_is_too_large_to_report_does_not_hide_the_pause(connect):
    def grow(state: State) -> State:
        return {"out": ["x" * 10_000]}

    builder = StateGraph(State)
    names = [f"grow {i}" for i in range(8)]
    for name in names:
        builder.add_node(name, grow)
    builder.add_node("ask", ask)
    for before, after in itertools.pairwise([START, *names, "ask"]):
        builder.add_edge(before, after)
    with Peer(max_frame_bytes=64_000) as peer:
        desk = Desk(peer, connect(peer), builder.compile())
        paused = await desk.start({"out": []})
        assert asked(paused) == [{"query": "ready?"}]
        assert values(paused) is None
        finished = await desk.resume("yes")
        assert isinstance(finished, Finished)


async def test_a_pause_that_the_console_does_not_take_fails_the_run(peer, client):
    def refuse(request: Any) -> Refused | None:
        wanted = isinstance(request, Paused)
        return Refused(RefusalCode.INVALID, "unreadable") if wanted else None

    peer.answer_instead = refuse
    desk = Desk(peer, client, chain(ask))
    run = desk.begin({"out": []})
    await desk.execution(run).run()
    failed = desk.outcomes(run.lease)[-1]
    assert (failed.error, failed.message) == ("Refusal", "unreadable (invalid)")
