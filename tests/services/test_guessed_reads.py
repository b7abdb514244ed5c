"""Checkpoints that are read by guesses: as few round trips as can be, and never another answer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings, strategies as st

from agents.models import Part, Run, Runner
from agents.services import guessed_reads
from agents.services.checkpoints import Store
from agents.services.engines import Place
from agents.services.engines.postgresql_guesses import _CHECKPOINTS, read
from reviewconsole.protocol.messages import (
    CheckpointRequest,
    CopyThread,
    DeleteThread,
    Found,
    Get,
    Lease,
    Prune,
    Put,
    RefusalCode,
    Value,
)
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

pytestmark = pytest.mark.skipif(connection.vendor == "sqlite", reason="there is no network")


@pytest.fixture
def runner(transactional_db: None) -> Runner:
    return connect_runner()


@pytest.fixture
def run(runner: Runner) -> Run:
    """A run whose lease the runner holds: what it asks for costs no further query."""
    started = start_run()
    take(started, runner)
    return started


def step_by_step(runner: Runner, *requests: CheckpointRequest) -> list[Any]:
    """The answers inside another transaction, where threads are locked and nothing is guessed."""
    with transaction.atomic():
        return execute(runner, *requests)


@contextmanager
def asked(times: int) -> Iterator[None]:
    """Everything in here asks the database so often, each time in a round trip of its own."""
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql.split()[0])
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield
    assert statements == ["SELECT"] * times


def mine(run: Run, *numbers: int, kept: int = 0, at: str = "1efa", **values: Value) -> Put:
    """A checkpoint of a run's thread with a chat, of which the first `kept` messages are known."""
    messages = parts(chat(*numbers), hashes_of(chat(*numbers[:kept])) if kept > 1 else ())
    version = f"{at}.1"
    new = {("messages", version): messages, **{(name, version): v for name, v in values.items()}}
    return put(at, new, scope=lease_of(run), thread=run.thread.thread_id)


def newest(run: Run) -> Get:
    """What the runner asks for when it takes the run up."""
    return get(scope=lease_of(run), thread=run.thread.thread_id)


def place(request: Get) -> Place:
    """Where the store looks for it."""
    return (request.thread, request.ns, request.checkpoint_id)


# How often ------------------------------------------------------------------------------------


def test_what_this_console_has_stored_is_read_in_one_round_trip(runner, run):
    store = Store()
    save(runner, mine(run, 0, 1, 2, note=whole("x" * 300)), store=store)
    request = newest(run)
    with asked(1):
        first = execute(runner, request, store=store)
    save(runner, mine(run, 0, 1, 2, 3, kept=3, at="1efb"), store=store)
    waiting = put_writes(
        "1efb", (0, "messages", parts(chat(7, 8))), scope=lease_of(run), thread=request.thread
    )
    save(runner, waiting, store=store)
    with asked(1):
        second = execute(runner, request, store=store)
    named = replace(request, checkpoint_id="1efb")
    with asked(1):
        assert execute(runner, named, store=store) == second
    assert values_of(first[0].checkpoints[0])["messages"] == whole(chat(0, 1, 2))
    assert [write.value for write in second[0].checkpoints[0].writes] == [whole(chat(7, 8))]
    assert step_by_step(runner, request) == second


def test_what_was_not_remembered_is_read_in_three_and_then_in_one(runner, run):
    save(runner, mine(run, 0, 1, 2))
    store = Store()
    request = newest(run)
    with asked(3):
        found = execute(runner, request, store=store)
    with asked(1):
        assert execute(runner, request, store=store) == found
    assert found == step_by_step(runner, request)


def test_that_there_is_nothing_is_read_in_one_round_trip(runner, run):
    request = newest(run)
    with asked(1):
        assert execute(runner, request) == [Found(())]


def test_many_are_read_in_as_many_round_trips_as_one(runner):
    runs = [start_run() for _ in range(20)]
    for each in runs:
        take(each, runner)
    save(runner, *(mine(each, each.pk, each.pk + 1) for each in runs))
    store = Store()
    requests = list(map(newest, runs))
    with asked(3):
        found = execute(runner, *requests, store=store)
    with asked(1):
        assert execute(runner, *requests, store=store) == found
    assert found == step_by_step(runner, *requests)
    assert [values_of(each.checkpoints[0])["messages"] for each in found] == [
        whole(chat(each.pk, each.pk + 1)) for each in runs
    ]


