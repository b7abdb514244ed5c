"""A runner copies a thread of its agent: whole, once, and to a name that nobody has."""

import pytest

from agents.models import Run, Runner, Thread
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import CopyThread, Done, Lease, Owner
from tests.factories import connect_runner, start_run, take
from tests.services.saving import (
    OWNER,
    THREAD,
    chat,
    execute,
    get,
    hashes_of,
    parts,
    put,
    read,
    refused,
    row_counts,
    save,
    values_of,
    whole,
)

COPY = CopyThread(OWNER, THREAD, "copy")


@pytest.fixture
def runner(db: None) -> Runner:
    return connect_runner()


def test_a_copy_says_where_it_comes_from_and_leads_its_own_life(runner: Runner) -> None:
    store = Store()
    save(runner, put("1efa", {("messages", "1"): parts(chat(1, 2))}), COPY, store=store)
    more = parts(chat(1, 2, 3), known=hashes_of(chat(1, 2)))
    save(runner, put("1efb", {("messages", "2"): more}, thread="copy"), store=store)
    save(runner, put("1efb", {("messages", "2"): parts(chat(1, 2, 4))}), store=store)

    (copied,) = read(runner, get(thread="copy"))
    (source,) = read(runner, get())
    assert values_of(copied) == {"messages": whole(chat(1, 2, 3))}
    assert values_of(source) == {"messages": whole(chat(1, 2, 4))}
    copy = Thread.objects.get(thread_id="copy")
    assert copy.copied_from == Thread.objects.get(thread_id=THREAD)


def test_a_request_that_is_repeated_changes_nothing(runner: Runner) -> None:
    """After a lost reply, and after the copy has gone on."""
    save(runner, put("1efa", {("n", "1"): whole(1)}), COPY, put("1efb", thread="copy"))
    before = row_counts()
    save(runner, COPY)
    assert row_counts() == before


def test_a_name_that_is_taken_is_refused(runner: Runner) -> None:
    save(runner, put("1efa"), put("1efa", thread="copy"))
    assert execute(runner, COPY) == [
        refused("invalid", "thread 'copy' is there already; name another")
    ]


def test_a_thread_that_is_not_there_is_refused(runner: Runner) -> None:
    told = refused("invalid", "there is no thread 'thread-1' to copy")
    assert execute(runner, COPY) == [told]
    assert Thread.objects.count() == 0


def test_a_run_cannot_copy_its_thread(runner: Runner) -> None:
    run: Run = start_run()
    take(run, runner)
    copy = CopyThread(Lease(run.pk, 1), run.thread.thread_id, "copy")
    assert execute(runner, copy) == [refused("forbidden", "a run cannot copy its thread")]


def test_a_thread_with_runs_may_be_copied(runner: Runner) -> None:
    """The copy has none: it is written as the owner's."""
    run: Run = start_run()
    lease = take(run, runner)
    save(runner, put("1efa", scope=lease, thread=run.thread.thread_id))
    copy = CopyThread(OWNER, run.thread.thread_id, "copy")
    assert execute(runner, copy, put("1efb", thread="copy")) == [Done(), Done()]


def test_a_thread_of_another_agent_is_closed(runner: Runner) -> None:
    save(connect_runner("other", agents=["email"]), put("1ef0", scope=Owner("email")))
    told = "thread 'thread-1' does not belong to 'operations'"
    assert execute(runner, COPY) == [refused("forbidden", told)]
