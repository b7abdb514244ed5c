"""What a run is at: told now and then, never waited for."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import START, MessagesState, StateGraph

from reviewconsole.protocol.messages import Finished, Lease, Progress, RefusalCode, Refused
from reviewconsole.runner import interrupts, progress
from reviewconsole.runner.client import ConsoleClient
from tests.runner.executing import Desk, State, chain, values
from tests.runner.peer import PATIENCE_SECONDS, Peer

CALL: Any = {"name": "send", "args": '{"to": "bob"}', "id": "call-1", "index": 0}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts.install()
    monkeypatch.setattr(progress, "SECONDS", 0.01)


async def told(peer: Peer, **fields: Any) -> None:
    """Wait until the console was told of a progress with these fields."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not any(  # noqa: ASYNC110 -- the peer lives in another thread
            fields.items() <= dataclasses.asdict(each).items() for each in peer.of(Progress)
        ):
            await asyncio.sleep(0.005)


class Speaker(BaseChatModel):
    """Says `one two` and calls a tool, word by word if it is listened to."""

    peer: Any

    @property
    def _llm_type(self) -> str:
        return "speaker"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        call = {"name": "send", "args": {"to": "bob"}, "id": "call-1"}
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage("whole", tool_calls=[call]))]
        )

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content="one "))
        await told(self.peer, text="one ")
        yield ChatGenerationChunk(message=AIMessageChunk(content="two"))
        await told(self.peer, text="one two")
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[CALL]))


def speaking(peer: Peer) -> Any:
    """A graph with a graph inside, in which the model speaks."""

    async def model(state: MessagesState) -> Any:
        return {"messages": [await Speaker(peer=peer).ainvoke(state["messages"])]}

    inner = StateGraph(MessagesState).add_node(model).add_edge(START, "model").compile()
    return StateGraph(MessagesState).add_node("desk", inner).add_edge(START, "desk").compile()


async def test_the_node_at_work_and_what_the_model_says(peer: Peer, client: ConsoleClient) -> None:
    desk = Desk(peer, client, speaking(peer))
    outcome = await desk.start({"messages": [HumanMessage("hi")]})
    reports = peer.of(Progress)
    assert {each.lease for each in reports} == {Lease(1, 1)}
    speaking_first = [each for each in reports if each.text == "one "]
    assert {(each.step, each.nodes) for each in speaking_first} == {(1, ("desk:model",))}
    assert [text for text in dict.fromkeys(each.text for each in reports) if text] == [
        "one ",
        "one two",
    ]
    (call,) = values(outcome)["messages"][-1].tool_calls
    assert (call["name"], call["args"], call["id"]) == ("send", {"to": "bob"}, "call-1")


async def test_without_tokens_models_answer_in_one_piece(peer: Peer, client: ConsoleClient) -> None:
    desk = Desk(peer, client, speaking(peer))
    assignment = desk.begin({"messages": [HumanMessage("hi")]})
    await desk.execution(assignment, tokens=False).run()
    assert values(desk.conclude(assignment))["messages"][-1].text == "whole"
    assert {each.text for each in peer.of(Progress)} <= {""}


async def test_each_step_begins_with_an_empty_text(peer: Peer, client: ConsoleClient) -> None:
    async def speak(state: MessagesState) -> Any:
        return {"messages": [await Speaker(peer=peer).ainvoke(state["messages"])]}

    async def work(state: MessagesState) -> None:
        await told(peer, step=2, nodes=("work",), text="")

    builder = StateGraph(MessagesState).add_node(speak).add_node(work)
    graph = builder.add_edge(START, "speak").add_edge("speak", "work").compile()
    outcome = await Desk(peer, client, graph).start({"messages": [HumanMessage("hi")]})
    assert isinstance(outcome, Finished)


async def test_parallel_nodes_are_told_together(peer: Peer, client: ConsoleClient) -> None:
    async def left(state: State) -> None:
        await told(peer, nodes=("left", "right"))

    async def right(state: State) -> None:
        await told(peer, nodes=("right",))

    builder = StateGraph(State).add_node(left).add_node(right)
    graph = builder.add_edge(START, "left").add_edge(START, "right").compile()
    assert isinstance(await Desk(peer, client, graph).start({"out": []}), Finished)


async def test_a_fast_run_sends_none(
    peer: Peer, client: ConsoleClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS", 10)

    def quick(state: State) -> State:
        return {"out": [1]}

    await Desk(peer, client, chain(quick)).start({"out": []})
    assert peer.of(Progress) == []


async def test_a_report_that_is_refused_disturbs_nobody(peer: Peer, client: ConsoleClient) -> None:
    def refuse(request: Any) -> Refused | None:
        return Refused(RefusalCode.FENCED, "over") if isinstance(request, Progress) else None

    async def slow(state: State) -> State:
        await told(peer, nodes=("slow",))
        return {"out": [1]}

    peer.answer_instead = refuse
    outcome = await Desk(peer, client, chain(slow)).start({"out": []})
    assert values(outcome) == {"out": [1]}


async def test_while_one_report_is_under_way_no_other_is_sent(
    peer: Peer, client: ConsoleClient
) -> None:
    """A console that is slow does not find a heap of them."""
    counts = []

    async def left(state: State) -> None:
        peer.hold()
        await told(peer)

    async def right(state: State) -> None:
        await told(peer)
        await asyncio.sleep(5 * progress.SECONDS)  # in which `left` ends, and is not told
        counts.append(len(peer.of(Progress)))
        peer.proceed()

    builder = StateGraph(State).add_node(left).add_node(right)
    graph = builder.add_edge(START, "left").add_edge(START, "right").compile()
    await Desk(peer, client, graph).start({"out": []})
    assert counts == [1]
