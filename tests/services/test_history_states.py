"""A checkpoint as people read it says what LangGraph says of it, and more."""

from typing import Any

import pytest
from langgraph.types import Command

from agents.exceptions import NotFound
from agents.history.tasks import Task
from agents.models import Agent, Blob, Thread
from agents.services import history
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import ChannelValue, Show, Whole
from reviewconsole.protocol.plain import Typed
from tests.factories import connect_runner
from tests.history.graphs import fan, line, nested
from tests.services.replayed import describe_triggers, replay
from tests.services.saving import OWNER, parts, put, put_writes, save, whole


@pytest.mark.parametrize("graph", [line, fan, nested])
@pytest.mark.parametrize("tells_triggers", [True, False])
def test_a_checkpoint_is_read_as_langgraph_reads_it(db, graph, tells_triggers):
    recording = graph()
    thread = replay(recording)
    if tells_triggers:
        Agent.objects.update(spec={"triggers": describe_triggers(recording)})
    for checkpoint_id, snapshot in recording.snapshots().items():
        found = history.checkpoint(thread=thread, checkpoint_id=checkpoint_id)
        empty: dict[str, Any] = {"log": []}  # as LangGraph makes it where nothing is stored
        assert empty | dict(found.values) == snapshot.values
        assert sorted(found.next) == sorted(snapshot.next)
        assert (found.source, found.step) == (
            snapshot.metadata["source"],
            snapshot.metadata["step"],
        )
        tasks = {(task.task_id, task.node) for task in found.tasks if not task.by_fork}
        assert tasks == {(task.id, task.name) for task in snapshot.tasks}
        assert not found.unreadable
        assert not found.unshown


def ran(thread, ns=""):
    found = [
        history.checkpoint(thread=thread, checkpoint_id=row.checkpoint_id, ns=ns)
        for row in thread.checkpoints.filter(ns=ns).order_by("checkpoint_id")
    ]
    return [state.nodes for state in found]


def test_the_nodes_that_ran_are_named(db):
    assert ran(replay(line())) == [(), ("__start__",), ("first",), ("ask",), ("last",)]
    assert ran(replay(fan())) == [
        (), ("__start__",), ("first",), ("side", "work"), ("both",), ("end",)
    ]  # fmt: skip
    thread = replay(nested())
    (inner,) = {row.ns for row in thread.checkpoints.all() if row.ns.count("|") == 1}
    assert ran(thread, inner) == [(), ("__start__",), ("begin",), ("ask",)]


def test_tasks_say_how_far_they_have_come(db):
    recording = fan(answered=False)
    thread = replay(recording)
    found = history.checkpoint(thread=thread, checkpoint_id=recording.head)
    done, asks, side = sorted(found.tasks, key=lambda task: (task.node != "work", task.path))
    assert (done.node, done.writes, done.finished) == ("work", (("log", ["work:0"]),), True)
    assert (asks.node, asks.interrupts, asks.finished) == ("work", ("Do it?",), False)
    assert (side.node, side.writes, side.finished) == ("side", (("log", ["side"]),), True)


def test_answers_and_changes_beside_a_step_are_told_apart(db):
    recording = line()
    pause = next(key for key, each in recording.snapshots().items() if each.next == ("ask",))
    recording.run(None, pause)
    head = recording.run(Command(update={"note": "N"}))
    thread = replay(recording)
    (asked, *_) = history.checkpoint(thread=thread, checkpoint_id=pause).tasks[::-1]
    assert (asked.interrupts, asked.answers, asked.finished) == (("Sure?",), ("yes",), True)
    beside = [
        task for task in history.checkpoint(thread=thread, checkpoint_id=head).tasks if task.by_fork
    ]
    assert [(task.node, task.writes, task.finished) for task in beside] == [
        ("", (("note", "N"),), False)
    ]


def test_an_error_is_told(db):
    runner = connect_runner()
    error = Typed(0, "builtins", "ValueError", ["boom"])
    save(
        runner,
        put("1ef0"),
        put_writes("1ef0", (-1, "__error__", whole("E('boom')")), path="~__pregel_pull, a"),
        put_writes("1ef0", (-1, "__error__", whole(error)), task="2", path="~__pregel_pull, b"),
    )
    thread = runner_thread()
    assert history.checkpoint(thread=thread, checkpoint_id="1ef0").tasks == (
        Task("task-1", "a", "~__pregel_pull, a", error="E('boom')"),
        Task("2", "b", "~__pregel_pull, b", error="builtins.ValueError"),
    )


def runner_thread():
    return Thread.objects.select_related("agent").get(thread_id="thread-1")


def test_what_cannot_be_read_says_so_by_channel(db):
    secret = Whole("msgpack+aes", b"???")
    save(connect_runner(), put("1ef0", {("plans", "1"): secret, ("log", "1"): whole(["a", "b"])}))
    found = history.checkpoint(thread=runner_thread(), checkpoint_id="1ef0")
    assert found.values == {"log": ["a", "b"]}
    assert found.unreadable == {
        "plans": "a value stored as 'msgpack+aes' cannot be read by the console"
    }
    raw: Any = history.raw(thread=runner_thread(), checkpoint_id="1ef0")
    assert raw["values"] == {"log": ["a", "b"], "plans": {"unreadable": found.unreadable["plans"]}}


