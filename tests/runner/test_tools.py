"""Tool calls under the gate: asked for once each, whoever makes them; held, changed and refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from reviewconsole.protocol.messages import CallTool, Finished, RefusalCode, Refused, Verdict
from reviewconsole.runner import interrupts, tools
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.gate import Gate
from tests.runner.gating import (
    APPROVE,
    REFUSED,
    GatedDesk,
    by_hand,
    call,
    calling,
    edit,
    one_node,
    questions,
    results,
)
from tests.runner.peer import Peer

REJECT = {"type": "reject", "message": "too much"}
RESPOND = {"type": "respond", "message": "paid already"}


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


@pytest.fixture
def effects() -> list[Any]:
    """What tools did, in order."""
    return []


@pytest.fixture
def pay(effects: list[Any]) -> BaseTool:
    @tool
    def pay(amount: int, to: str = "alice") -> str:
        """Pay money."""
        effects.append((amount, to))
        return f"paid {amount} to {to}"

    return pay


@pytest.fixture
def desk(peer: Peer, client: ConsoleClient) -> Callable[..., GatedDesk]:
    return lambda graph, **verdicts: GatedDesk(peer, client, graph, **verdicts)


class Model(GenericFakeChatModel):
    disable_streaming: Any = True  # it streams its words only, without tool calls

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def agent_of(pay: BaseTool) -> Any:
    replies = [AIMessage("", tool_calls=[call("pay", "c1", amount=3)]), AIMessage("done")]
    return create_agent(Model(messages=iter(replies)), [pay])


async def async_by_hand(pay: BaseTool, state: Any) -> Any:
    (made,) = state["messages"][-1].tool_calls
    return {"messages": [await pay.ainvoke(made)]}


GRAPHS: dict[str, Callable[[BaseTool], Any]] = {
    "ToolNode": lambda pay: one_node(ToolNode([pay])),
    "create_agent": agent_of,
    "hand-written": lambda pay: one_node(by_hand(pay, whole=True)),
}


@pytest.mark.parametrize("kind", GRAPHS)
async def test_a_call_that_may_run_runs_and_is_asked_for_once(kind, pay, effects, desk):
    at = desk(GRAPHS[kind](pay))
    outcome = await at.start(calling(call("pay", "c1", amount=3)))
    assert results(outcome) == [("c1", "success", "paid 3 to alice")]
    assert effects == [(3, "alice")]
    assert at.asked() == [("pay", "c1", {"amount": 3})]


@pytest.mark.parametrize("kind", GRAPHS)
async def test_a_refused_call_does_not_run_and_the_run_goes_on(kind, pay, effects, desk):
    outcome = await desk(GRAPHS[kind](pay), pay=Verdict.REFUSE).start(
        calling(call("pay", "c1", amount=3))
    )
    assert isinstance(outcome, Finished)
    assert results(outcome) == [("c1", "error", REFUSED)]
    assert effects == []


@pytest.mark.parametrize(
    ("decision", "result", "done"),
    [
        (APPROVE, ("c1", "success", "paid 3 to alice"), [(3, "alice")]),
        (edit("pay", amount=2), ("c1", "success", "paid 2 to alice"), [(2, "alice")]),
        (
            REJECT,
            ("c1", "error", "User rejected the tool call for `pay` with reason: too much"),
            [],
        ),
        (RESPOND, ("c1", "success", "paid already"), []),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("kind", GRAPHS)
async def test_a_held_call_waits_and_does_what_was_decided(
    kind, decision, result, done, pay, effects, desk
):
    at = desk(GRAPHS[kind](pay), pay=Verdict.REVIEW)
    paused = await at.start(calling(call("pay", "c1", amount=3)))
    assert questions(paused) == [
        {
            "type": "tool_approval",
            "tool_call_id": "c1",
            "name": "pay",
            "args": {"amount": 3},
            "description": "",
            "gate": "console",
        }
    ]
    assert effects == []
    outcome = await at.resume(decision)
    assert results(outcome) == [result]
    assert effects == done


async def test_a_call_by_hand_without_an_id_gets_text(pay, effects, desk):
    at = desk(one_node(by_hand(pay)), pay=Verdict.REVIEW)
    paused = await at.start(calling(call("pay", "c1", amount=3)))
    assert [question.get("tool_call_id") for question in questions(paused)] == [None]
    outcome = await at.resume({"type": "reject"})
    assert results(outcome) == [
        (
            "c1",
            "success",
            "User rejected the tool call for `pay`. The tool was not executed. Do not retry this "
            "tool call unless the user explicitly requests it.",
        )
    ]
    assert effects == []


async def test_an_async_call_by_hand_is_held(pay, effects, desk):
    async def node(state: Any) -> Any:
        return await async_by_hand(pay, state)

    at = desk(one_node(node), pay=Verdict.REVIEW)
    await at.start(calling(call("pay", "c1", amount=3)))
    assert results(await at.resume(APPROVE)) == [("c1", "success", "paid 3 to alice")]
    assert effects == [(3, "alice")]


async def test_what_runs_after_an_edit_is_asked_for_with_its_arguments(pay, desk):
    at = desk(one_node(ToolNode([pay])), pay=Verdict.REVIEW)
    await at.start(calling(call("pay", "c1", amount=3)))
    await at.resume(edit("pay", amount=2, to="bob"))
    assert at.asked() == [
        ("pay", "c1", {"amount": 3}),
        ("pay", "c1", {"amount": 2, "to": "bob"}),
    ]


async def test_a_tool_that_is_blocked_after_its_approval_does_not_run(pay, effects, desk):
    at = desk(one_node(ToolNode([pay])), pay=Verdict.REVIEW)
    await at.start(calling(call("pay", "c1", amount=3)))
    at.verdicts["pay"] = Verdict.REFUSE
    assert results(await at.resume(APPROVE)) == [("c1", "error", REFUSED)]
    assert effects == []


async def test_a_change_takes_effect_at_the_next_call_of_the_same_run(effects, desk):
    at: GatedDesk

    @tool
    def pay(amount: int) -> str:
        """Pay money."""
        effects.append(amount)
        at.verdicts["pay"] = Verdict.REVIEW
        return "paid"

    at = desk(one_node(by_hand(pay, whole=True)))
    paused = await at.start(calling(call("pay", "c1", amount=1), call("pay", "c2", amount=2)))
    assert [question["args"] for question in questions(paused)] == [{"amount": 2}]
    assert effects == [1]


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "ignore"},
        edit("refund", amount=1),
        edit("pay", amount="many"),
        {"type": "respond"},
        True,
    ],
    ids=["unknown", "another tool", "wrong arguments", "no message", "no decision"],
)
async def test_an_answer_that_the_question_does_not_allow_lets_nothing_run(
    answer, pay, effects, desk
):
    at = desk(one_node(ToolNode([pay])), pay=Verdict.REVIEW)
    await at.start(calling(call("pay", "c1", amount=3)))
    outcome = await at.resume(answer)
    assert questions(outcome) == questions(at.paused)
    assert "the agent does not take this answer" in outcome.refused
    assert effects == []


async def test_the_schema_of_a_question_has_the_tools_own_arguments(pay, desk):
    at = desk(one_node(ToolNode([pay])), pay=Verdict.REVIEW)
    paused = await at.start(calling(call("pay", "c1", amount=3)))
    (question,) = paused.interrupts
    schema = question.response_schema
    assert sorted(schema["discriminator"]["mapping"]) == ["approve", "edit", "reject", "respond"]
    assert schema["$defs"]["pay"]["properties"] == {
        "amount": {"title": "Amount", "type": "integer"},
        "to": {"default": "alice", "title": "To", "type": "string"},
    }
    assert schema["$defs"]["EditedAction"]["properties"]["name"]["const"] == "pay"


@pytest.mark.parametrize("kind", ["ToolNode", "create_agent", "hand-written"])
@pytest.mark.parametrize("is_nested", [False, True], ids=["at the root", "in a subgraph"])
async def test_a_task_asks_under_one_namespace_however_often_it_runs(
    kind, is_nested, effects, desk
):
    @tool
    def pay(amount: int) -> str:
        """Pay money."""
        effects.append(interrupt("sure?"))
        return "paid"

    graph = GRAPHS[kind](pay)
    at = desk(one_node(graph) if is_nested else graph, pay=Verdict.REVIEW)
    await at.start(calling(call("pay", "c1", amount=3)))
    await at.resume(APPROVE)
    await at.resume("yes")
    assert effects == ["yes"]
    first = at.peer.of(CallTool)[0].ns
    assert [each.ns for each in at.peer.of(CallTool)] == [first] * 3
    assert first.count("|") == is_nested


async def test_the_same_call_in_another_step_asks_under_another_namespace(pay, effects, desk):
    calls = [call("pay", "c1", amount=3)]
    replies = [*(AIMessage("", tool_calls=calls) for _ in range(2)), AIMessage("done")]
    at = desk(create_agent(Model(messages=iter(replies)), [pay]), pay=Verdict.REVIEW)
    await at.start({"messages": [("human", "Pay.")]})
    again = await at.resume(APPROVE)
    assert questions(again) == questions(at.paused)
    assert effects == [(3, "alice")]
    assert len({each.ns for each in at.peer.of(CallTool)}) == 2


async def test_the_same_call_again_in_one_task_is_held_again(pay, effects, desk):
    at = desk(one_node(by_hand(pay, whole=True)), pay=Verdict.REVIEW)
    await at.start(calling(*[call("pay", "c1", amount=3)] * 2))
    again = await at.resume(APPROVE)
    assert questions(again) == questions(at.paused)
    assert effects == [(3, "alice")]


# Classes, threads, nesting -------------------------------------------------------------------


async def test_a_class_that_overrides_the_methods_asks_once(effects, desk):
    class Careful(BaseTool):
        name: str = "careful"
        description: str = "A tool with methods of its own."

        def run(self, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
            return super().run({**tool_input, "n": tool_input["n"] + 1}, *args, **kwargs)

        async def arun(self, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(self.run, tool_input, *args, **kwargs)

        def _run(self, n: int) -> str:
            effects.append(n)
            return "ok"

    class Deaf(Careful):
        name: str = "deaf"

        def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
            return self._run(**input["args"])

    at = desk(one_node(ToolNode([Careful(), Deaf()])), deaf=Verdict.REFUSE)
    outcome = await at.start(calling(call("careful", "c1", n=1)))
    assert results(outcome) == [("c1", "success", "ok")]
    outcome = await at.start(calling(call("careful", "c2", n=5)))
    assert [each[:2] for each in at.asked()] == [("careful", "c1"), ("careful", "c2")]
    deaf = call("deaf", "c3", n=9)
    outcome = await GatedDesk(
        at.peer, at.client, one_node(by_hand(Deaf(), whole=True)), deaf=Verdict.REFUSE
    ).execute(at.begin(calling(deaf)))
    assert results(outcome)[-1] == ("c3", "error", REFUSED)
    assert effects == [2, 6]


async def test_a_tool_that_a_tool_calls_is_asked_for_too(pay, effects, desk):
    seen: list[Any] = []

    @tool
    def settle(amount: int) -> str:
        """Pay all that is due."""
        seen.append(tools.current_call())
        result = pay.invoke({"amount": amount})
        seen.append(tools.current_call())
        return str(result)

    at = desk(one_node(ToolNode([settle])), pay=Verdict.REVIEW)
    await at.start(calling(call("settle", "c1", amount=7)))
    assert results(await at.resume(APPROVE)) == [("c1", "success", "paid 7 to alice")]
    assert effects == [(7, "alice")]
    assert seen == [("settle", "c1"), ("settle", "c1"), ("settle", "c1")]
    assert tools.current_call() is None


async def test_parallel_calls_get_their_own_decisions(pay, effects, desk):
    at = desk(one_node(ToolNode([pay])), pay=Verdict.REVIEW)
    made = [call("pay", f"c{n}", amount=n) for n in range(3)]
    outcome = await at.start(calling(*made))
    for _ in made:
        (question,) = questions(outcome)
        amount = question["args"]["amount"]
        outcome = await at.resume(REJECT if amount == 1 else edit("pay", amount=amount * 10))
    assert [text for _, _, text in results(outcome)] == [
        "paid 0 to alice",
        "User rejected the tool call for `pay` with reason: too much",
        "paid 20 to alice",
    ]
    assert set(effects) == {(0, "alice"), (20, "alice")}


def in_a_thread(work: Callable[[], Any]) -> Any:
    """The result of a function, in a thread that knows nothing of its caller."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("verdict", [Verdict.RUN, Verdict.REVIEW, Verdict.REFUSE])
