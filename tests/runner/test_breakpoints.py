"""Static breakpoints: found, shown, and decided so that only what was approved runs."""

from __future__ import annotations

import operator
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from typing_extensions import TypedDict

from reviewconsole.protocol.messages import Failed, Finished, Paused
from reviewconsole.runner import interrupts
from reviewconsole.runner.verdicts import _without
from tests.runner.executing import Desk, asked, values

effects: list[str] = []

CALLS = [
    {"id": "c1", "name": "pay", "args": {"amount": 1}},
    {"id": "c2", "name": "pay", "args": {"amount": 2}},
]


@pytest.fixture(autouse=True)
def in_force() -> None:
    interrupts.install()
    effects.clear()


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


@tool
def pay(amount: int) -> str:
    """Pay."""
    effects.append(f"pay {amount}")
    return f"paid {amount}"


def chat(state: State) -> dict[str, Any]:
    made = [message for message in state["messages"] if isinstance(message, AIMessage)]
    if made:
        results = [m.content for m in state["messages"] if isinstance(m, ToolMessage)]
        return {"messages": [AIMessage(f"done: {', '.join(map(str, results))}")]}
    return {"messages": [AIMessage("", id="ai", tool_calls=CALLS)]}


def tutorial(**breakpoints: Any) -> Any:
    """The chatbot of the tutorials: a model, a ToolNode, and a breakpoint between them."""
    builder = StateGraph(State)
    builder.add_node("chat", chat)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_edge(START, "chat")
    builder.add_conditional_edges("chat", tools_condition)
    builder.add_edge("tools", "chat")
    return builder.compile(**breakpoints)


def approve(call: str) -> dict[str, Any]:
    return {"id": call, "type": "approve"}


def edit(call: str, amount: int) -> dict[str, Any]:
    return {"id": call, "type": "edit", "args": {"amount": amount}}


def reject(call: str, message: str = "no") -> dict[str, Any]:
    return {"id": call, "type": "reject", "message": message}


def last_words(outcome: Any) -> str:
    assert isinstance(outcome, Finished), outcome
    return str(values(outcome)["messages"][-1].content)


WHOLE = {
    "breakpoint": "before",
    "nodes": ["tools"],
    "tool_calls": [
        {"id": "c1", "name": "pay", "args": {"amount": 1}},
        {"id": "c2", "name": "pay", "args": {"amount": 2}},
    ],
}


async def test_a_compiled_breakpoint_shows_the_calls_that_would_run(peer, client):
    desk = Desk(peer, client, tutorial(interrupt_before=["tools"]))
    paused = await desk.start({"messages": []})
    assert asked(paused) == [WHOLE]
    (question,) = paused.interrupts
    assert (question.kind, question.node, question.task_id) == ("breakpoint", "tools", "")
    assert question.interrupt_id == f"breakpoint-{paused.checkpoint_id}"
    assert effects == []


@pytest.mark.parametrize("named", [("tools",), ("*",)])
async def test_a_breakpoint_of_the_run_stands_at_every_resume(peer, client, named):
    desk = Desk(peer, client, tutorial(), interrupt_before=named)
    paused = await desk.start({"messages": []})
    if named == ("*",):
        assert asked(paused) == [{"breakpoint": "before", "nodes": ["chat"], "tool_calls": []}]
        paused = await desk.resume({"calls": []})
    assert asked(paused) == [WHOLE]
    outcome = await desk.resume({"calls": [approve("c1"), approve("c2")]})
    if named == ("*",):
        assert asked(outcome) == [{"breakpoint": "before", "nodes": ["chat"], "tool_calls": []}]
        outcome = await desk.resume({"calls": []})
    assert last_words(outcome) == "done: paid 1, paid 2"


