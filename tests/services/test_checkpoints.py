"""The checkpoint store keeps what LangGraph saves, byte for byte."""

import dataclasses
from typing import Any

import pytest
from django.db import connection

from agents.models import PendingWrite, Thread
from agents.services import checkpoints
from agents.services.checkpoints import Store
from reviewconsole.protocol import tagged
from reviewconsole.protocol.messages import StoredCheckpoint, StoredWrite, Value, Whole
from reviewconsole.protocol.plain import Plain, Typed
from tests.factories import connect_runner, start_run, take
from tests.services.saving import (
    THREAD,
    chat,
    document,
    execute,
    get,
    hashes_of,
    parts,
    put,
    put_writes,
    read,
    save,
    values_of,
    whole,
)

LONG = "x" * 100


@pytest.fixture
def runner(db):
    return connect_runner()


def writes_of(runner, checkpoint_id="1efa"):
    (stored,) = read(runner, get(checkpoint_id))
    return [(write.task_id, write.channel, write.value) for write in stored.writes]


def test_a_checkpoint_comes_back_whole(runner):
    saved = {("messages", "2"): whole(chat(1, 2)), ("total", "1"): whole(120.0)}
    metadata: Plain = {"step": 1, "id": 2**60, "rate": 1.0, "$odd": None}
    request = put("1efa", saved, parent="1ef9", metadata=metadata, kept={"never": "1"})
    sent = put("1efa", saved | {("messages", "2"): parts(chat(1, 2))}).values
    save(
        runner,
        dataclasses.replace(request, values=sent),
        put_writes("1efa", (0, "messages", parts(chat(1, 2))), (1, "branch:to:model", whole(None))),
    )
    (stored,) = read(runner, get("1efa"))
    assert stored == StoredCheckpoint(
        thread=THREAD,
        ns="",
        checkpoint_id="1efa",
        parent_id="1ef9",
        document=document({"never": "1", "messages": "2", "total": "1"}),
        metadata=tagged.dumps(metadata).encode(),
        values=request.values,
        writes=(
            StoredWrite("task-1", "messages", whole(chat(1, 2))),
            StoredWrite("task-1", "branch:to:model", whole(None)),
        ),
    )


@pytest.mark.parametrize(
    "value",
    [
        [LONG, LONG],
        [[LONG, [LONG]], {"a": [LONG]}, []],
        [None, True, 2**63, -1.5, b"\x00" * 200, "naïve 😀"],
        [Typed(5, "app", "Message", {"content": LONG}), LONG],
        [LONG] + [n % 3 for n in range(70_000)],
        ["", *([{}] * 200)],
    ],
    ids=["repeated", "nested", "scalars", "typed", "long", "empty-elements"],
)
def test_an_array_in_parts_comes_back_byte_for_byte(runner, value):
    save(runner, put("1efa", {("channel", "1"): parts(value)}))
    (stored,) = read(runner, get())
    assert values_of(stored) == {"channel": whole(value)}


@pytest.mark.parametrize(
    "value",
    [
        Whole("null", b""),
        Whole("empty", b""),
        Whole("bytes", b"\x00\xff"),
        Whole("msgpack", b"\x90"),
        Whole("msgpack+aes", b"secret"),
        Whole("msgpack", b"\xc1 damaged"),
    ],
    ids=repr,
)
def test_a_whole_value_is_kept_as_it_came_read_or_not(runner, value):
    save(runner, put("1efa", {("channel", "1"): value}))
    (stored,) = read(runner, get())
    assert values_of(stored) == {"channel": value}


def test_the_newest_the_named_and_the_unknown(runner):
    save(runner, put("1efb"), put("1efc"), put("1efa"), put("1eff", ns="sub:1"))
    assert [item.checkpoint_id for item in read(runner, get())] == ["1efc"]
    assert [item.checkpoint_id for item in read(runner, get("1efa"))] == ["1efa"]
    assert [item.checkpoint_id for item in read(runner, get(ns="sub:1"))] == ["1eff"]
    for unknown in (get("1ef0"), get("1eff"), get(ns="none"), get(thread="none")):
        assert read(runner, unknown) == []


def test_a_checkpoint_has_the_values_its_document_names_and_no_others(runner):
    save(
        runner,
        put("1efa", {("a", "1"): whole("old"), ("b", "1"): whole("kept")}),
        put("1efb", {("a", "2"): whole("new")}, kept={"b": "1"}),
        put("1efb", {("a", "3"): whole("other")}, ns="sub:1", kept={"b": "1"}),
    )
    (newest,) = read(runner, get())
    assert values_of(newest) == {"b": whole("kept"), "a": whole("new")}
    (older,) = read(runner, get("1efa"))
    assert values_of(older) == {"a": whole("old"), "b": whole("kept")}
    (inner,) = read(runner, get(ns="sub:1"))
    assert values_of(inner) == {"a": whole("other")}


def test_a_repeated_put_leaves_its_last_document_and_the_first_value_of_a_version(runner):
    first = put("1efa", {("a", "1"): whole("first")}, metadata={"step": 1})
    last = put("1efa", {("a", "1"): whole("last")}, metadata={"step": 2}, parent="1ef9")
    for requests in ([first, last], [first, first]):  # in one batch
        save(runner, *requests)
    save(runner, last)
    (stored,) = read(runner, get())
    assert (stored.parent_id, stored.metadata) == ("1ef9", b'{"step":2}')
    assert values_of(stored) == {"a": whole("first")}