async def test_a_thread_that_lost_its_context_is_gated_all_the_same(verdict, pay, effects, desk):
    def node(state: Any) -> Any:
        (made,) = state["messages"][-1].tool_calls
        return {"messages": [in_a_thread(lambda: pay.invoke(made))]}

    outcome = await desk(one_node(node), pay=verdict).start(calling(call("pay", "c1", amount=3)))
    ((_, status, text),) = results(outcome)
    assert effects == ([(3, "alice")] if verdict is Verdict.RUN else [])
    assert status == ("success" if verdict is Verdict.RUN else "error")
    if verdict is Verdict.REVIEW:
        assert text.startswith("Calls of pay are reviewed first, and this one was made outside")


async def test_a_thread_that_outlives_all_runs_calls_nothing(pay, effects, desk):
    at = desk(one_node(lambda state: None))
    assert pay.invoke({"amount": 1}) == "paid 1 to alice"  # as agents may while they are loaded
    await at.start({"messages": []})
    message = (
        "This call of pay was made after its run, so nobody can say whether it may run. The tool "
        "was not executed."
    )
    assert pay.invoke({"amount": 2}) == message
    assert (await pay.ainvoke(call("pay", "c1", amount=3))).content == message
    assert in_a_thread(lambda: pay.invoke({"amount": 4})) == message
    assert effects == [(1, "alice")]
    assert at.asked() == []


