"""Tool calls whose task runs again: what has ended is answered, and each effect happens once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, InjectedToolArg, InjectedToolCallId, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy, interrupt

from reviewconsole.protocol.messages import (
    CallEnded,
    CallTool,
    Finished,
    Outcome,
    RefusalCode,
    Refused,
    Verdict,
)
from reviewconsole.runner import interrupts, stored, tools
from reviewconsole.runner.journal import CallName
from tests.runner.executing import asked
from tests.runner.gating import APPROVE, call, calling, edit, one_node, questions, results
from tests.runner.journalling import JournalDesk

REJECT = {"type": "reject", "message": "too much"}


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


@pytest.fixture
def effects() -> list[Any]:
    """What tools did, in order."""
    return []


@pytest.fixture
def desk(peer, client) -> Callable[..., JournalDesk]:
    return lambda graph, **verdicts: JournalDesk(peer, client, graph, **verdicts)


@pytest.fixture
def pay(effects: list[Any]) -> BaseTool:
    @tool
    def pay(amount: int) -> str:
        """Pay money."""
        effects.append(("pay", amount))
        return f"paid {amount}"

    return pay


@pytest.fixture
def log(effects: list[Any]) -> BaseTool:
    @tool
    async def log(text: str) -> str:
        """Write a line."""
        effects.append(("log", text))
        return f"wrote {text}"

    return log


@tool
def ask(text: str) -> str:
    """Ask a person."""
    return str(interrupt(text))


def then_ask(work: Callable[[Any], Any], **options: Any) -> Any:
    """A graph of one node that works, and asks a person afterwards."""

    async def node(state: Any) -> Any:
        done = await work(state)
        interrupt("go on?")
        return {"messages": [ToolMessage(str(done), tool_call_id="c0")]}

    builder = StateGraph(MessagesState)
    builder.add_node("node", node, **options)
    builder.add_edge(START, "node")
    return builder.compile()


def texts(outcome: Any) -> list[str]:
    return [text for _, _, text in results(outcome)]


async def test_four_calls_of_one_task_act_once_each(pay, log, effects, desk):
    """One of two that are held is edited, and one rejected: the others run beside them."""
    at = desk(one_node(ToolNode([pay, log])), pay=Verdict.REVIEW)
    outcome = await at.start(
        calling(
            call("log", "c1", text="a"),
            call("pay", "c2", amount=40),
            call("log", "c3", text="b"),
            call("pay", "c4", amount=5000),
        )
    )
    while not isinstance(outcome, Finished):
        (question,) = questions(outcome)
        is_large = question["args"]["amount"] == 5000
        outcome = await at.resume(REJECT if is_large else edit("pay", amount=4))
    assert sorted(effects) == [("log", "a"), ("log", "b"), ("pay", 4)]
    assert texts(outcome) == [
        "wrote a",
        "paid 4",
        "wrote b",
        "User rejected the tool call for `pay` with reason: too much",
    ]
    assert sorted(at.told, key=str) == [
        ("log", {"text": "a"}, "finished"),
        ("log", {"text": "b"}, "finished"),
        ("pay", {"amount": 4}, "finished"),
    ]


async def test_calls_by_hand_without_ids_are_told_apart_by_their_turn(pay, effects, desk):
    async def work(state: Any) -> Any:
        return [await pay.ainvoke({"amount": amount}) for amount in (1, 2, 1, 1)]

    at = desk(then_ask(work))
    await at.start({"messages": []})
    outcome = await at.resume("yes")
    assert texts(outcome) == ["['paid 1', 'paid 2', 'paid 1', 'paid 1']"]
    assert effects == [("pay", 1), ("pay", 2), ("pay", 1), ("pay", 1)]


async def test_the_same_call_twice_in_one_task_runs_twice(pay, effects, desk):
    async def work(state: Any) -> Any:
        made = call("pay", "c1", amount=1)
        return [(await pay.ainvoke(made)).content, pay.invoke(made).content]

    at = desk(then_ask(work))
    await at.start({"messages": []})
    assert texts(await at.resume("yes")) == ["['paid 1', 'paid 1']"]
    assert effects == [("pay", 1), ("pay", 1)]
    assert len({each.execution for each in at.peer.of(CallTool)}) == 4
    assert [each.occurrence for each in at.peer.of(CallTool)] == [0, 1, 0, 1]


async def test_calls_with_other_injected_arguments_are_other_calls(effects, desk):
    @tool
    def pay(amount: int, account: Annotated[str, InjectedToolArg]) -> str:
        """Pay money."""
        effects.append(account)
        return f"paid {account}"

    async def work(state: Any) -> Any:
        for account in [each for each in ("A", "B") if each not in effects]:
            assert pay.invoke({"amount": 3, "account": account}) == f"paid {account}"
            interrupt(f"paid {account}; go on?")

    at = desk(one_node(work))
    await at.start({"messages": []})
    await at.resume("yes")
    assert effects == ["A", "B"]


async def test_a_retry_answers_what_has_ended_and_runs_what_failed_again(pay, effects, desk):
    @tool
    def flaky(text: str) -> str:
        """Fail once."""
        effects.append(text)
        if effects.count(text) == 1:
            raise ConnectionError("away")
        return "sent"

    async def work(state: Any) -> Any:
        return [await pay.ainvoke({"amount": 1}), await flaky.ainvoke({"text": "x"})]

    at = desk(then_ask(work, retry_policy=RetryPolicy(initial_interval=0.01)))
    await at.start({"messages": []})
    assert texts(await at.resume("yes")) == ["['paid 1', 'sent']"]
    assert effects == [("pay", 1), "x", "x"]
    assert at.told == [
        ("pay", {"amount": 1}, "finished"),
        ("flaky", {"text": "x"}, "failed"),
        ("flaky", {"text": "x"}, "finished"),
    ]


# Calls that calls make ---------------------------------------------------------------------------


async def test_what_an_answered_call_made_is_not_taken_for_the_next_call_alike(pay, effects, desk):
    @tool
    async def settle() -> str:
        """Pay what is due."""
        return str(await pay.ainvoke({"amount": 7}))

    async def node(state: Any) -> Any:
        await settle.ainvoke({})
        interrupt("again?")
        return {"messages": [ToolMessage(await pay.ainvoke({"amount": 7}), tool_call_id="c0")]}

    at = desk(one_node(node))
    await at.start({"messages": []})
    assert texts(await at.resume("yes")) == ["paid 7"]
    assert effects == [("pay", 7), ("pay", 7)]
    assert [name for name, _, _ in at.told] == ["settle", "pay", "pay"]


async def test_a_call_that_paused_runs_again_and_what_it_made_is_answered(pay, effects, desk):
    @tool
    async def settle() -> str:
        """Pay, and ask whether that is right."""
        paid = await pay.ainvoke({"amount": 7})
        effects.append("settle")
        return f"{paid}: {interrupt('right?')}"

    at = desk(one_node(ToolNode([settle])))
    await at.start(calling(call("settle", "c1")))
    assert texts(await at.resume("yes")) == ["paid 7: yes"]
    assert effects == [("pay", 7), "settle", "settle"]
    assert [(name, outcome) for name, _, outcome in at.told] == [
        ("settle", "paused"),
        ("pay", "finished"),
        ("settle", "finished"),
    ]


async def test_graphs_that_tools_run_keep_their_places(effects, desk):
    """The first is answered and begins none: the second one's must not take its place."""

    def research(state: MessagesState) -> Any:
        (topic,) = [message.content for message in state["messages"]]
        effects.append(topic)
        return {"messages": [f"{topic}: {interrupt(topic) if topic == 'b' else 'found'}"]}

    inside = one_node(research)

    @tool
    async def look(topic: str) -> str:
        """Look something up."""
        return str((await inside.ainvoke({"messages": [topic]}))["messages"][-1].content)

    async def node(state: Any) -> Any:
        return {
            "messages": [
                await look.ainvoke(call("look", "c1", topic="a")),
                await look.ainvoke(call("look", "c2", topic="b")),
            ]
        }

    at = desk(one_node(node))
    await at.start({"messages": []})
    assert texts(await at.resume("yes")) == ["a: found", "b: yes"]
    assert effects == ["a", "b", "b"]


