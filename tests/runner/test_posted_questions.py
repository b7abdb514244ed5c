"""What is posted beside a question: its kind, the calls it asks about, and where it was asked."""

from __future__ import annotations

import operator
import warnings
from typing import Annotated, Any

import langgraph.errors
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from langgraph.types import Send
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Finished, Paused
from reviewconsole.runner import interrupts, tools
from reviewconsole.runner.call_ids import asked_about
from tests.runner.executing import Desk, Reply, asked, values
from tests.runner.gating import GatedDesk
from tests.runner.losing import at_every_request


class State(TypedDict, total=False):
    out: Annotated[list[Any], operator.add]
    ready: bool
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    tools.install()


# The calls -----------------------------------------------------------------------------------


def call(id: str, name: str, **args: Any) -> dict[str, Any]:
    return {"id": id, "name": name, "args": args}


def batch(*requests: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"action_requests": [{"name": name, "args": args} for name, args in requests]}


@pytest.mark.parametrize(
    ("calls", "question", "ids"),
    [
        ([call("1", "pay", n=1), call("2", "pay", n=2)], batch(("pay", {"n": 2})), ("2",)),
        (
            [call("1", "pay", n=1), call("2", "log"), call("3", "pay", n=3)],
            batch(("pay", {"n": 1}), ("pay", {"n": 3})),
            ("1", "3"),
        ),
        # The same call twice: in the order of the calls, if both are asked about.
        (
            [call("1", "pay", n=1), call("2", "pay", n=1)],
            batch(("pay", {"n": 1}), ("pay", {"n": 1})),
            ("1", "2"),
        ),
        ([call("1", "pay", n=1), call("2", "pay", n=1)], batch(("pay", {"n": 1})), ("",)),
        ([call("1", "pay", n=1)], batch(("pay", {"n": 1}), ("pay", {"n": 1})), ("", "")),
        ([call("1", "pay", n=1)], batch(("pay", {"n": True}), ("pay", {"n": 1.0})), ("", "")),
        ([call("1", "pay", n=1)], batch(("send", {"n": 1}), ("pay", {"n": 1})), ("", "1")),
        ([call("1", "pay")], {"action_requests": ["pay", {"name": "pay"}]}, ("", "")),
        ([call("1", "pay")], {"type": "tool_approval", "tool_call_id": "7"}, ("7",)),
        ([call("1", "pay")], {"type": "tool_approval", "tool_call_id": None}, ("",)),
        ([call("1", "pay")], {"query": "pay?"}, ()),
        ([call("1", "pay")], "pay?", ()),
    ],
)
def test_the_calls_a_question_asks_about(calls, question, ids):
    before = AIMessage("", tool_calls=[call("0", "pay", n=1), call("00", "pay", n=2)])
    state = {"messages": [before, AIMessage("", tool_calls=calls)]}
    assert asked_about(question, state) == ids


def test_no_call_is_known_without_messages():
    states: list[Any] = [None, {}, {"messages": []}, {"messages": "none"}]
    for state in states:
        assert asked_about(batch(("pay", {})), state) == ("",)


@tool
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def agent(**middleware: Any) -> Any:
    class Model(GenericFakeChatModel):
        disable_streaming: Any = True  # it streams its words only, without tool calls

        def bind_tools(self, *_: Any, **__: Any) -> Any:
            return self

    calls = [call("c1", "pay", amount=1), call("c2", "pay", amount=2)]
    model = Model(messages=iter([AIMessage("", tool_calls=calls), AIMessage("done")]))
    gate = HumanInTheLoopMiddleware(interrupt_on={"pay": True}, **middleware)
    return create_agent(model, [pay], middleware=[gate])


async def test_middleware_names_its_calls(peer, client):
    desk = Desk(peer, client, agent())
    paused = await desk.start({"messages": [("user", "pay")]})
    assert [question.call_ids for question in paused.interrupts] == [("c1", "c2")]
    outcome = await desk.resume({"decisions": [{"type": "approve"}, {"type": "approve"}]})
    assert isinstance(outcome, Finished)


async def test_middleware_that_asks_per_call_names_each(peer, client):
    paused = await Desk(peer, client, agent(interrupt_mode="per_call")).start({"messages": ["pay"]})
    assert [question.call_ids for question in paused.interrupts] == [("c1",), ("c2",)]


async def test_a_breakpoint_names_its_calls(peer, client):
    def chat(state: State) -> State:
        return {"messages": [AIMessage("", tool_calls=[call("c1", "pay", amount=1)])]}

    builder = StateGraph(State)
    builder.add_node(chat)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_edge(START, "chat")
    builder.add_edge("chat", "tools")
    desk = Desk(peer, client, builder.compile(interrupt_before=["tools"]))
    paused = await desk.start({"messages": []})
    assert [question.call_ids for question in paused.interrupts] == [("c1",)]


