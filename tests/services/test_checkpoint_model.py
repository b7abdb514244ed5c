"""Any saves, by any processes, in any batches, some of them lost: the store is what a dict is."""

from collections import defaultdict
from copy import deepcopy
from itertools import count, product
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import (
    CheckpointRequest,
    DeleteThread,
    Done,
    StoredWrite,
    Value,
    Whole,
)
from tests.factories import connect_runner
from tests.services.saving import (
    OWNER,
    chat,
    execute,
    failing_commit,
    get,
    hashes_of,
    parts,
    put,
    put_writes,
    refused,
    values_of,
    whole,
)

Step: TypeAlias = tuple[str, dict[str, str], Any]

THREADS, CHECKPOINTS, NAMESPACES = ("a", "b"), ("1ef1", "1ef2"), ("", "sub:1")
CHATS = st.lists(st.integers(0, 9), min_size=2, max_size=8)
VALUES = st.one_of(CHATS, CHATS, st.sampled_from(["text", 1, None]))
PLACES = st.fixed_dictionaries(
    {
        "thread": st.sampled_from("aaab"),  # one thread that all meet on
        "checkpoint_id": st.sampled_from(CHECKPOINTS),
        "ns": st.sampled_from(NAMESPACES),
    }
)
PUTS = st.tuples(
    st.just("put"),
    PLACES,
    st.dictionaries(
        st.tuples(st.sampled_from("xy"), st.sampled_from("12")), VALUES, min_size=1, max_size=2
    ),
)
WRITES = st.tuples(
    st.just("writes"),
    PLACES,
    st.tuples(
        st.sampled_from(["t1", "t2"]),
        st.booleans(),
        st.lists(st.tuples(st.integers(-2, 2), st.sampled_from("xy"), VALUES), max_size=3),
    ),
)
DELETES = st.tuples(st.just("delete"), PLACES, st.none())
STEPS = st.lists(st.one_of(*[PUTS, WRITES] * 6, DELETES), min_size=1, max_size=4)
# A batch goes to one of two processes; some batches are lost in a rollback.
BATCHES = st.lists(st.tuples(st.integers(0, 1), st.booleans(), STEPS), min_size=4, max_size=12)

_examples = count()


class Model:
    """What the store should hold, in dicts."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, ...], dict[str, str]] = {}
        self.values: dict[tuple[str, ...], Any] = {}
        self.writes: dict[tuple[str, ...], dict[tuple[str, int], tuple[str, Any]]] = {}

    def do(self, step: Step) -> None:
        """Take a step."""
        kind, place, what = step
        thread, ns = place["thread"], place["ns"]
        at = (thread, ns, place["checkpoint_id"])
        match kind:
            case "put":
                self.documents[at] = dict(what.keys())
                for (channel, version), value in what.items():
                    self.values.setdefault((thread, ns, channel, version), value)
            case "writes":
                task, replace, written = what
                rows = self.writes.setdefault(at, {})
                for index, channel, value in written:
                    if replace or (task, index) not in rows:
                        rows[task, index] = (channel, value)
            case "delete":
                tables: tuple[dict[tuple[str, ...], Any], ...]
                tables = (self.documents, self.values, self.writes)
                for table in tables:
                    for key in [key for key in table if key[0] == thread]:
                        del table[key]

    def read(self, *at: str) -> list[tuple[dict[str, Whole], list[StoredWrite]]]:
        """What a get of that checkpoint finds: values by channel, and writes in order."""
        if at not in self.documents:
            return []
        thread, ns, _ = at
        values = {
            channel: written(self.values[thread, ns, channel, version])
            for channel, version in self.documents[at].items()
        }
        rows = sorted(self.writes.get(at, {}).items())
        writes = [StoredWrite(task, name, written(value)) for (task, _), (name, value) in rows]
        return [(values, writes)]


def written(value: Any) -> Whole:
    """The value as it is read back; a list of numbers stands for a chat of these messages."""
    return whole(chat(*value) if isinstance(value, list) else value)


class Client:
    """A runner's end: it sends the bytes of a part once, and remembers which it sent."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix  # threads of another example are other threads
        self.known: dict[str, set[bytes]] = defaultdict(set)

    def request(self, step: Step) -> CheckpointRequest:
        """The step on the wire, as after those before it."""
        kind, place, what = step
        thread = self.prefix + place["thread"]
        at: dict[str, Any] = {"thread": thread, "ns": place["ns"]}
        match kind:
            case "put":
                new = {key: self.sent(thread, value) for key, value in what.items()}
                return put(place["checkpoint_id"], new, **at)
            case "writes":
                task, replace, rows = what
                sent = [(index, name, self.sent(thread, value)) for index, name, value in rows]
                return put_writes(place["checkpoint_id"], *sent, task=task, replace=replace, **at)
        self.known.pop(thread, None)
        return DeleteThread(OWNER, thread)

    def sent(self, thread: str, value: Any) -> Value:
        """The value on the wire."""
        if not isinstance(value, list):
            return written(value)
        request = parts(chat(*value), self.known[thread])
        self.known[thread] |= hashes_of(chat(*value))
        return request


@pytest.mark.timeout(180)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=BATCHES)
def test_the_store_is_what_a_dict_would_be(db, batches):
    runner = connect_runner()
    stores, model, client = (Store(), Store()), Model(), Client(f"{next(_examples)}-")

    for process, is_lost, steps in batches:
        before = deepcopy(client.known)
        requests = [client.request(step) for step in steps]
        if is_lost:
            with failing_commit():
                results = execute(runner, *requests, store=stores[process])
            gone = refused("unavailable", "the database did not answer: gone")
            assert results == [gone] * len(steps)
            client.known = before
        else:
            assert execute(runner, *requests, store=stores[process]) == [Done()] * len(steps)
            for step in steps:
                model.do(step)

    for thread, ns, checkpoint_id in product(THREADS, NAMESPACES, CHECKPOINTS):
        (result,) = execute(runner, get(checkpoint_id, thread=client.prefix + thread, ns=ns))
        found = [(values_of(stored), list(stored.writes)) for stored in result.checkpoints]
        assert found == model.read(thread, ns, checkpoint_id)