async def test_a_breakpoint_after_a_node_names_it_and_what_comes_next(peer, client):
    desk = Desk(peer, client, tutorial(interrupt_after=["chat"]))
    assert asked(await desk.start({"messages": []})) == [
        WHOLE | {"breakpoint": "after", "nodes": ["chat"]}
    ]
    last = await desk.resume({"calls": [approve("c1"), approve("c2")]})
    assert last_words(last) == "done: paid 1, paid 2"  # after the last node nothing waits


DECISIONS = {
    "approve": ([approve("c1"), approve("c2")], ["pay 1", "pay 2"], "done: paid 1, paid 2"),
    "edit": ([approve("c1"), edit("c2", 20)], ["pay 1", "pay 20"], "done: paid 1, paid 20"),
    "reject": ([reject("c1"), reject("c2", "never")], [], "done: no, never"),
    "mixed": ([reject("c1"), edit("c2", 20)], ["pay 20"], "done: no, paid 20"),
}


def react(**breakpoints: Any) -> Any:
    """The same with `create_agent`, which sends each call to a task of its own."""

    class Model(GenericFakeChatModel):
        disable_streaming: Any = True  # it streams its words only, without tool calls

        def bind_tools(self, *_: Any, **__: Any) -> Any:
            return self

        def _generate(self, messages: Any, *_: Any, **__: Any) -> Any:
            self.messages = iter(chat({"messages": messages})["messages"])
            return super()._generate(messages)

    return create_agent(Model(messages=iter([])), [pay], **breakpoints)


@pytest.mark.parametrize("agent", [tutorial, react])
@pytest.mark.parametrize("decision", DECISIONS)
async def test_only_approved_calls_run_and_every_call_has_its_result(peer, client, agent, decision):
    calls, done, words = DECISIONS[decision]
    desk = Desk(peer, client, agent(interrupt_before=["tools"]))
    await desk.start({"messages": [("user", "pay")]})
    run = desk.decide({"calls": calls})
    outcome = await desk.execute(run)
    assert last_words(outcome) == words
    assert sorted(effects) == done
    assert desk.delivered(run)
    assert desk.applied(run) == [1]
    messages = values(outcome)["messages"]
    for index, message in enumerate(messages):
        for position, call in enumerate(getattr(message, "tool_calls", ()), start=1):
            assert messages[index + position].tool_call_id == call["id"]


async def test_a_rejection_says_why_and_is_an_error(peer, client):
    desk = Desk(peer, client, tutorial(interrupt_before=["tools"]))
    await desk.start({"messages": []})
    outcome = await desk.resume({"calls": [reject("c1", ""), reject("c2", "too much")]})
    refusals = [m for m in values(outcome)["messages"] if isinstance(m, ToolMessage)]
    assert [(m.status, m.content) for m in refusals] == [
        ("error", "A reviewer rejected this tool call."),
        ("error", "too much"),
    ]


async def test_blocks_that_repeat_a_call_go_with_it():
    content = [{"type": "text", "text": "hm"}, {"type": "tool_use", "id": "c1", "input": {}}]
    assert _without(content, {"c1"}) == [{"type": "text", "text": "hm"}]
    assert _without("hm", {"c1"}) == "hm"


async def test_a_breakpoint_that_follows_a_rejection_is_not_passed_with_it(peer, client):
    desk = Desk(peer, client, tutorial(interrupt_before=["tools", "chat"]))
    await desk.start({"messages": []})
    await desk.resume({"calls": []})
    run = desk.decide({"calls": [reject("c1"), reject("c2")]})
    paused = await desk.execute(run)
    assert asked(paused) == [{"breakpoint": "before", "nodes": ["chat"], "tool_calls": []}]
    assert (paused.refused, desk.applied(run)) == (None, [2])
    assert last_words(await desk.resume({"calls": []})) == "done: no, no"


