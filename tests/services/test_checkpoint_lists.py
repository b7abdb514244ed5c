"""Lists of checkpoints: newest first, filtered, limited."""

import pytest

from agents.services import checkpoint_reads
from reviewconsole.protocol.messages import List, Owner
from tests.factories import connect_runner
from tests.services.saving import (
    OWNER,
    chat,
    execute,
    parts,
    put,
    put_writes,
    read,
    refused,
    save,
    values_of,
    whole,
)


@pytest.fixture
def runner(db):
    """A runner whose agent has two threads with five checkpoints; another agent has one."""
    runner = connect_runner()
    save(
        runner,
        put("1ef1", metadata={"step": 1, "source": "input"}),
        put("1ef3", metadata={"step": 2, "source": "loop", "id": 2**60, "none": None}),
        put("1ef5", metadata={"step": 3, "source": "loop"}),
        put("1ef2", metadata={"step": 1, "source": "loop"}, ns="sub:1"),
        put("1ef4", metadata={"step": 1, "source": "loop"}, thread="thread-2"),
    )
    other = connect_runner("other", agents=["email"])
    save(other, put("1ef6", scope=Owner("email"), thread="thread-3"))
    return runner


def listed(
    runner, thread=None, *, ns=None, checkpoint_id=None, metadata=None, before=None, limit=None
):
    request = List(OWNER, thread, ns, checkpoint_id, metadata, before, limit)
    return [stored.checkpoint_id[-1] for stored in read(runner, request)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "54321"),
        ({"thread": "thread-1"}, "5321"),
        ({"thread": "thread-2"}, "4"),
        ({"thread": "unknown"}, ""),
        ({"thread": "thread-1", "ns": ""}, "531"),
        ({"ns": "sub:1"}, "2"),
        ({"checkpoint_id": "1ef3"}, "3"),
        ({"thread": "thread-2", "checkpoint_id": "1ef3"}, ""),
        ({"before": "1ef4"}, "321"),
        ({"thread": "thread-1", "before": "1ef1"}, ""),
        ({"limit": 2}, "54"),
        ({"limit": 0}, ""),
        ({"limit": -1}, ""),
        ({"limit": 10_000}, "54321"),
        ({"metadata": {}}, "54321"),
        ({"metadata": {"source": "loop"}}, "5432"),
        ({"metadata": {"source": "loop", "step": 1}}, "42"),
        ({"metadata": {"id": 2**60}}, "3"),
        ({"metadata": {"id": str(2**60)}}, ""),
        ({"metadata": {"none": None}}, "3"),
        ({"metadata": {"source'; --": 1}}, ""),
        ({"metadata": {"source": "loop"}, "limit": 2}, "54"),
        ({"metadata": {"source": "loop"}, "before": "1ef4", "limit": 1}, "3"),
    ],
    ids=str,
)
def test_a_list_holds_what_was_asked_for_newest_first(runner, asked, found):
    assert "".join(listed(runner, **asked)) == found


@pytest.mark.parametrize("metadata", [None, {"step": 1}])
def test_a_long_list_comes_in_pages(runner, monkeypatch, metadata):
    monkeypatch.setattr(checkpoint_reads, "_LIST_AT_MOST", 2)
    found, before = [], None
    while page := listed(runner, metadata=metadata, before=before):
        assert len(page) <= 2
        found += page
        before = f"1ef{page[-1]}"
    assert found == (["4", "2", "1"] if metadata else ["5", "4", "3", "2", "1"])


def test_listed_checkpoints_are_whole(runner):
    for thread in ("thread-1", "thread-2"):
        save(
            runner,
            put("1ef8", {("messages", "8"): parts(chat(1, 2))}, thread=thread),
            put_writes("1ef8", (0, "messages", parts(chat(2, 3))), thread=thread),
            put_writes("1ef8", (0, "other", whole(1)), thread=thread, ns="sub:1"),
        )
    for stored in read(runner, List(OWNER, None, "", "1ef8", None, None, None)):
        assert values_of(stored) == {"messages": whole(chat(1, 2))}
        assert [(write.channel, write.value) for write in stored.writes] == [
            ("messages", whole(chat(2, 3)))
        ]


@pytest.mark.parametrize("metadata", [None, {"source": "loop"}])
def test_a_list_costs_as_much_as_one_checkpoint(runner, metadata, django_assert_num_queries):
    save(runner, put("1ef9", {("messages", "9"): parts(chat(1, 2))}, metadata={"source": "loop"}))
    request = List(OWNER, "thread-1", None, None, metadata, None, None)
    right_of_an_owner, savepoint = 1, 2
    with django_assert_num_queries(1 + 4 + right_of_an_owner + savepoint):
        read(runner, request)


def test_all_threads_are_listed_for_an_agent_of_the_token_only(runner):
    request = List(Owner("email"), None, None, None, None, None, None)
    assert execute(runner, request) == [
        refused("forbidden", "this token does not serve agent 'email'")
    ]
