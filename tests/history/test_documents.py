"""What a checkpoint's document tells is what LangGraph itself makes of it."""

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from agents.history import documents
from agents.history.documents import SENDS, Document
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Put, PutWrites, Whole
from reviewconsole.protocol.plain import Plain, Typed
from tests.history.graphs import fan, line, nested
from tests.history.recording import Recording
from tests.reviews.plain_values import PLAIN


def stored(recording: Recording) -> dict[str, tuple[Document, Mapping[str, Plain]]]:
    """The document and the internal values of each checkpoint of the root, by id."""
    kept: dict[tuple[str, str], Plain] = {}
    found: dict[str, tuple[Document, Mapping[str, Plain]]] = {}
    for put in recording.recorder.puts:
        if not isinstance(put, Put) or put.ns:
            continue
        for item in put.values:
            if isinstance(item.value, Whole):
                kept[item.channel, item.version] = plain.decode(item.value.kind, item.value.data)
        document = documents.read(put.document)
        values = {
            channel: kept[channel, version]
            for channel, version in document.versions.items()
            if documents.is_internal(channel) and (channel, version) in kept
        }
        found[put.checkpoint_id] = document, values
    return found


def triggers(recording: Recording) -> dict[str, list[str]]:
    return {name: list(node.triggers) for name, node in recording.graph.nodes.items()}


@pytest.fixture(scope="module", params=[line, fan, nested])
def recording(request: pytest.FixtureRequest) -> Recording:
    """A thread as it is stored."""
    recorded: Recording = request.param()
    return recorded


def test_the_next_nodes_are_those_of_langgraph(recording: Recording) -> None:
    for checkpoint, (document, values) in stored(recording).items():
        expected = recording.graph.get_state(recording.at(checkpoint)).next
        assert document.next_nodes(values, triggers(recording)) == expected


def test_without_triggers_the_names_of_channels_tell_the_same(recording: Recording) -> None:
    for checkpoint, (document, values) in stored(recording).items():
        expected = recording.graph.get_state(recording.at(checkpoint)).next
        assert sorted(document.next_nodes(values)) == sorted(expected)


def test_a_node_that_the_graph_has_lost_is_next_all_the_same() -> None:
    recording = line()
    changed = triggers(recording)
    del changed["ask"]
    read = stored(recording).values()
    assert ("ask",) in [document.next_nodes(values, changed) for document, values in read]


def test_the_nodes_that_ran_are_told_by_what_they_have_seen() -> None:
    read = [document for document, _ in stored(line()).values()]
    ran = [after.ran_since(before) for before, after in pairwise(read)]
    assert ran == [("__start__",), ("first",), ("ask",), ("last",)]
    assert read[-1].nodes_seen == ("__start__", "first", "ask", "last")


def test_a_task_is_of_the_node_that_its_path_or_its_send_names() -> None:
    recording = fan()
    sent = {
        key: documents.sends(values.get(SENDS)) for key, (_, values) in stored(recording).items()
    }
    named = [
        (documents.task_node(put.task_path, sent[put.checkpoint_id]))
        for put in recording.recorder.puts
        if isinstance(put, PutWrites) and put.task_path
    ]
    assert list(dict.fromkeys(named)) == ["__start__", "first", "work", "side", "both", "end"]


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("~__pregel_pull, a, b", "a, b"),
        ("~__pregel_push, 0000000000, 0000000000", "work"),
        ("~__pregel_push, 0000000001, 0000000000", ""),
        ("~__pregel_push, ~~__pregel_pull, main, 0000000000", ""),
        ("", ""),
    ],
)
def test_paths(path: str, node: str) -> None:
    assert documents.task_node(path, ["work"]) == node


def test_a_node_whose_name_has_a_plus_joins() -> None:
    document = Document(versions={"join:a+b+c:d": "1"}, seen={})
    heard = [["a"], ["a+b", "c"], ["a", "b", "c"], ["a", "b"]]
    found = [
        document.next_nodes({"join:a+b+c:d": Typed(0, "builtins", "set", each)}) for each in heard
    ]
    assert found == [(), ("d",), ("d",), ()]


def test_numbers_are_versions_as_well() -> None:
    """A thread that another saver began may have them."""
    document = Document(versions={"branch:to:a": "10"}, seen={"a": {"branch:to:a": "9"}})
    assert document.next_nodes({"branch:to:a": None}) == ("a",)


@given(st.binary())
def test_any_bytes_are_a_document(data: bytes) -> None:
    assert documents.read(data).next_nodes({}) is not None


CHANNELS = st.sampled_from(["__start__", "branch:to:a", "join:a+b:c", "x", SENDS])


@given(
    st.dictionaries(CHANNELS, PLAIN),
    st.dictionaries(st.sampled_from("abc"), st.dictionaries(CHANNELS, st.text(max_size=3))),
    st.dictionaries(CHANNELS, PLAIN),
)
def test_next_nodes_never_raises(
    versions: dict[str, Plain], seen: dict[str, dict[str, str]], values: dict[str, Plain]
) -> None:
    told: Plain = {"channel_versions": versions, "versions_seen": seen, "channel_values": values}  # type: ignore[dict-item]  # text keys
    document = documents.read(plain.encode(told)[1])
    assert document.next_nodes(values) is not None
    assert document.next_nodes(values, {"a": ["x", "y"]}) is not None