# Calls that are still at work --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a coroutine", "a function", "a function in a thread"])
async def test_a_call_that_outlives_its_pause_is_waited_for(kind, effects, desk):
    may_end = threading.Event()
    runs = threading.Semaphore(0)

    def work(text: str) -> str:
        effects.append(text)
        runs.release()
        assert may_end.wait(30)
        return "done"

    async def work_async(text: str) -> str:
        return await asyncio.to_thread(work, text)

    class Slow(BaseTool):
        name: str = "slow"
        description: str = "Take long."

        def _run(self, text: str) -> str:
            return work(text)

    @tool
    def slow(text: str) -> str:
        """Take long."""
        return work(text)

    @tool("slow")
    async def slow_async(text: str) -> str:
        """Take long."""
        return await work_async(text)

    chosen = {
        "a coroutine": slow_async,
        "a function": slow,
        "a function in a thread": Slow(),
    }[kind]

    @tool
    async def ask_then(text: str) -> str:
        """Ask once the other works."""
        await asyncio.to_thread(runs.acquire)
        runs.release()
        return str(interrupt(text))

    at = desk(one_node(ToolNode([chosen, ask_then])))
    paused = await at.start(
        calling(call("slow", "c1", text="x"), call("ask_then", "c2", text="go on?"))
    )
    assert asked(paused) == ["go on?"]
    resumed = asyncio.create_task(at.resume("yes"))
    asyncio.get_running_loop().call_later(0.3, may_end.set)
    assert texts(await resumed) == ["done", "yes"]
    assert effects == ["x"]
    assert ("slow", {"text": "x"}, "finished") in at.told