def test_writes_may_come_before_their_checkpoint_and_bring_its_parts(runner):
    save(runner, put_writes("1efa", (0, "messages", parts(chat(1, 2)))))
    assert read(runner, get("1efa")) == []
    bare = parts(chat(1, 2), known=hashes_of(chat(1, 2)))
    assert bare.new == ()
    save(runner, put("1efa", {("messages", "1"): bare}))
    assert writes_of(runner) == [("task-1", "messages", whole(chat(1, 2)))]
    (stored,) = read(runner, get())
    assert values_of(stored) == {"messages": whole(chat(1, 2))}


def test_writes_come_back_by_path_task_and_index(runner):
    save(
        runner,
        put("1efa"),
        put_writes("1efa", (1, "b", whole(1)), (0, "a", whole(0)), task="task-2", path="~1"),
        put_writes(
            "1efa", (0, "c", whole(2)), (-1, "__error__", whole(3)), task="task-1", path="~1"
        ),
        put_writes("1efa", (0, "d", whole(4)), task="task-9", path="~0"),
    )
    assert [channel for _, channel, _ in writes_of(runner)] == ["d", "__error__", "c", "a", "b"]


@pytest.mark.parametrize("together", [True, False], ids=["one-batch", "two-batches"])
@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        (False, False, "first"),
        (True, True, "second"),
        (True, False, "first"),
        (False, True, "second"),
    ],
)
def test_plain_writes_stay_and_special_ones_are_replaced(runner, together, first, second, stays):
    requests = [
        put_writes("1efa", (-1, "x", whole("first")), replace=first),
        put_writes("1efa", (-1, "x", whole("second")), replace=second),
    ]
    for batch in [requests] if together else [[request] for request in requests]:
        save(runner, *batch)
    save(runner, put("1efa"))
    assert writes_of(runner) == [("task-1", "x", whole(stays))]


@pytest.mark.parametrize(("replace", "stays"), [(False, "first"), (True, "second")])
def test_an_index_named_twice_in_one_request_counts_as_two_requests(runner, replace, stays):
    twice = [(-1, "x", whole("first")), (-1, "x", whole("second"))]
    save(runner, put("1efa"), put_writes("1efa", *twice, replace=replace))
    assert writes_of(runner) == [("task-1", "x", whole(stays))]


def test_a_replaced_write_takes_over_its_channel_kind_and_path(runner):
    save(runner, put_writes("1efa", (-1, "x", parts(chat(1, 2))), path="~0", replace=True))
    save(runner, put_writes("1efa", (-1, "y", Whole("bytes", b"\x00")), path="~1", replace=True))
    save(runner, put("1efa"))
    assert writes_of(runner) == [("task-1", "y", Whole("bytes", b"\x00"))]
    assert PendingWrite.objects.get().task_path == "~1"


def test_a_read_sees_what_came_before_it_in_the_batch_and_nothing_after(runner):
    results = execute(runner, put("1efa"), get(), put("1efb"), get(), get("1efc"), put("1efc"))
    ids = [[item.checkpoint_id for item in results[at].checkpoints] for at in (1, 3, 4)]
    assert ids == [["1efa"], ["1efb"], []]


def test_a_batch_costs_the_same_whatever_its_size(runner, django_assert_num_queries):
    """Under a lease: work outside of runs asks for its rights call by call."""
    run = start_run()
    lease = take(run, runner)
    store = Store()

    def step(number):
        name, messages = f"1ef{number:03}", parts(chat(number, number + 1))
        place: dict[str, Any] = {"scope": lease, "thread": run.thread.thread_id}
        return (
            put(name, {("messages", name): messages}, **place),
            put_writes(name, (0, "messages", parts(chat(number, number + 2))), **place),
            put_writes(name, (-1, "__error__", whole("no")), replace=True, **place),
        )

    savepoint = 2
    known = 2 if connection.vendor == "postgresql" else 0  # where others may have written since
    for first, steps, asked in ((0, 1, 2), (10, 20, known)):
        requests = [request for number in range(steps) for request in step(first + number)]
        with django_assert_num_queries(asked + 6 + savepoint):
            save(runner, *requests, store=store)


def test_the_state_costs_three_queries(runner, django_assert_num_queries):
    save(
        runner,
        put("1efa", {("messages", "1"): parts(chat(1, 2)), ("a", "1"): whole(1)}),
        put_writes("1efa", (0, "messages", parts(chat(2, 3)))),
    )
    thread = Thread.objects.get()
    with django_assert_num_queries(3):
        checkpoints.state(thread, "1efa")


def test_the_state_is_the_public_values_as_plain_data(runner):
    values: dict[tuple[str, str], Value] = {
        ("messages", "1"): parts(chat(1, 2)),
        ("__pregel_tasks", "1"): whole([]),
        ("branch:to:model", "1"): whole(None),
        ("sealed", "1"): Whole("msgpack+aes", b"secret"),
    }
    inline = {"count": 2**60, "messages": "older", "__start__": 1}
    saved = document(dict(values.keys()), **inline)
    save(runner, dataclasses.replace(put("1efa", values), document=saved))
    thread = Thread.objects.get()
    assert checkpoints.state(thread, "1efa") == {
        "count": 2**60,
        "messages": chat(1, 2),
        "sealed": "⟨a value stored as 'msgpack+aes' cannot be read by the console⟩",
    }
    assert checkpoints.state(thread, "1efb") == {}


def test_the_head_of_a_thread_is_the_newest_checkpoint_of_its_root(runner):
    save(runner, put("1efb"), put("1efa"), put("1eff", ns="sub:1"))
    thread = Thread.objects.get()
    assert checkpoints.head(thread) == "1efb"
    thread.checkpoints.all().delete()
    assert checkpoints.head(thread) is None