@pytest.mark.parametrize(
    "reply",
    [
        {"calls": []},
        {"calls": [approve("c1")]},
        {"calls": [approve("c1"), reject("c1"), approve("c2")]},
        {"calls": [approve("c1"), {"id": "c2", "type": "respond", "message": "x"}]},
        {"calls": [approve("c1"), {"id": "c2", "type": "edit"}]},
        "yes",
        None,
    ],
)
async def test_a_decision_that_does_not_fit_runs_nothing(peer, client, reply):
    desk = Desk(peer, client, tutorial(interrupt_before=["tools"]))
    await desk.start({"messages": []})
    before = desk.head()
    outcome = await desk.resume(reply)
    assert isinstance(outcome, Failed)
    assert outcome.error == "UnusableDecision"
    assert (effects, desk.head()) == ([], before)


async def test_an_edit_that_leads_elsewhere_runs_nothing(peer, client):
    def route(state: State) -> str:
        last: Any = state["messages"][-1]
        if not getattr(last, "tool_calls", ()):
            return END
        return "tools" if last.tool_calls[0]["args"]["amount"] == 1 else "cheap"

    builder = StateGraph(State)
    builder.add_node("chat", chat)
    builder.add_node("tools", ToolNode([pay]))
    builder.add_node("cheap", ToolNode([pay]))
    builder.add_edge(START, "chat")
    builder.add_conditional_edges("chat", route, ["tools", "cheap", END])
    desk = Desk(peer, client, builder.compile(interrupt_before=["tools"]))
    await desk.start({"messages": []})
    outcome = await desk.resume({"calls": [edit("c1", 5), approve("c2")]})
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message) == (
        "Derailed",
        "the decided calls should run in tools, but the graph would go on with cheap; "
        "nothing was run",
    )
    assert effects == []


async def test_a_plain_function_that_runs_calls_is_taken_for_a_tool_node(peer, client):
    def by_hand(state: State) -> dict[str, Any]:
        calls = state["messages"][-1].tool_calls  # type: ignore[union-attr]
        results = [ToolMessage(pay.invoke(c["args"]), tool_call_id=c["id"]) for c in calls]
        return {"messages": results}

    builder = StateGraph(State)
    builder.add_node("chat", chat)
    builder.add_node("by_hand", by_hand)
    builder.add_edge(START, "chat")
    builder.add_conditional_edges("chat", tools_condition, {"tools": "by_hand", END: END})
    builder.add_edge("by_hand", "chat")
    desk = Desk(peer, client, builder.compile(interrupt_before=["by_hand"]))
    assert asked(await desk.start({"messages": []})) == [WHOLE | {"nodes": ["by_hand"]}]
    assert last_words(await desk.resume({"calls": [reject("c1"), approve("c2")]})) == (
        "done: no, paid 2"
    )


async def test_a_breakpoint_inside_a_nested_graph(peer, client):
    outer = StateGraph(State)
    outer.add_node("nested", tutorial(interrupt_before=["tools"]))
    outer.add_edge(START, "nested")
    desk = Desk(peer, client, outer.compile())
    paused = await desk.start({"messages": []})
    assert asked(paused) == [WHOLE]
    assert paused.interrupts[0].ns.startswith("nested:")
    assert paused.next == ("nested",)
    outcome = await desk.resume({"calls": [reject("c1"), edit("c2", 20)]})
    assert last_words(outcome) == "done: no, paid 20"
    assert effects == ["pay 20"]


async def test_a_question_behind_an_approved_breakpoint_is_no_breakpoint_again(peer, client):
    class Plain(TypedDict, total=False):
        out: Annotated[list[Any], operator.add]

    def node(state: Plain) -> Plain:
        return {"out": [interrupts.interrupt("now?")]}

    builder = StateGraph(Plain)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    desk = Desk(peer, client, builder.compile(interrupt_before=["node"]))
    assert asked(await desk.start({"out": []})) == [
        {"breakpoint": "before", "nodes": ["node"], "tool_calls": []}
    ]
    paused = await desk.resume({"calls": []})
    assert isinstance(paused, Paused)
    assert asked(paused) == ["now?"]
    assert values(await desk.resume("yes")) == {"out": ["yes"]}
