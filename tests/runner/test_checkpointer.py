"""The saver under real graphs gives back what LangGraph's own saver in memory gives back."""

import copy
import itertools
import operator
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from reviewconsole.protocol.messages import (
    Get,
    Lease,
    List,
    Owner,
    Parts,
    Put,
    PutWrites,
    Scope,
    Whole,
)
from reviewconsole.runner.checkpointer import INLINE_CHARACTERS, PAGE, ConsoleSaver
from reviewconsole.runner.client import ConsoleClient
from reviewconsole.runner.exceptions import Refusal
from tests.runner.peer import Peer

ROOT: RunnableConfig = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}


@dataclass
class Thing:
    """A type of the agent's own."""

    number: int


@pytest.fixture
def saver(client: ConsoleClient) -> ConsoleSaver:
    """A saver outside of any run."""
    return ConsoleSaver(client, Owner("agent"))


class State(MessagesState):
    """Something of each kind: messages, a list, numbers, text short and long, an object."""

    notes: Annotated[list[str], operator.add]
    count: int
    ratio: float
    title: str
    text: str
    key: uuid.UUID


def talk(state: State) -> dict[str, Any]:
    """Add a turn of the conversation."""
    turn = state.get("count", 0) + 1
    return {
        "messages": [AIMessage("a long answer " * 10, id=f"ai-{turn}")],
        "notes": [f"note {turn}"],
        "count": turn,
        "ratio": turn / 3,
        "title": "t" * turn,
        "text": "x" * 1000 * turn,
        "key": uuid.UUID(int=turn),
    }


def ask(state: State) -> dict[str, Any]:
    """Pause."""
    return {"notes": [str(interrupt({"question": "go on?"}))]}


def inner_graph() -> Any:
    """A subgraph that pauses."""
    inner = StateGraph(State).add_node("ask", ask).add_edge(START, "ask")
    return inner.compile(checkpointer=None)


def conversation(saver: BaseCheckpointSaver[Any]) -> Any:
    """A graph with a fan-out, a subgraph and a pause inside it."""
    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_node("work", lambda state: {"notes": [f"work {state['title']}"]})
    graph.add_node("inner", inner_graph())
    graph.add_edge(START, "talk")
    graph.add_conditional_edges(
        "talk", lambda state: [Send("work", {"title": str(i)}) for i in range(12)], ["work"]
    )
    graph.add_edge("work", "inner")
    return graph.compile(checkpointer=saver)


def told(tuples: Sequence[CheckpointTuple]) -> list[Any]:
    """Checkpoints without what differs between two runs: ids, times and versions."""
    seen: dict[str, int] = {}

    def number(name: str | None) -> int | None:
        return None if name is None else seen.setdefault(name, len(seen))

    def place(config: RunnableConfig | None) -> Any:
        named = config["configurable"] if config else {}
        return named.get("checkpoint_ns", "").partition(":")[0], number(named.get("checkpoint_id"))

    return [
        (
            place(item.config),
            place(item.parent_config),
            {k: v for k, v in item.checkpoint["channel_values"].items() if ":" not in k},
            sorted(item.checkpoint["channel_versions"]),
            sorted(item.checkpoint["versions_seen"]),
            item.checkpoint["updated_channels"],
            {k: v for k, v in item.metadata.items() if k != "parents"},
            [
                (channel, [] if channel == "__interrupt__" else value)
                for _, channel, value in item.pending_writes or ()
            ],
        )
        for item in sorted(tuples, key=lambda item: item.config["configurable"]["checkpoint_id"])
    ]


ANYWHERE: RunnableConfig = {"configurable": {"thread_id": "thread"}}
INPUT = {"messages": [HumanMessage("hello " * 40, id="human")]}


