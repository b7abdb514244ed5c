"""Reads that come alone wait for nobody, and what they bring is of one moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from agents.models import Blob, Part, Thread
from agents.services import guessed_reads
from reviewconsole.protocol.messages import Found, Get, Lease, Parts, Prune, RefusalCode
from tests.factories import connect_runner, lease_of, start_run, take
from tests.services.saving import (
    OWNER,
    THREAD,
    chat,
    execute,
    get,
    hashes_of,
    parts,
    put,
    put_writes,
    refused,
    save,
    values_of,
    whole,
)

ON_A_SERVER = "only on a server does a read meet writers"


@pytest.fixture
def runner(transactional_db: None) -> Any:
    return connect_runner()


def inside(runner: Any, request: Get) -> list[Any]:
    """The answer inside another transaction, where the thread is locked."""
    with transaction.atomic():
        return execute(runner, request)


def test_what_comes_alone_is_what_is_read_under_locks(runner):
    known = hashes_of(chat(*range(6)))
    save(runner, put("1efa", {("messages", "1"): parts(chat(*range(6))), ("count", "1"): whole(1)}))
    save(runner, put("1efb", {("messages", "2"): parts(chat(0, 4, 9, 5, 0), known)}))
    save(
        runner,
        put(
            "1efc",
            {
                ("messages", "3"): Parts("msgpack", b"", ()),
                ("other", "1"): parts(chat(1, 2), known),
            },
        ),
    )
    save(runner, put("1efd", {}))
    save(runner, put_writes("1efb", (0, "messages", parts(chat(7, 3), known))))
    asked = [get(each) for each in ("1efa", "1efb", "1efc", "1efd", None, "1eff")]
    asked.append(Get(asked[0].scope, "no-such-thread", "", None))
    for request in asked:
        assert execute(runner, request) == inside(runner, request)
    (found,) = execute(runner, get("1efb"))
    (stored,) = found.checkpoints
    assert values_of(stored) == {"messages": whole(chat(0, 4, 9, 5, 0))}
    assert [write.value for write in stored.writes] == [whole(chat(7, 3))]
    assert execute(runner, *asked) == [execute(runner, request)[0] for request in asked]


def test_a_lease_that_is_over_reads_nothing(runner):
    run = start_run()
    take(run, runner)
    run.refresh_from_db()
    lease = lease_of(run)
    asked = Get(lease, run.thread.thread_id, "", None)
    assert execute(runner, asked) == [Found(())]
    over = Lease(lease.run, lease.attempt + 1)
    told = f"attempt {over.attempt} of run {over.run} is not yours any more"
    refusal = refused(RefusalCode.FENCED, told)
    assert execute(runner, Get(over, run.thread.thread_id, "", None)) == [refusal]


def elsewhere(work: Any) -> None:
    """Do something on a connection of its own, and wait until it is done."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert errors == []


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason=ON_A_SERVER)
def test_a_read_waits_for_no_writer(runner):
    save(runner, put("1efa", {("messages", "1"): parts(chat(1, 2))}))
    with transaction.atomic():
        Thread.objects.select_for_update().get(thread_id=THREAD)
        found: list[Any] = []
        elsewhere(lambda: found.extend(execute(runner, get("1efa"))))
    assert values_of(found[0].checkpoints[0]) == {"messages": whole(chat(1, 2))}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason=ON_A_SERVER)
def test_what_is_removed_meanwhile_is_read_all_the_same_step_by_step(runner, monkeypatch):
    monkeypatch.setattr(guessed_reads, "_PARTS_AT_MOST", -1)
    save(runner, put("1efa", {("messages", "1"): parts(chat(1, 2)), ("count", "1"): whole(1)}))

    def remove() -> None:
        Part.objects.all().delete()
        Blob.objects.all().delete()

    with doing_before("FROM agents_blob", remove):
        (found,) = execute(runner, get("1efa"))
    (stored,) = found.checkpoints
    assert values_of(stored) == {"messages": whole(chat(1, 2)), "count": whole(1)}
    (gone,) = execute(runner, get("1efa"))
    assert values_of(gone.checkpoints[0]) == {}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason=ON_A_SERVER)
@pytest.mark.parametrize("time", [1, 2, 3])
def test_what_is_removed_meanwhile_is_whole_or_not_there(runner, time):
    """It is asked for three times: for its document, for its values, for their parts."""
    older = put("1efa", {("messages", "1"): parts(chat(1, 2)), ("count", "1"): whole(1)})
    save(runner, older, put("1efb", {("count", "2"): whole(2)}, parent="1efa"))
    there = execute(runner, get("1efa"))
    with doing_before("FROM agents_blob", lambda: save(runner, Prune(OWNER, (THREAD,))), time=time):
        found = execute(runner, get("1efa"))
    assert values_of(there[0].checkpoints[0]) == {
        "messages": whole(chat(1, 2)),
        "count": whole(1),
    }
    assert found == [Found(())]
    (kept,) = execute(runner, get())
    assert values_of(kept.checkpoints[0]) == {"count": whole(2)}


@contextmanager
def doing_before(text: str, work: Callable[[], None], *, time: int = 1) -> Iterator[None]:
    """Something is done elsewhere before a statement with this text is sent for the n-th time."""
    sent = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        if text in sql:
            sent.append(sql)
            if len(sent) == time:
                elsewhere(work)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield
    assert len(sent) >= time


def test_a_read_alone_costs_few_statements(runner, django_assert_num_queries):
    save(runner, put("1efa", {("messages", "1"): parts(chat(1, 2))}))
    of_an_owner = 1
    # The document, its values, their parts; or threads, runs, a checkpoint's row, its writes, its
    # values, their parts, between the begin and the end of a transaction.
    of_the_read = 3 if connection.vendor == "postgresql" else 5 + 2
    with django_assert_num_queries(of_the_read + of_an_owner):
        execute(runner, get("1efa"))