async def test_a_run_that_is_over_makes_no_calls(pay, effects, desk, peer):
    at = desk(one_node(ToolNode([pay], handle_tool_errors=True)))
    assignment = at.begin(calling(call("pay", "c1", amount=3)))

    def fence(request: Any) -> Any:
        if isinstance(request, CallTool):
            peer.lost.add(request.lease)
            return Refused(RefusalCode.FENCED, "over")
        return None

    peer.answer_instead = fence
    with Gate(at.client, assignment.lease, assignment.thread).open():
        await at.execution(assignment).run()
    assert effects == []
    assert at.outcomes(assignment.lease) == []


async def test_a_console_that_is_away_is_waited_for(pay, effects, desk, peer):
    at = desk(one_node(ToolNode([pay])))
    rule = peer.answer_instead

    def vanish(request: Any) -> Any:
        if isinstance(request, CallTool):
            peer.answer_instead = rule
            peer.lose_next_reply()
        return rule(request)

    peer.answer_instead = vanish
    outcome = await at.start(calling(call("pay", "c1", amount=3)))
    assert results(outcome) == [("c1", "success", "paid 3 to alice")]
    assert effects == [(3, "alice")]


def test_outside_of_any_run_nothing_changes(pay, effects, peer):
    assert pay.invoke({"amount": 1}) == "paid 1 to alice"
    assert pay.run(tool_input={"amount": 2}) == "paid 2 to alice"
    assert isinstance(pay.invoke(call("pay", "c1", amount=3)), ToolMessage)
    assert peer.of(CallTool) == []