def test_the_statement_is_planned_once_however_few_are_asked_for(runner, run):
    """Whatever is known of what, it is one statement, and none that deserves plans of its own."""
    store = Store()
    save(runner, mine(run, 0, 1), put("1efa"), store=store)
    for _ in range(12):
        execute(runner, newest(run), store=store)
        execute(runner, get("1efa"), get("1eff", thread="none"), store=Store())
    of_the_guesses = "FROM pg_prepared_statements WHERE statement = %s"
    numbers = count(1)
    statement = re.sub("%[bt]", lambda _: f"${next(numbers)}", _CHECKPOINTS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT custom_plans, generic_plans > 15 {of_the_guesses}", [statement])
        assert cursor.fetchall() == [(5, True)]


@pytest.mark.parametrize(
    "name", ["", "NULL", '"', "\\", '\\"', "{,}", "a,b", " x ", "é\u2028", "'%b'"]
)
def test_names_of_any_characters_are_found(runner, name):
    named = put("1efa", {(f"a{name}", f"1{name}"): parts(chat(1, 2))}, ns=name, thread=f"t{name}")
    save(runner, named)
    (found,) = execute(runner, get(ns=name, thread=f"t{name}"))
    assert values_of(found.checkpoints[0]) == {f"a{name}": whole(chat(1, 2))}


# Wrong guesses --------------------------------------------------------------------------------


def test_a_guess_that_another_console_has_made_stale_changes_nothing(runner, run):
    store = Store()
    save(runner, mine(run, 0, 1, 2, note=whole("old")), store=store)
    save(runner, mine(run, 0, 5, 2, at="1efb", note=whole("new")))
    request = newest(run)
    with asked(3):
        (found,) = execute(runner, request, store=store)
    assert values_of(found.checkpoints[0]) == {
        "messages": whole(chat(0, 5, 2)),
        "note": whole("new"),
    }
    with asked(1):
        assert execute(runner, request, store=store) == [found]


def test_writes_of_another_console_are_read(runner, run):
    store = Store()
    save(runner, mine(run, 0, 1), store=store)
    values = (0, "messages", parts(chat(7, 8))), (1, "note", whole("x"))
    save(runner, put_writes("1efa", *values, scope=lease_of(run), thread=run.thread.thread_id))
    request = newest(run)
    with asked(2):
        (found,) = execute(runner, request, store=store)
    assert [write.value for write in found.checkpoints[0].writes] == [
        whole(chat(7, 8)),
        whole("x"),
    ]


def test_a_rolled_back_guess_changes_nothing(runner, run):
    store = Store()
    save(runner, mine(run, 0, 1), store=store)
    with transaction.atomic():
        save(runner, mine(run, 0, 1, 2, 3, at="1efb"), store=store)
        transaction.set_rollback(True)
    store.numbers.forget()
    (found,) = execute(runner, newest(run), store=store)
    assert values_of(found.checkpoints[0]) == {"messages": whole(chat(0, 1))}
    assert step_by_step(runner, newest(run)) == [found]


def test_what_was_pruned_copied_or_begun_anew_is_read_as_it_is(runner):
    store = Store()
    save(
        runner,
        put("1efa", {("messages", "1"): parts(chat(0, 1, 2))}),
        put("1efb", {("messages", "2"): parts(chat(2, 3))}, parent="1efa"),
        CopyThread(OWNER, THREAD, "copy"),
        store=store,
    )
    asked_for = [get(), get("1efa"), get("1efb"), get(thread="copy"), get("1efa", thread="copy")]
    execute(runner, *asked_for, store=store)
    save(runner, Prune(OWNER, (THREAD,)))
    assert execute(runner, *asked_for, store=store) == step_by_step(runner, *asked_for)
    save(runner, DeleteThread(OWNER, THREAD))
    assert execute(runner, *asked_for, store=store) == step_by_step(runner, *asked_for)
    save(runner, put("1efb", {("messages", "2"): parts(chat(8, 9))}))
    found = execute(runner, *asked_for, store=store)
    assert found == step_by_step(runner, *asked_for)
    assert values_of(found[0].checkpoints[0]) == {"messages": whole(chat(8, 9))}


def test_a_fork_from_an_older_checkpoint_is_read_as_it_is(runner):
    store = Store()
    save(runner, put("1efa", {("messages", "1"): parts(chat(0, 1)), ("n", "1"): whole("a")}))
    save(
        runner, put("1efb", {("messages", "2"): parts(chat(0, 1, 2))}, kept={"n": "1"}), store=store
    )
    fork = put("1efc", {("n", "3"): whole("c")}, kept={"messages": "1"}, parent="1efa")
    save(runner, fork, store=store)
    (found,) = execute(runner, get(), store=store)
    assert values_of(found.checkpoints[0]) == {"messages": whole(chat(0, 1)), "n": whole("c")}


def test_a_guess_gives_nobody_what_is_not_theirs(runner, run):
    store = Store()
    save(runner, mine(run, 0, 1), store=store)
    lease, thread = lease_of(run), run.thread.thread_id
    over = Lease(lease.run, lease.attempt + 1)
    other = start_run()
    take(other, runner)
    save(runner, mine(other, 2, 3), store=store)
    assert execute(
        runner,
        get(scope=over, thread=thread),
        newest(run),
        get(scope=lease, thread=other.thread.thread_id),
        store=store,
    ) == [
        refused(
            RefusalCode.FENCED, f"attempt {over.attempt} of run {over.run} is not yours any more"
        ),
        *step_by_step(runner, newest(run)),
        refused(RefusalCode.FORBIDDEN, f"run {run.pk} is not on thread {other.thread.thread_id!r}"),
    ]


# Room -----------------------------------------------------------------------------------------


def test_what_has_no_room_together_is_read_in_several_round_trips(runner, monkeypatch):
    runs = [start_run() for _ in range(6)]
    for each in runs:
        take(each, runner)
    store = Store()
    save(runner, *(mine(each, *range(10)) for each in runs), store=store)
    requests = list(map(newest, runs))
    expected = step_by_step(runner, *requests)
    sizes = [guess[1] for each in requests if (guess := store.heads.guess(place(each)))]
    monkeypatch.setattr(guessed_reads, "TOGETHER_BYTES", sum(sizes[:2]) + 1)
    with asked(3):
        assert execute(runner, *requests, store=store) == expected


@pytest.mark.parametrize("large", ["document", "write", "value", "array"])
def test_what_is_larger_than_expected_is_read_step_by_step(runner, run, monkeypatch, large):
    """The bound holds in the database: however wrong the guess, no more is sent than has room."""
    other = start_run()
    take(other, runner)
    thread = run.thread.thread_id
    save(runner, mine(run, 0, 1), mine(other, 2, 3))
    match large:
        case "document":
            saved = mine(run, 0, 1, at="1efb")
            save(runner, replace(saved, metadata=b'{"note": "%s"}' % (b"x" * 3000)))
        case "write":
            written = (0, "note", whole("x" * 3000))
            save(runner, put_writes("1efa", written, scope=lease_of(run), thread=thread))
        case "value":
            save(runner, mine(run, 0, 1, at="1efb", note=whole("x" * 3000)))
        case _:
            save(runner, mine(run, *range(40), at="1efb"))
    requests = [newest(run), newest(other)]
    expected = step_by_step(runner, *requests)
    monkeypatch.setattr(guessed_reads, "TOGETHER_BYTES", 1500)
    monkeypatch.setattr(guessed_reads, "_UNKNOWN_BYTES", 500)
    monkeypatch.setattr(guessed_reads, "_PART_BYTES", 1)
    brought: list[int] = []

    def noting(threads: Any, runs: Any, guesses: Any, size: int) -> Any:
        answer = read(threads, runs, guesses, size)
        if len(guesses) > 1:
            heads = [each.head.document for each in answer[2] if each.head]
            writes = [write.data for each in answer[2] for write in each.writes]
            values = [value.data for each in answer[2] for value in each.values]
            arrays = [data for each in answer[2] for data in each.runs.values()]
            brought.extend(sum(map(len, rows)) for rows in (heads, writes, values, arrays))
        return answer

    monkeypatch.setattr(guessed_reads, "guesser", lambda: noting)
    assert execute(runner, *requests) == expected
    assert max(brought) <= 1500


def test_what_has_no_room_in_a_reply_is_not_read(runner, run, monkeypatch, settings):
    """A runner that asks for a large state many times does not have it read as often."""
    save(runner, mine(run, *range(40)), store=(store := Store()))
    request = newest(run)
    first, second, *more = step_by_step(runner, *[request] * 6)
    monkeypatch.setattr(guessed_reads, "TOGETHER_BYTES", 1500)
    settings.RUNNER_MAX_FRAME_BYTES = 6000
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.extend(["part"] * ("FROM agents_part WHERE" in sql))
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        answers = execute(runner, *[request] * 6, store=store)
    assert [type(each).__name__ for each in answers] == ["Found", *["Refused"] * 5]
    assert statements == ["part"] * 2
    assert first == second == answers[0]
    assert more == [first] * 4


def test_parts_that_many_runs_share_are_not_brought_many_times(runner, run, monkeypatch):
    """A small request can name a part any number of times: what is brought stays small."""
    known = hashes_of(chat(*range(9)))
    overlapping = [number for first in range(8) for number in range(first, 9)]
    save(runner, mine(run, *range(9)), store=(store := Store()))
    again = put(
        "1efb",
        {("messages", "2"): parts(chat(*overlapping), known)},
        scope=lease_of(run),
        thread=run.thread.thread_id,
    )
    save(runner, again, store=store)
    request = newest(run)
    expected = step_by_step(runner, request)
    with asked(1):
        assert execute(runner, request, store=store) == expected
    monkeypatch.setattr(guessed_reads, "TOGETHER_BYTES", 2000)
    sizes: list[int] = []

    def noting(threads: Any, runs: Any, guesses: Any, size: int) -> Any:
        answer = read(threads, runs, guesses, size)
        sizes.extend(sum(map(len, each.runs.values())) for each in answer[2])
        return answer

    monkeypatch.setattr(guessed_reads, "guesser", lambda: noting)
    assert execute(runner, request, store=store) == expected
    assert max(sizes) <= 2000


def test_what_is_too_large_is_refused_as_it_is_step_by_step(runner, run, settings):
    save(runner, mine(run, *range(40)), store=(store := Store()))
    settings.RUNNER_MAX_FRAME_BYTES = 2000
    (refusal,) = step_by_step(runner, newest(run))
    assert refusal.reason == RefusalCode.TOO_LARGE
    assert execute(runner, newest(run), store=store) == [refusal]
    assert execute(runner, newest(run)) == [refusal]


def test_what_is_made_of_too_many_pieces_is_read_step_by_step(runner, run, monkeypatch):
    save(
        runner, mine(run, *range(9)), mine(run, 0, 2, 4, 6, 8, at="1efb"), store=(store := Store())
    )
    expected = step_by_step(runner, newest(run))
    for name, most in (("_RUNS_AT_MOST", 4), ("_PARTS_AT_MOST", 4)):
        with monkeypatch.context() as patched:
            patched.setattr(guessed_reads, name, most)
            assert execute(runner, newest(run), store=store) == expected


def test_a_damaged_store_is_told_as_it_is_step_by_step(runner, run):
    save(runner, mine(run, 0, 1, 2), store=(store := Store()))
    Part.objects.filter(seq=1).delete()
    assert execute(runner, newest(run), store=store) == [
        refused(RefusalCode.INVALID, "this cannot be stored or read: 1")
    ]


# Any history ----------------------------------------------------------------------------------

_NUMBERS = st.lists(st.integers(0, 9), min_size=2, max_size=6)
_CHANGES = st.lists(
    st.tuples(
        st.integers(0, 1),  # which console
        st.sampled_from(["put", "writes", "prune", "fork", "delete", "read"]),
        st.integers(0, 1),  # which thread
        st.sampled_from(["", "inside"]),
        _NUMBERS,
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=_CHANGES)
def test_guesses_never_change_an_answer(runner, changes):
    """Two consoles write and read two threads, in any order; each knows only what it has done."""
    stores = Store(), Store()
    names = uuid4().hex, uuid4().hex
    ids: dict[tuple[str, str], list[str]] = {}
    for number, (console, kind, which, ns, numbers) in enumerate(changes):
        store, thread = stores[console], names[which]
        known = ids.setdefault((thread, ns), [])
        at, version = f"1ef{number:03}", str(number)
        match kind:
            case "put":
                new: dict[tuple[str, str], Value] = {("messages", version): parts(chat(*numbers))}
                if number % 2:
                    new["note", version] = whole(numbers)
                execute(runner, put(at, new, thread=thread, ns=ns), store=store)
                known.append(at)
            case "fork" if known:
                kept = {"messages": str(int(known[0][3:]))}
                execute(runner, put(at, {}, kept=kept, thread=thread, ns=ns), store=store)
                known.append(at)
            case "writes" if known:
                value = (0, "messages", parts(chat(*numbers)))
                request = put_writes(known[-1], value, task=at, thread=thread, ns=ns)
                execute(runner, request, store=store)
            case "prune":
                execute(runner, Prune(OWNER, (thread,)), store=store)
            case "delete" if not number % 3:
                execute(runner, DeleteThread(OWNER, thread), store=store)
            case _:
                execute(runner, get(thread=thread, ns=ns), store=store)
    requests = [
        get(at, thread=thread, ns=ns)
        for (thread, ns), known in ids.items()
        for at in (None, *known)
    ]
    expected = step_by_step(runner, *requests) if requests else []
    for store in (*stores, Store()):
        assert [execute(runner, each, store=store)[0] for each in requests] == expected
        assert execute(runner, *requests, store=store) == expected