def test_blocking_runs_leave_the_same_history(saver: ConsoleSaver) -> None:
    """Of a pause in a subgraph, its resume and a fork, in every namespace."""
    memory = InMemorySaver()
    for each in (saver, memory):
        graph = conversation(each)
        graph.invoke(INPUT, ANYWHERE, durability="sync")
        graph.invoke(Command(resume="yes"), ANYWHERE, durability="sync")
        first = list(graph.get_state_history(ANYWHERE))[-2].config
        graph.update_state(first, {"count": 7}, as_node="talk")

    assert told(list(saver.list(ANYWHERE))) == told(list(memory.list(ANYWHERE)))
    assert conversation(saver).get_state(ANYWHERE).next == ("work",) * 12


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_async_runs_leave_the_same_history(saver: ConsoleSaver, durability: Any) -> None:
    """The same through the async methods, whatever the durability."""
    memory = InMemorySaver()
    for each in (saver, memory):
        graph = conversation(each)
        await graph.ainvoke(INPUT, ANYWHERE, durability=durability)
        await graph.ainvoke(Command(resume="yes"), ANYWHERE, durability=durability)

    stored = [item async for item in saver.alist(ANYWHERE)]
    assert told(stored) == told([item async for item in memory.alist(ANYWHERE)])


def extend(notes: list[str], writes: Sequence[list[str]]) -> list[str]:
    """Fold the writes of a step, in their order, into the list."""
    return [*notes, *itertools.chain.from_iterable(writes)]


class DeltaState(TypedDict):
    """A list that most checkpoints do not contain."""

    notes: Annotated[list[str], DeltaChannel(extend, snapshot_frequency=3)]


def test_delta_channels_are_read_back(saver: ConsoleSaver) -> None:
    """They live in the writes along the parents, whose order therefore counts."""
    memory = InMemorySaver()
    states = []
    for each in (saver, memory):
        graph = StateGraph(DeltaState)
        for name in "dbca":
            graph.add_node(name, lambda state, name=name: {"notes": [name]})
            graph.add_edge(START, name)
        compiled = graph.compile(checkpointer=each)
        for turn in range(5):
            compiled.invoke({"notes": [str(turn)]}, ANYWHERE)
        states.append(compiled.get_state(ANYWHERE).values)

    assert states[0] == states[1]
    assert len(states[0]["notes"]) == 25


def test_messages_are_sent_once(peer: Peer, saver: ConsoleSaver) -> None:
    """A conversation of n turns costs n messages, not n²."""
    graph = StateGraph(MessagesState)
    graph.add_node("talk", lambda state: {"messages": [AIMessage("x" * 1000)]})
    graph.add_edge(START, "talk")
    compiled = graph.compile(checkpointer=saver)
    for _ in range(20):
        compiled.invoke({"messages": [HumanMessage("y" * 1000)]}, ANYWHERE)

    new = [
        part
        for request in peer.received
        if isinstance(request, Put | PutWrites)
        for item in (request.values if isinstance(request, Put) else request.writes)
        if isinstance(item.value, Parts)
        for part in item.value.new
    ]
    # An input is also written once without an id, which LangGraph gives it afterwards.
    assert 40 <= len(new) <= 60
    assert len(compiled.get_state(ANYWHERE).values["messages"]) == 40


# The document --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "inline"),
    [
        (None, True),
        (True, True),
        (7, True),
        (0.5, True),
        ("x" * INLINE_CHARACTERS, True),
        ("x" * (INLINE_CHARACTERS + 1), False),
        (b"bytes", False),
        ([], False),
    ],
)
def test_small_values_travel_in_the_document(
    peer: Peer, saver: ConsoleSaver, value: object, inline: bool
) -> None:
    """The others are values of their own, sent when their version is new."""
    checkpoint = empty_checkpoint() | {
        "channel_values": {"c": value, "old": [1]},
        "channel_versions": {"c": "2", "old": "1"},
    }
    saver.put(ROOT, checkpoint, {}, {"c": "2"})

    (put,) = peer.of(Put)
    assert [item.channel for item in put.values] == ([] if inline else ["c"])
    read = saver.get_tuple(ROOT)
    assert read is not None
    assert read.checkpoint["channel_values"] == {"c": value}


def test_configs_hold_the_three_standard_keys(saver: ConsoleSaver) -> None:
    """LangGraph compares them."""
    config: RunnableConfig = {"configurable": {"thread_id": 7, "other": 1}, "tags": ["x"]}
    first, second = empty_checkpoint(), empty_checkpoint()
    stored = saver.put(config, first, {}, {})
    saver.put(stored, second, {}, {})
    read = saver.get_tuple(config)

    def named(checkpoint_id: str) -> RunnableConfig:
        return {
            "configurable": {
                "thread_id": "7",
                "checkpoint_ns": "",
                "checkpoint_id": checkpoint_id,
            }
        }

    assert stored == named(first["id"])
    assert read is not None
    assert (read.config, read.parent_config) == (named(second["id"]), stored)