# Where it was asked --------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_question_of_a_conditional_edge_says_so(peer, client, asynchronous):
    def act(state: State) -> State:
        return {"out": ["acted"]}

    def route(state: State) -> str:
        return str(interrupts.interrupt("where to?"))

    async def route_async(state: State) -> str:
        return route(state)

    builder = StateGraph(State)
    builder.add_node(act)
    builder.add_edge(START, "act")
    path: Any = route_async if asynchronous else route
    builder.add_conditional_edges("act", path, {"again": "act", "end": END})
    desk = Desk(peer, client, builder.compile())
    paused = await desk.start({"out": []})
    (question,) = paused.interrupts
    assert (question.node, question.origin) == ("act", {"edge": True})
    paused = await desk.resume("again")
    assert paused.interrupts[0].origin == {"edge": True}
    assert values(await desk.resume("end")) == {"out": ["acted", "acted"], "messages": []}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_question_of_a_tool_names_its_call(peer, client, asynchronous):
    @tool("ask")
    def ask(of: str) -> str:
        """Ask."""
        return str(interrupts.interrupt(f"{of}?"))

    @tool("ask")
    async def ask_async(of: str) -> str:
        """Ask."""
        return str(interrupts.interrupt(f"{of}?"))

    def chat(state: State) -> State:
        return {"messages": [AIMessage("", tool_calls=[call("c1", "ask", of="a")])]}

    def by_hand(state: State) -> State:
        return {"out": [ask.invoke({"of": "b"})]}

    builder = StateGraph(State)
    builder.add_node(chat)
    builder.add_node("tools", ToolNode([ask_async if asynchronous else ask]))
    builder.add_node(by_hand)
    builder.add_edge(START, "chat")
    builder.add_edge("chat", "tools")
    builder.add_edge("tools", "by_hand")
    desk = GatedDesk(peer, client, builder.compile())
    paused = await desk.start({"messages": []})
    assert [each.origin for each in paused.interrupts] == [{"tool": "ask", "call_id": "c1"}]
    paused = await desk.resume("yes")
    assert [each.origin for each in paused.interrupts] == [{"tool": "ask", "call_id": None}]


async def test_a_question_of_a_node_has_no_origin(peer, client):
    builder = StateGraph(State)
    builder.add_node("node", lambda state: {"out": [interrupts.interrupt("?")]})
    builder.add_edge(START, "node")
    paused = await Desk(peer, client, builder.compile()).start({"out": []})
    assert [each.origin for each in paused.interrupts] == [None]


# NodeInterrupt -------------------------------------------------------------------------------


def stop(message: str) -> None:
    """Pause as agents did before `interrupt` was there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        raise langgraph.errors.NodeInterrupt(message)


def wait(state: State) -> State:
    if not state.get("ready"):
        stop("not ready")
    return {"out": ["went on"]}


def last(state: State) -> State:
    return {"out": ["last"]}


def waiting() -> Any:
    builder = StateGraph(State)
    builder.add_sequence([wait, last])
    builder.add_edge(START, "wait")
    return builder.compile()


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(update={"ready": True}), ["went on", "last"]),
        (Reply(then="skip"), ["last"]),
    ],
    ids=["changed", "skipped"],
)
async def test_a_node_interrupt_goes_on_when_the_state_is_changed_or_it_is_skipped(
    peer, client, reply, expected
):
    async def prepare(peer, client):
        desk = Desk(peer, client, waiting())
        paused = await desk.start({"out": []})
        (question,) = paused.interrupts
        assert (question.kind, question.interrupt_id) == ("node_interrupt", "placeholder-id")
        assert asked(paused) == ["not ready"]
        return desk, desk.decide(reply)

    async def check(desk, run, outcome, requests):
        assert isinstance(outcome, Finished), (requests, outcome)
        assert values(outcome)["out"] == expected
        assert set(desk.applied(run) + desk.applied(desk.again(run))) == {1}, requests

    await at_every_request(peer, client, prepare, check)


async def test_a_node_interrupt_that_nothing_was_changed_for_asks_again(peer, client):
    desk = Desk(peer, client, waiting())
    await desk.start({"out": []})
    run = desk.decide(None)
    paused = await desk.execute(run)
    assert isinstance(paused, Paused)
    assert (asked(paused), paused.refused, desk.applied(run)) == (["not ready"], None, [1])
    finished = await desk.resume(Reply(update={"ready": True}))
    assert values(finished)["out"] == ["went on", "last"]


async def test_parallel_node_interrupts_take_a_decision_each(peer, client):
    def fan(state: State) -> list[Send]:
        return [Send("work", {"out": [name], "ready": False}) for name in ("a", "b")]

    ready: set[str] = set()

    def work(state: State) -> State:
        (name,) = state["out"]
        if name not in ready:
            stop("not ready")
        return {"out": [f"{name} went on"]}

    builder = StateGraph(State)
    builder.add_node("work", work)
    builder.add_conditional_edges(START, fan, ["work"])
    desk = Desk(peer, client, builder.compile())
    paused = await desk.start({"out": []})
    first, second = paused.interrupts
    assert first.fingerprint == second.fingerprint
    assert first.task_id != second.task_id

    run = desk.decide(None, None)
    desk.answers = run.answers[:1]
    held = await desk.execute(desk._assignment("resume", None))
    assert held.refused == "nothing was resumed: work asks something that was not decided"

    ready |= {"a", "b"}
    run = desk.decide(None, None)
    assert values(await desk.execute(run))["out"] == ["a went on", "b went on"]
    assert len(desk.applied(run)) == 2