async def test_a_call_that_is_cut_off_is_in_doubt(desk, effects):
    begun = asyncio.Event()

    @tool
    async def slow(text: str) -> str:
        """Take for ever."""
        effects.append(text)
        begun.set()
        await asyncio.Event().wait()
        return "never"

    at = desk(one_node(ToolNode([slow])))
    assignment = at.begin(calling(call("slow", "c1", text="x")))
    execution = asyncio.create_task(at.execute(assignment))
    await begun.wait()
    execution.cancel()
    with pytest.raises(asyncio.CancelledError):
        await execution
    again = await at.execute(at.again(assignment))
    (question,) = questions(again)
    assert question["doubt"] == {
        "effect": 1,
        "tool": "slow",
        "started_at": "2026-11-22T12:03:00+00:00",
        "runner": "host:1",
        "what": "no_end",
        "error": "CancelledError",
    }
    assert effects == ["x"]


async def test_a_function_in_a_thread_tells_its_end_after_its_run_was_cut_off(desk, effects):
    may_end, begun = threading.Event(), threading.Event()

    class Slow(BaseTool):
        name: str = "slow"
        description: str = "Take long, in a thread that nobody can stop."

        def _run(self, text: str) -> str:
            effects.append(text)
            begun.set()
            assert may_end.wait(30)
            return "done"

    at = desk(one_node(ToolNode([Slow()])))
    assignment = at.begin(calling(call("slow", "c1", text="x")))
    execution = asyncio.create_task(at.execute(assignment))
    assert await asyncio.to_thread(begun.wait, 30)
    execution.cancel()
    with pytest.raises(asyncio.CancelledError):
        await execution
    again = asyncio.create_task(at.execute(at.again(assignment)))
    asyncio.get_running_loop().call_later(0.1, may_end.set)
    assert texts(await again) == ["done"]
    assert effects == ["x"]
    assert at.told == [("slow", {"text": "x"}, "finished")]


def test_a_copy_of_a_thread_keeps_the_places_of_what_its_tools_run():
    one, copy = (CallName(thread, "n:1", "", "pay", "c1", "", 0) for thread in ("t", "copy"))
    assert one.key == copy.key
    assert one != copy


# Calls in doubt ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "text", "done", "outcomes"),
    [
        (APPROVE, "paid 3", [("pay", 3)], [None, "finished"]),
        ({"type": "respond", "message": "paid by hand"}, "paid by hand", [], ["given"]),
        (
            {"type": "reject", "message": "see the books"},
            "Nobody can say whether this call of `pay` has done its work: it was cut off. It was "
            "not run again. The reviewer says: see the books",
            [],
            [None],
        ),
    ],
    ids=["run again", "its result", "leave it"],
)
async def test_a_call_in_doubt_does_what_a_person_says(
    decision, text, done, outcomes, pay, effects, desk
):
    at = desk(one_node(ToolNode([pay])))
    at.lost.add("pay")
    paused = await at.start(calling(call("pay", "c1", amount=3)))
    (question,) = questions(paused)
    assert question | {"doubt": None} == {
        "type": "tool_approval",
        "tool_call_id": "c1",
        "name": "pay",
        "args": {"amount": 3},
        "description": "",
        "gate": "console",
        "doubt": None,
    }
    schema = paused.interrupts[0].response_schema
    assert sorted(schema["discriminator"]["mapping"]) == ["approve", "reject", "respond"]
    assert effects == []
    assert texts(await at.resume(decision)) == [text]
    assert effects == done
    assert [outcome for _, _, outcome in at.told] == outcomes