def test_metadata_keeps_what_json_cannot_say(saver: ConsoleSaver) -> None:
    """A float stays a float, a number may be none, and the filter compares the same values."""
    nan = float("nan")
    config: RunnableConfig = {**ROOT, "metadata": {"score": 1.0, "none": nan, "big": 2**60}}
    saver.put(config, empty_checkpoint(), {"source": "loop", "step": 1}, {})

    (read,) = saver.list(ROOT, filter={"score": 1.0, "big": 2**60})
    assert str(read.metadata) == str(
        {"source": "loop", "step": 1, "score": 1.0, "none": nan, "big": 2**60}
    )


# Writes --------------------------------------------------------------------------------------


def test_writes_may_come_before_their_checkpoint(saver: ConsoleSaver) -> None:
    """They are read in the order of task path, task and index."""
    checkpoint = empty_checkpoint()
    config = copy.deepcopy(ROOT)
    config["configurable"]["checkpoint_id"] = checkpoint["id"]
    saver.put_writes(config, [("a", 1), ("b", 2)], "task-1", "path-2")
    saver.put_writes(config, [("c", 3)], "task-2", "path-1")
    saver.put(ROOT, checkpoint, {}, {})

    read = saver.get_tuple(ROOT)
    assert read is not None
    assert read.pending_writes == [("task-2", "c", 3), ("task-1", "a", 1), ("task-1", "b", 2)]


def test_special_writes_replace_and_others_stay(saver: ConsoleSaver) -> None:
    """Each special channel has one place in its task."""
    config = saver.put(ROOT, empty_checkpoint(), {}, {})
    for value in ("old", "new"):
        saver.put_writes(config, [("channel", value)], "task")
        saver.put_writes(config, [("__resume__", value)], "task")
        saver.put_writes(config, [("__error__", value), ("channel", value)], "mixed")

    read = saver.get_tuple(config)
    assert read is not None
    assert sorted(read.pending_writes or ()) == [
        ("mixed", "__error__", "old"),
        ("mixed", "channel", "old"),
        ("task", "__resume__", "new"),
        ("task", "channel", "old"),
    ]


# Lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "expected", "asked"),
    [
        (None, 2 * PAGE, [PAGE, PAGE, PAGE]),
        (0, 0, []),
        (3, 3, [3]),
        (PAGE, PAGE, [PAGE]),
        (PAGE + 1, PAGE + 1, [PAGE, 1]),
        (99, 2 * PAGE, [PAGE, PAGE, PAGE]),
    ],
)
async def test_long_histories_come_in_pages(
    peer: Peer, saver: ConsoleSaver, limit: int | None, expected: int, asked: list[int]
) -> None:
    """So that no reply grows with the thread."""
    ids = []
    for _ in range(2 * PAGE):
        ids.append((await saver.aput(ROOT, empty_checkpoint(), {}, {}))["configurable"])
    newest_first = [named["checkpoint_id"] for named in reversed(ids)]

    listed = [item.checkpoint["id"] for item in saver.list(ROOT, limit=limit)]
    assert listed == newest_first[:expected]
    assert [request.limit for request in peer.of(List)] == asked
    assert [item.checkpoint["id"] async for item in saver.alist(ROOT, limit=limit)] == listed


async def test_the_newest_is_read_once_where_it_is_trusted(peer: Peer, saver: ConsoleSaver) -> None:
    first = (await saver.aput(ROOT, empty_checkpoint(), {}, {}))["configurable"]
    read = await saver.aget_tuple(ROOT)
    saver.trust()
    assert await saver.aget_tuple(ROOT) == read
    assert len(peer.of(Get)) == 1
    assert await saver.aget_tuple(ROOT) == read  # once
    assert len(peer.of(Get)) == 2
    saver.trust()
    second = (await saver.aput(ROOT, empty_checkpoint(), {}, {}))["configurable"]
    newest = await saver.aget_tuple(ROOT)
    assert newest is not None
    assert newest.config["configurable"] == second != first


