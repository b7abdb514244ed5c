"""What people read of delta channels: sent beside each checkpoint that holds no value of them."""

from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.pregel._messages import _messages_delta_reducer
from typing_extensions import TypedDict

from reviewconsole.protocol import plain, tagged
from reviewconsole.protocol.messages import List, Owner, Paused, Show
from reviewconsole.runner import interrupts, stored
from reviewconsole.runner.client import ConsoleClient
from tests.runner import executing
from tests.runner.executing import Desk, Reply, chain
from tests.runner.peer import Peer


@pytest.fixture(autouse=True)
def in_force() -> None:
    """The runner's own `interrupt`."""
    interrupts.install()


class Talk(TypedDict, total=False):
    messages: Annotated[list[BaseMessage], DeltaChannel(_messages_delta_reducer)]
    count: int


def greet(state: Talk) -> Any:
    return {"messages": [AIMessage("hello")], "count": 1}


def ask(state: Talk) -> Any:
    return {"messages": [AIMessage(interrupts.interrupt("go on?"))]}


def beside(state: Talk) -> Any:
    return {"messages": [AIMessage("beside")]}


def talk() -> Any:
    """`greet`, then `ask` beside `beside`, then the graph inside, which greets once more."""
    inner = StateGraph(Talk).add_node("greet", greet).add_edge(START, "greet").compile()
    builder = StateGraph(Talk).add_node(greet).add_node(ask).add_node(beside)
    builder.add_node("inner", inner).add_edge(START, "greet").add_edge("greet", "ask")
    return builder.add_edge("greet", "beside").add_edge("ask", "inner").compile()


def shown(peer: Peer) -> dict[tuple[str, Any], list[str]]:
    """What the messages are at each checkpoint, by graph and step, oldest first.

    Every checkpoint that has written messages shows them: beside it, or in a snapshot of its own.
    """
    found = peer.store.find(List(Owner("agent"), "t", None, None, None, None, None)).checkpoints
    texts: dict[tuple[str, Any], list[str]] = {}
    for each in reversed(found):
        document: Any = plain.decode("msgpack", each.document)
        metadata: Any = tagged.loads(each.metadata.decode())
        version = document["channel_versions"].get("messages")
        own: dict[str, Any] = {item.channel: item.value for item in each.values}
        if version is None:
            messages = []
        elif "messages" in own:
            messages = stored.load(own["messages"]).value
        else:
            messages = stored.load(peer.store.shown["t", each.ns, "messages", str(version)])
        place = each.ns.partition(":")[0], metadata["step"]
        texts[place] = [message.text for message in messages]
    return texts


async def test_every_checkpoint_shows_its_messages(peer: Peer, client: ConsoleClient) -> None:
    """Of the root and of a graph inside, before and after a pause; a finished sibling counts later.

    Each version of them is sent once.
    """
    desk = Desk(peer, client, talk())
    await desk.start({"messages": [HumanMessage("hi")]})
    paused = {("", -1): [], ("", 0): ["hi"], ("", 1): ["hi", "hello"]}
    assert shown(peer) == paused

    await desk.resume("yes")
    after = ["hi", "hello", "yes", "beside"]
    assert shown(peer) == {
        **paused,
        ("", 2): after,
        ("inner", -1): [],
        ("inner", 0): after,
        ("inner", 1): [*after, "hello"],
        ("", 3): [*after, "hello"],
    }
    sent = [(each.ns, item.version) for each in peer.of(Show) for item in each.values]
    assert len(sent) == len(set(sent)) == 6


async def test_what_is_stored_outside_of_the_stream_is_shown(
    peer: Peer, client: ConsoleClient
) -> None:
    """A node is skipped: the checkpoint made for it is read back."""
    builder = StateGraph(Talk).add_node(greet).add_node(ask).add_edge(START, "greet")
    desk = Desk(peer, client, builder.add_edge("greet", "ask").compile())
    await desk.start({"messages": [HumanMessage("hi")]})
    await desk.resume(Reply({"messages": [AIMessage("instead")]}, then="write"))
    assert shown(peer)["", 2] == ["hi", "hello", "instead"]


async def test_a_graph_without_delta_channels_sends_nothing(
    peer: Peer, client: ConsoleClient
) -> None:
    desk = Desk(peer, client, chain(executing.ask))
    await desk.start({"out": []})
    await desk.resume("yes")
    assert peer.of(Show) == []


async def test_branches_show_theirs(peer: Peer, client: ConsoleClient) -> None:
    """A replay, and a fork that stays; `shown` fails for a checkpoint that shows nothing."""
    desk = Desk(peer, client, talk())
    await desk.start({"messages": [HumanMessage("hi")]})
    await desk.resume("yes")
    _, before_greet, before_ask, *_ = [each.checkpoint_id for each in desk.history()]

    await desk.travel(before_ask, ["ask", "beside"])
    await desk.resume("no")
    assert shown(peer)["", 4] == ["hi", "hello", "no", "beside", "hello"]

    change = {"messages": [HumanMessage("more")]}
    await desk.travel(before_greet, ["greet"], update=change, as_node="__start__", stays=True)
    assert isinstance(await desk.start({"messages": [HumanMessage("and")]}), Paused)
    assert list(shown(peer).values())[-1] == ["hi", "more", "and", "hello"]