def test_a_state_that_is_too_large_says_so(db, settings):
    save(connect_runner(), put("1ef0", {("log", "1"): whole(["x" * 500])}))
    settings.RUNNER_MAX_FRAME_BYTES = 100
    found = history.checkpoint(thread=runner_thread(), checkpoint_id="1ef0")
    assert found.values == {}
    assert list(found.unreadable) == ["log"]
    assert "RUNNER_MAX_FRAME_BYTES=100" in found.unreadable["log"]


def test_a_rebuilt_channel_is_shown_where_something_was_kept(db):
    counters = {"counters_since_delta_snapshot": {"messages": [1, 1], "files": [0, 1]}}
    save(
        connect_runner(),
        put("1ef0", kept={"messages": "2", "files": "1", "jump_to": "1"}, metadata=counters),
        Show(OWNER, "thread-1", "", (ChannelValue("messages", "2", whole(["hello"])),)),
        put("1ef1", kept={"messages": "3", "files": "1"}, metadata=counters),
    )
    first = history.checkpoint(thread=runner_thread(), checkpoint_id="1ef0")
    assert (first.values, first.unshown) == ({"messages": ["hello"]}, ("files",))
    second = history.checkpoint(thread=runner_thread(), checkpoint_id="1ef1")
    assert (second.values, second.unshown) == ({}, ("messages", "files"))


def test_a_delta_channel_that_is_kept_whole_is_its_value(db):
    snapshot = Typed(7, "langgraph", "DeltaSnapshot", ["a"])
    save(connect_runner(), put("1ef0", {("messages", "1"): whole(snapshot)}))
    found = history.checkpoint(thread=runner_thread(), checkpoint_id="1ef0")
    assert found.values == {"messages": ["a"]}


def test_a_damaged_store_says_so(db):
    save(connect_runner(), put("1ef0", {("log", "1"): whole("x")}))
    Blob.objects.update(form=1, data=b"\0\0\0\7\0\0\0\1")
    found = history.checkpoint(thread=runner_thread(), checkpoint_id="1ef0")
    assert found.unreadable == {"log": "the store has lost a part of it"}


def test_a_checkpoint_costs_eight_queries_at_most(db, django_assert_max_num_queries):
    recording = fan()
    thread = replay(recording)
    for checkpoint_id in recording.snapshots():
        with django_assert_max_num_queries(8):
            history.checkpoint(thread=thread, checkpoint_id=checkpoint_id)


@pytest.mark.parametrize(
    ("checkpoint_id", "ns"),
    [("1ef9", ""), ("1ef0", "sub:1"), ("1ef0\0", ""), ("1ef0", "\0"), ("", "")],
)
def test_an_unknown_checkpoint_is_not_found(db, checkpoint_id, ns):
    save(connect_runner(), put("1ef0"))
    with pytest.raises(NotFound):
        history.checkpoint(thread=runner_thread(), checkpoint_id=checkpoint_id, ns=ns)
    with pytest.raises(NotFound):
        history.raw(thread=runner_thread(), checkpoint_id=checkpoint_id, ns=ns)


def test_raw_is_everything_and_can_be_sent(db):
    recording = line()
    thread = replay(recording)
    pause = next(key for key, each in recording.snapshots().items() if each.next == ("ask",))
    raw: Any = history.raw(thread=thread, checkpoint_id=pause)
    assert plain.encode(raw)[0] == "msgpack"
    assert (raw["checkpoint_id"], raw["metadata"]["step"]) == (pause, 1)
    assert raw["values"]["log"] == ["in", "first"]
    assert [write["channel"] for write in raw["writes"]] == [
        "__resume__", "__resume__", "__interrupt__", "log", "branch:to:last"
    ]  # fmt: skip


def test_changes_since_the_parent(db):
    recording = line()
    thread = replay(recording)
    last = history.checkpoint(thread=thread, checkpoint_id=recording.head)
    parent = history.checkpoint(thread=thread, checkpoint_id=last.parent_id)
    assert [change.path for change in history.changes(parent, last).changes] == [("log", 3)]
    assert [change.path for change in history.changes(None, last).changes] == [("log",)]


def test_storing_a_checkpoint_is_measured(db):
    recording = line()
    thread = replay(recording)
    sizes = [row.stored_bytes for row in thread.checkpoints.order_by("checkpoint_id")]
    assert min(sizes) > 100
    first: Any = recording.recorder.puts[0]
    kept = sum(len(item.value.data) for item in first.values)
    assert sizes[0] == len(first.document) + len(first.metadata) + kept


def test_a_part_that_is_there_already_adds_nothing(db):
    text: list[Any] = [f"{number:0100}" for number in range(40)]
    save(connect_runner(), put("1ef0", {("log", "1"): parts(text)}))
    save(connect_runner(), put("1ef1", {("log", "2"): parts([*text, "more" * 50])}))
    first, second = runner_thread().checkpoints.order_by("checkpoint_id")
    assert first.stored_bytes > 4000
    assert second.stored_bytes < 400
