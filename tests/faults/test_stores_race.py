"""Two console processes save into one thread, give out runs, and start runs, at the same moment."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection

from agents.exceptions import ThreadBusy, ThreadWaits
from agents.models import Part, Run, Runner, Thread
from agents.services import runs
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import CheckpointRequest, Done, Prune, Result, Whole
from tests.factories import AGENT, connect_runner, expire_lease, finish, pause, start_run, take
from tests.faults.racing import race
from tests.services.saving import (
    OWNER,
    THREAD,
    chat,
    execute,
    get,
    parts,
    put,
    put_writes,
    values_of,
    whole,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

ROUNDS = 40


def give_up(run: Run) -> None:
    """The end of a run whose runner is lost."""
    expire_lease(run)
    assert runs.reap() == 1


def test_parts_saved_by_two_processes_at_once_keep_their_numbers():
    runner = connect_runner()
    stores = (Store(), Store())
    execute(runner, put("1ef0"))  # the thread is there
    expected: dict[str, Whole] = {}
    for turn in range(ROUNDS):
        batches: list[list[CheckpointRequest]] = []
        for process in (0, 1):
            name = f"1ef{turn:02}{process}"
            # New messages of each process, some of both, and those of the turn before.
            numbers = [turn, turn + 1, 1000 * (process + 1) + turn, 5000 + turn]
            expected[name] = whole(chat(*numbers))
            batches.append(
                [
                    put(name, {("messages", name): parts(chat(*numbers))}),
                    put_writes(name, (0, "messages", parts(chat(*reversed(numbers))))),
                ]
            )
        results = race(
            *(
                partial(execute, runner, *batch, store=store)
                for store, batch in zip(stores, batches, strict=True)
            )
        )
        assert results == [[Done(), Done()], [Done(), Done()]]
    for name, value in expected.items():
        (found,) = execute(runner, get(name))
        assert values_of(found.checkpoints[0]) == {"messages": value}
    assert Part.objects.count() == Thread.objects.get().part_next
    assert Part.objects.values("hash").distinct().count() == Part.objects.count()


def saved(runner: Runner, name: str, numbers: Sequence[int], store: Store) -> list[Result]:
    """Save a checkpoint with these messages, and the write that brings them before it."""
    write = put_writes(name, (0, "messages", parts(chat(*reversed(numbers)))))
    return execute(
        runner, write, put(name, {("messages", name): parts(chat(*numbers))}), store=store
    )


def cut_off(runner: Runner, name: str, numbers: Sequence[int], store: Store) -> list[Result]:
    """Save the same, and lose the database once the parts have their numbers."""

    def lose(send: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INTO agents_blob" in sql:
            raise OperationalError("gone")
        return send(sql, params, many, context)

    with connection.execute_wrapper(lose):
        return saved(runner, name, numbers, store)


def test_numbers_that_a_process_took_and_lost_are_given_to_other_parts():
    runner = connect_runner()
    stores = (Store(), Store())
    execute(runner, put("1ef0"))
    expected: dict[str, Whole] = {}
    for turn in range(ROUNDS // 2):
        first, second = f"1ef{turn:02}a", f"1ef{turn:02}b"
        lost, kept = [turn, 7000 + turn, 7001 + turn], [turn, turn + 1, 8000 + turn]
        results = race(
            partial(cut_off, runner, first, lost, stores[0]),
            partial(saved, runner, second, kept, stores[1]),
        )
        assert [result.reason for result in results[0]] == ["unavailable"] * 2
        assert results[1] == [Done(), Done()]
        # What was lost is sent again, to the process that had numbered it.
        assert saved(runner, first, lost, stores[0]) == [Done(), Done()]
        expected |= {first: whole(chat(*lost)), second: whole(chat(*kept))}
    for name, value in expected.items():
        (found,) = execute(runner, get(name))
        assert values_of(found.checkpoints[0]) == {"messages": value}


def test_a_thread_is_pruned_while_two_processes_save_into_it():
    runner = connect_runner()
    stores = (Store(), Store(), Store())
    execute(runner, put("1ef0"))
    for turn in range(ROUNDS // 2):
        # Each turn drops messages that an earlier one had, and takes up some that were pruned.
        names = [f"1ef{turn:02}{process}" for process in (0, 1)]
        numbers = [[turn % 5, 10 + turn % 3, 100 * process + turn] for process in (0, 1)]
        results = race(
            *(
                partial(saved, runner, name, each, store)
                for name, each, store in zip(names, numbers, stores, strict=False)
            ),
            partial(execute, runner, Prune(OWNER, (THREAD,)), store=stores[2]),
        )
        assert all(set(result) <= {Done()} for result in results), results
        (found,) = execute(runner, get(names[1]))
        assert values_of(found.checkpoints[0]) == {"messages": whole(chat(*numbers[1]))}


def test_batches_over_the_same_threads_in_another_order_do_not_lock_each_other_out():
    runner = connect_runner()
    names = [f"thread-{n}" for n in range(6)]
    for name in names:
        execute(runner, put("1ef0", thread=name))
    for turn in range(ROUNDS // 2):
        batches = [
            [
                put(f"1ef{turn:02}{n}", {("a", f"{turn}.{n}"): whole(n)}, thread=name)
                for name in order
            ]
            for n, order in enumerate((names, names[::-1]))
        ]
        results = race(*(partial(execute, runner, *batch) for batch in batches))
        assert results == [[Done()] * 6, [Done()] * 6]


def test_two_runners_never_get_the_same_run():
    first, second = connect_runner("first"), connect_runner("second")
    for _ in range(ROUNDS):
        queued = {start_run().pk for _ in range(3)}
        claims = race(
            *(partial(runs.claim, runner=who, agents=[AGENT], free=3) for who in (first, second))
        )
        given = [[assignment.lease.run for assignment in claim] for claim in claims]
        assert sorted(given[0] + given[1]) == sorted(queued)
        for runner, mine in zip((first, second), given, strict=True):
            assert set(runner.runs.filter(pk__in=queued).values_list("pk", flat=True)) == set(mine)
    assert set(Run.objects.values_list("attempt", flat=True)) == {1}


def test_a_lost_run_is_taken_back_once():
    for _ in range(ROUNDS // 2):
        lost = [start_run() for _ in range(3)]
        for run in lost:
            take(run)
            expire_lease(run)
        moved = race(runs.reap, runs.reap)
        assert sum(moved) == 3
        for run in lost:
            run.refresh_from_db()
            assert (run.status, run.attempt) == (Run.Status.QUEUED, 1)
        Run.objects.all().update(status=Run.Status.CANCELLED)


@pytest.mark.parametrize("end", [finish, pause, give_up], ids=["finish", "pause", "give_up"])
def test_a_start_and_the_end_of_the_run_before_do_not_wait_for_each_other(end):
    for _ in range(ROUNDS):
        run = start_run()
        take(run)
        started, ended = race(partial(start_run, thread=run.thread.thread_id), partial(end, run))
        assert not isinstance(ended, Exception), ended
        assert isinstance(started, Run | ThreadBusy | ThreadWaits), started


def test_of_two_starts_on_one_thread_one_is_refused():
    thread = start_run().thread
    for _ in range(ROUNDS):
        active = thread.runs.active().get()
        take(active)
        finish(active)
        results = race(*[partial(start_run, thread=thread.thread_id)] * 2)
        (refusal,) = [result for result in results if isinstance(result, ThreadBusy)]
        assert str(refusal) == f"Thread {thread} has a run already; wait for it or cancel it."
        assert [result for result in results if result is not refusal] == [
            thread.runs.active().get()
        ]
