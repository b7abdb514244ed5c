"""Who may read and write which thread's checkpoints, and what a bad call costs the others."""

import dataclasses
from collections.abc import Callable

import pytest
from django.db import DataError, InterfaceError, OperationalError, connection

from agents.models import Run, RunnerToken, Thread
from agents.services import copies, runs, thread_deletion, tokens
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import (
    CheckpointRequest,
    CopyThread,
    DeleteThread,
    Done,
    Found,
    Lease,
    List,
    Owner,
    Whole,
)
from tests.factories import AGENT, connect_runner, finish, make_token, pause, start_run, take
from tests.services.saving import (
    OWNER,
    chat,
    document,
    execute,
    get,
    parts,
    put,
    put_writes,
    read,
    refused,
    row_counts,
    save,
    whole,
)

KINDS: dict[str, Callable[..., CheckpointRequest]] = {
    "put": lambda **place: put("1efa", **place),
    "writes": lambda **place: put_writes("1efa", (0, "a", whole(1)), **place),
    "get": lambda **place: get("1efa", **place),
    "list": lambda scope, thread: List(scope, thread, None, None, None, None, None),
    "delete": lambda scope, thread: DeleteThread(scope, thread),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def runner(db):
    return connect_runner()


@pytest.fixture
def run(runner):
    """A run in the hands of the runner, on a thread with one checkpoint."""
    run = start_run()
    lease = take(run, runner)
    save(runner, put("1ef0", scope=lease, thread=run.thread.thread_id))
    return run


def ask(runner, kind, **place):
    (result,) = execute(runner, KINDS[kind](**place))
    return result


@each_kind
def test_a_lease_opens_its_own_thread(runner, run, kind):
    result = ask(runner, kind, scope=Lease(run.pk, 1), thread=run.thread.thread_id)
    if kind == "delete":
        assert result == refused("forbidden", "a run cannot delete its thread")
    else:
        assert isinstance(result, Done | Found)


def test_a_checkpoint_says_which_run_made_it(runner, run):
    assert run.thread.checkpoints.get().run == run


@each_kind
def test_a_lease_opens_no_other_thread(runner, run, kind):
    other = start_run()
    take(other, runner)
    for thread in (other.thread.thread_id, "unknown"):
        result = ask(runner, kind, scope=Lease(run.pk, 1), thread=thread)
        told = f"run {run.pk} is not on thread {thread!r}"
        assert result == refused(
            "forbidden", "a run cannot delete its thread" if kind == "delete" else told
        )


@pytest.mark.parametrize("kind", ["put", "writes", "get", "list"])
@pytest.mark.parametrize(
    "over",
    [
        "another attempt",
        "another runner",
        "no run",
        "paused",
        "finished",
        "cancelled",
        "handed back",
        "revoked",
    ],
)
def test_a_lease_that_is_over_opens_nothing(runner, run, kind, over):
    lease, thread = Lease(run.pk, 1), run.thread.thread_id
    match over:
        case "another attempt":
            runs.release(runner=runner, lease=lease)
            take(run, runner)
        case "another runner":
            runner = connect_runner("second")
        case "no run":
            lease = Lease(0, 1)
        case "paused":
            pause(run)
        case "finished":
            finish(run)
        case "cancelled":
            Run.objects.update(status=Run.Status.CANCELLED)
        case "handed back":
            runs.release(runner=runner, lease=lease)
        case "revoked":
            tokens.revoke(token=runner.token)
    before = row_counts()
    assert ask(runner, kind, scope=lease, thread=thread) == refused(
        "fenced", f"attempt {lease.attempt} of run {lease.run} is not yours any more"
    )
    assert row_counts() == before


@each_kind
def test_an_owner_opens_threads_of_its_agent_that_no_run_has_touched(runner, kind):
    save(runner, put("1ef0"))
    assert isinstance(ask(runner, kind, scope=OWNER, thread="thread-1"), Done | Found)


def test_an_owners_first_write_makes_the_thread(runner):
    save(runner, put_writes("1efa", (0, "a", whole(1)), thread="new"))
    thread = Thread.objects.get()
    assert (thread.thread_id, thread.agent.name, thread.status) == ("new", AGENT, "idle")


@each_kind
def test_a_thread_with_runs_is_written_under_a_lease_only(runner, run, kind):
    result = ask(runner, kind, scope=OWNER, thread=run.thread.thread_id)
    if kind in {"get", "list"}:
        assert isinstance(result, Found)
    else:
        told = f"thread {run.thread.thread_id!r} has runs: it is written under a lease only"
        assert result == refused("fenced", told)


@each_kind
@pytest.mark.parametrize("creator", ["there", "gone"])
def test_what_people_copied_is_written_under_a_lease_only(runner, run, olga, kind, creator):
    finish(run)
    copy = copies.fork_thread(thread=run.thread_id, checkpoint_id="1ef0", user=olga)
    if creator == "gone":
        Thread.objects.update(created_by=None)
    before = row_counts()
    result = ask(runner, kind, scope=OWNER, thread=copy.thread_id)
    if kind in {"get", "list"}:
        assert isinstance(result, Found)
    else:
        told = f"thread {copy.thread_id!r} was begun in the console: it is written under a lease"
        assert result == refused("fenced", f"{told} only")
    assert row_counts() == before
    assert not copy.runs.exists()


def test_what_people_copied_is_no_copy_that_an_agent_made(runner, run, olga):
    finish(run)
    copy = copies.fork_thread(thread=run.thread_id, checkpoint_id="1ef0", user=olga)
    (result,) = execute(runner, CopyThread(OWNER, run.thread.thread_id, copy.thread_id))
    told = f"thread {copy.thread_id!r} is there already; name another"
    assert result == refused("invalid", told)


@each_kind
def test_a_thread_that_was_deleted_does_not_come_back(runner, ada, kind):
    save(runner, put("1ef0"))
    thread_deletion.delete(thread=Thread.objects.get().pk, user=ada)
    result = ask(runner, kind, scope=OWNER, thread="thread-1")
    if kind in {"get", "list"}:
        assert result == Found(())
    else:
        told = "thread 'thread-1' was deleted in the console; name another"
        assert result == refused("invalid", told)


@each_kind
def test_an_agent_that_the_token_does_not_serve_is_closed(runner, kind):
    connect_runner("other", agents=["email"])
    told = "this token does not serve agent 'email'"
    for thread in ("thread-1", "unknown"):
        assert ask(runner, kind, scope=Owner("email"), thread=thread) == refused("forbidden", told)
    assert Thread.objects.count() == 0


@each_kind
def test_a_thread_of_another_agent_is_closed(runner, kind):
    save(connect_runner("other", agents=["email"]), put("1ef0", scope=Owner("email")))
    told = "thread 'thread-1' does not belong to 'operations'"
    assert ask(runner, kind, scope=OWNER, thread="thread-1") == refused("forbidden", told)


@each_kind
def test_a_revoked_token_opens_nothing(runner, kind):
    save(runner, put("1ef0"))
    tokens.revoke(token=runner.token)
    told = "this token does not serve agent 'operations'"
    assert ask(runner, kind, scope=OWNER, thread="thread-1") == refused("forbidden", told)


def test_a_token_that_serves_other_agents_from_now_on_is_taken_at_its_word(runner):
    RunnerToken.objects.update(agents=["email"])
    assert ask(runner, "put", scope=OWNER, thread="thread-1").reason == "forbidden"


def test_an_agent_that_nobody_announced_has_no_threads(db):
    token, _secret = make_token(agents=["operations"])
    runner = connect_runner(agents=(), token=token)
    told = "agent 'operations' was never announced"
    assert ask(runner, "put", scope=OWNER, thread="thread-1") == refused("invalid", told)


def test_a_deleted_thread_is_gone_with_all_it_had(runner):
    store = Store()
    filled: list[CheckpointRequest] = [
        put("1efa", {("messages", "1"): parts(chat(1, 2))}),
        put_writes("1efa", (0, "messages", parts(chat(2, 3)))),
    ]
    save(runner, *filled, store=store)
    save(runner, put("1efb", {("messages", "1"): parts(chat(1, 2))}, thread="kept"), store=store)
    save(runner, DeleteThread(OWNER, "thread-1"), DeleteThread(OWNER, "unknown"), store=store)
    assert row_counts() == {"Checkpoint": 1, "Blob": 1, "Part": 2, "PendingWrite": 0}
    assert [thread.thread_id for thread in Thread.objects.all()] == ["kept"]
    save(runner, *filled, store=store)
    (stored,) = read(runner, get())
    assert stored.values[0].value == whole(chat(1, 2))


def test_a_thread_deleted_and_made_again_in_one_batch_is_a_new_one(runner):
    old, new = put("1efa"), put("1efb")
    assert execute(runner, old, DeleteThread(OWNER, "thread-1"), new) == [Done()] * 3
    assert [item.checkpoint_id for item in read(runner, get())] == ["1efb"]
    assert read(runner, get("1efa")) == []


BAD: dict[str, CheckpointRequest] = {
    "metadata that is no JSON": dataclasses.replace(put("1efb"), metadata=b"{"),
    "metadata that is no text": dataclasses.replace(put("1efb"), metadata=b"\xff"),
    "metadata that is no object": dataclasses.replace(put("1efb"), metadata=b"[1]"),
    "metadata that is null": dataclasses.replace(put("1efb"), metadata=b"null"),
    "a document that is no msgpack": dataclasses.replace(put("1efb"), document=b"\xc1"),
    "a document that is no map": dataclasses.replace(put("1efb"), document=b"\x90"),
    "a document without versions": dataclasses.replace(put("1efb"), document=b"\x80"),
    "an id that is too long": put("x" * 65),
    "a version that is too long": put("1efb", {("a", "v" * 65): whole(1)}),
    "a channel that is too long": put("1efb", {("c" * 1001, "1"): whole(1)}),
    "a namespace with NUL": put("1efb", ns="a\0b"),
    "a kind that is too long": put("1efb", {("a", "1"): Whole("k" * 33, b"")}),
    "a task that is too long": put_writes("1efb", task="t" * 65),
    "a path with NUL": put_writes("1efb", path="\0"),
    "a channel of a write with NUL": put_writes("1efb", (0, "\0", whole(1))),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_what_could_not_be_read_back_is_refused_and_the_others_are_done(runner, bad):
    first, last = put("1efa", {("a", "1"): whole(1)}), put("1efc", {("a", "2"): whole(2)})
    results = execute(runner, first, BAD[bad], last)
    assert (results[0], results[1].reason, results[2]) == (Done(), "invalid", Done())
    assert row_counts() == {"Checkpoint": 2, "Blob": 2, "Part": 0, "PendingWrite": 0}


def poisoned(error):
    """The database refuses every statement that carries this word."""

    def refuse(execute, sql, params, many, context):
        if any("poison" in str(value) for value in params or ()):
            raise error
        return execute(sql, params, many, context)

    return connection.execute_wrapper(refuse)


@pytest.mark.parametrize("error", [DataError("too odd"), TypeError("too odd")])
def test_one_bad_call_fails_alone(runner, error, caplog):
    store = Store()
    good = [put(f"1ef{n}", {("messages", str(n)): parts(chat(n, n + 1))}) for n in range(3)]
    bad = put("1ef9", {("poison", "1"): parts(chat(8, 9))})
    with poisoned(error):
        results = execute(runner, good[0], bad, good[1], good[2], store=store)
    assert results == [
        Done(), refused("invalid", "this cannot be stored or read: too odd"), Done(), Done(),
    ]  # fmt: skip
    assert [record.message for record in caplog.records] == [
        f"runner {runner.pk} sent what cannot be stored or read"
    ]
    assert row_counts() == {"Checkpoint": 3, "Blob": 3, "Part": 4, "PendingWrite": 0}
    for request in good:
        (stored,) = read(runner, get(request.checkpoint_id))
        number = int(request.checkpoint_id[-1])
        assert stored.values[0].value == whole(chat(number, number + 1))


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("gone")])
def test_nothing_is_stored_when_the_database_does_not_answer(runner, error):
    with poisoned(error):
        results = execute(runner, put("1efa"), put("1efb", ns="poison"))
    assert results == [refused("unavailable", "the database did not answer: gone")] * 2
    assert row_counts() == {"Checkpoint": 0, "Blob": 0, "Part": 0, "PendingWrite": 0}


def test_a_refusal_leaves_nothing_of_its_call(runner):
    """The first value of the call could be stored; the second cannot."""
    call = put("1efa", {("messages", "1"): parts(chat(1, 2)), ("a", "v" * 65): whole(1)})
    (result,) = execute(runner, call)
    assert result.reason == "invalid"
    assert row_counts() == {"Checkpoint": 0, "Blob": 0, "Part": 0, "PendingWrite": 0}


def test_a_document_is_kept_whatever_else_it_holds(runner):
    odd = document({"a": "1"}, nested={"deep": [1, None, b"\x00"]}, text="\0")
    save(runner, dataclasses.replace(put("1efa"), document=odd))
    (stored,) = read(runner, get())
    assert stored.document == odd