def test_a_list_of_everything_is_one_request(peer: Peer, saver: ConsoleSaver) -> None:
    """Across threads and namespaces an id is no place to go on from."""
    for thread in ("one", "two"):
        config: RunnableConfig = {"configurable": {"thread_id": thread}}
        saver.put(config, empty_checkpoint(), {}, {})

    assert len(list(saver.list(None))) == 2
    assert len(list(saver.list({"configurable": {"thread_id": "one"}}))) == 1
    assert [(r.thread, r.ns, r.limit) for r in peer.of(List)] == [
        (None, None, None),
        ("one", None, None),
    ]


# Serializers and scopes ------------------------------------------------------------------------


class Sealed(SerializerProtocol):
    """A serializer whose bytes say nothing."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Write under a kind that only this one reads."""
        kind, data = JsonPlusSerializer().dumps_typed(obj)
        return f"{kind}+sealed", data[::-1]

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read it back."""
        return JsonPlusSerializer().loads_typed((data[0].removesuffix("+sealed"), data[1][::-1]))


def test_another_serializer_s_values_stay_whole(peer: Peer, client: ConsoleClient) -> None:
    """Only plain msgpack is cut into parts."""
    saver = ConsoleSaver(client, Owner("agent"), serde=Sealed())
    value = ["x" * 200, "y" * 200]
    checkpoint = empty_checkpoint() | {
        "channel_values": {"c": value},
        "channel_versions": {"c": "1"},
    }
    saver.put(ROOT, checkpoint, {}, {"c": "1"})

    (put,) = peer.of(Put)
    assert [type(item.value) for item in put.values] == [Whole]
    read = saver.get_tuple(ROOT)
    assert read is not None
    assert read.checkpoint["channel_values"] == {"c": value}


def test_agents_objects_are_rebuilt_only_if_allowed(saver: ConsoleSaver) -> None:
    """Strict by default; LangGraph allows a graph's own types by a copy with an allow-list."""
    config = saver.put(ROOT, empty_checkpoint(), {}, {})
    saver.put_writes(config, [("c", Thing(1))], "task")
    allowed = saver.with_allowlist([(Thing.__module__, Thing.__name__)])

    strict, free = saver.get_tuple(config), allowed.get_tuple(config)
    assert strict is not None
    assert free is not None
    assert strict.pending_writes == [("task", "c", {"number": 1})]
    assert free.pending_writes == [("task", "c", Thing(1))]


def test_every_request_carries_the_scope(peer: Peer, client: ConsoleClient) -> None:
    """The lease of the run, in its attempt; an older attempt is refused."""
    scopes: list[Scope] = [Lease(1, 1), Lease(1, 2)]
    for scope in scopes:
        conversation(ConsoleSaver(client, scope)).invoke(INPUT, ANYWHERE)
    assert {request.scope for request in peer.received if hasattr(request, "scope")} == set(scopes)

    peer.lost = {Lease(1, 1)}
    with pytest.raises(Refusal, match="fenced"):
        conversation(ConsoleSaver(client, Lease(1, 1))).invoke(INPUT, ANYWHERE)


def test_no_identifier_is_drawn(saver: ConsoleSaver, monkeypatch: pytest.MonkeyPatch) -> None:
    """LangGraph's tests count what is drawn from `uuid4`."""
    drawn = []
    checkpoint = empty_checkpoint()
    saver.delete_thread("another")  # the connection, which draws one, is there
    monkeypatch.setattr(uuid, "uuid4", lambda: drawn.append(1))
    config = saver.put(ROOT, checkpoint, {}, {})
    saver.put_writes(config, [("c", saver.get_next_version(None, None))], "task")

    assert saver.get_tuple(config) is not None
    assert drawn == []


def test_what_cannot_be_stored_fails_before_it_is_sent(peer: Peer, saver: ConsoleSaver) -> None:
    """As with LangGraph's own savers: the run fails at the save."""
    with pytest.raises(TypeError, match="not msgpack serializable"):
        saver.put_writes(saver.put(ROOT, empty_checkpoint(), {}, {}), [("c", object())], "task")

    assert peer.of(PutWrites) == []


async def test_threads_are_deleted(saver: ConsoleSaver) -> None:
    """Through either side."""
    for delete in (saver.adelete_thread, saver.delete_thread):
        await saver.aput(ROOT, empty_checkpoint(), {}, {})
        deleting = delete("thread")
        if deleting is not None:
            await deleting
        assert await saver.aget_tuple(ROOT) is None