async def test_a_result_that_a_person_gives_yields_to_the_one_that_came_late(pay, effects, desk):
    """Then the console says what the call returned."""
    at = desk(one_node(ToolNode([pay])))
    at.lost.add("pay")
    await at.start(calling(call("pay", "c1", amount=3)))

    def end_late(request: Any) -> Any:
        if not (isinstance(request, CallEnded) and request.outcome is Outcome.GIVEN):
            return None
        at.entries[0].result = stored.store(ToolMessage("paid late", tool_call_id="c1"))
        return Refused(RefusalCode.FENCED, "it has ended otherwise")

    at.instead = end_late
    assert texts(await at.resume({"type": "respond", "message": "paid by hand"})) == ["paid late"]
    assert effects == []


async def test_the_result_of_a_call_by_hand_may_be_any_value(pay, effects, desk):
    async def work(state: Any) -> Any:
        return await pay.ainvoke({"amount": 3})

    at = desk(then_ask(work))
    at.lost.add("pay")
    await at.start({"messages": []})
    assert asked(await at.resume({"type": "respond", "message": {"paid": 3}})) == ["go on?"]
    assert texts(await at.resume("yes")) == ["{'paid': 3}"]
    assert effects == []


async def test_a_held_call_in_doubt_asks_both_questions_once(pay, effects, desk):
    at = desk(one_node(ToolNode([pay])), pay=Verdict.REVIEW)
    await at.start(calling(call("pay", "c1", amount=3)))
    at.lost.add("pay")
    doubted = await at.resume(APPROVE)
    assert [question["doubt"]["effect"] for question in questions(doubted)] == [1]
    assert texts(await at.resume(APPROVE)) == ["paid 3"]
    assert effects == [("pay", 3)]
    assert [each.decision for each in at.peer.of(CallTool)] == [None, 1, 1, 2]


@pytest.mark.parametrize("mark", ["idempotent", "idempotentHint", "readOnlyHint"])
async def test_a_call_in_doubt_of_an_idempotent_tool_runs_again(mark, pay, effects, desk):
    pay.metadata = {mark: True}
    at = desk(one_node(ToolNode([pay])))
    at.lost.add("pay")
    assert texts(await at.start(calling(call("pay", "c1", amount=3)))) == ["paid 3"]
    assert effects == [("pay", 3)]


async def test_a_result_that_cannot_be_kept_leaves_a_call_in_doubt(effects, desk):
    @tool
    async def connect() -> Any:
        """Return what no store holds."""
        effects.append("connected")
        return {1, "a", object()}

    async def work(state: Any) -> Any:
        return type(await connect.ainvoke({})).__name__

    at = desk(then_ask(work))
    await at.start({"messages": []})
    (question,) = questions(await at.resume("yes"))
    assert question["doubt"]["what"] == "no_result"
    assert effects == ["connected"]
    (ended,) = at.peer.of(CallEnded)
    assert (ended.outcome, ended.result) == (Outcome.FINISHED, None)
    assert ended.error != ""


async def test_a_call_whose_arguments_do_not_fit_is_no_doubt(pay, log, effects, desk):
    at = desk(one_node(ToolNode([pay, ask])))
    await at.start(calling(call("pay", "c1", amount="many"), call("ask", "c2", text="go on?")))
    outcome = await at.resume("yes")
    assert [status for _, status, _ in results(outcome)] == ["error", "success"]
    assert effects == []
    assert sorted((name, outcome) for name, _, outcome in at.told) == [
        ("ask", "finished"),
        ("ask", "paused"),
        ("pay", "untouched"),
        ("pay", "untouched"),
    ]


async def test_what_an_answer_gives_is_what_the_tool_returned(effects, desk):
    @tool(response_format="content_and_artifact")
    def report(text: str) -> Any:
        """Return an artifact."""
        effects.append("report")
        return [{"type": "text", "text": text}], {"rows": [1, 2.0, True]}

    @tool
    def move(call_id: Annotated[str, InjectedToolCallId]) -> Any:
        """Return a command."""
        effects.append("move")
        return Command(update={"messages": [ToolMessage("moved", tool_call_id=call_id)]})

    at = desk(one_node(ToolNode([report, move, ask])))
    await at.start(
        calling(call("report", "c1", text="t"), call("move", "c2"), call("ask", "c3", text="?"))
    )
    outcome = await at.resume("yes")
    messages = stored.load(outcome.snapshot)["messages"][1:]
    first = next(message for message in messages if message.tool_call_id == "c1")
    assert first.content == [{"type": "text", "text": "t"}]
    assert first.artifact == {"rows": [1, 2.0, True]}
    assert sorted(each.tool_call_id for each in messages) == ["c1", "c2", "c3"]
    assert sorted(effects) == ["move", "report"]
