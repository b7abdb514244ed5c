"""What an agent may prune: threads that it keeps itself, whole or not at all."""

import json
from dataclasses import replace

import pytest

from agents.models import Blob, Part, Run, Runner, Thread
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import DeleteForRuns, Done, Lease, Owner, Prune, RefusalCode
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
    put_writes,
    read,
    refused,
    row_counts,
    save,
    values_of,
    whole,
)

PRUNE = Prune(OWNER, (THREAD,))
WRITE = (0, "x", whole("written"))


@pytest.fixture
def runner(db: None) -> Runner:
    return connect_runner()


def places(thread: str = THREAD) -> list[tuple[str, str]]:
    rows = Thread.objects.get(thread_id=thread).checkpoints
    return sorted(rows.values_list("ns", "checkpoint_id"))


def test_the_newest_of_each_namespace_stays_as_it_was(runner: Runner) -> None:
    store = Store()
    save(
        runner, put("1efa", {("x", "1"): parts(chat(1, 2))}), put_writes("1efa", WRITE), store=store
    )
    more = parts(chat(2, 3), known=hashes_of(chat(1, 2)))
    save(
        runner,
        put("1efb", {("x", "2"): more}, parent="1efa"),
        put_writes("1efb", WRITE),
        store=store,
    )
    (before,) = read(runner, get())

    save(runner, PRUNE, PRUNE, store=store)

    assert read(runner, get()) == [before]
    assert places() == [("", "1efb")]
    assert Blob.objects.count() == 1
    assert Part.objects.count() == 2

    # What the process remembers of the part that went is not trusted.
    stale = put("1efc", {("x", "3"): parts(chat(1, 3), known=hashes_of(chat(1, 3)))}, parent="1efb")
    (result,) = execute(runner, stale, store=store)
    assert result.reason == RefusalCode.MISSING_PARTS
    again = parts(chat(1, 3), known=hashes_of(chat(2, 3)))
    save(runner, put("1efc", {("x", "3"): again}, parent="1efb"), store=store)
    (found,) = read(runner, get())
    assert values_of(found) == {"x": whole(chat(1, 3))}


def test_graphs_inside_go_with_the_step_they_ran_in(runner: Runner) -> None:
    """Those that remember stay, and those of a step that is not stored yet."""
    inside = {
        "old:1": "1efa", "new:1": "1efb", "remembers": "1efa", "early:1": "1eff",
    }  # fmt: skip
    save(
        runner,
        put("1efa"),
        put("1efb", parent="1efa"),
        *(put("1efc", ns=ns, metadata={"parents": {"": root}}) for ns, root in inside.items()),
        PRUNE,
    )
    kept = [("", "1efb"), ("early:1", "1efc"), ("new:1", "1efc"), ("remembers", "1efc")]
    assert places() == kept


def test_delta_channels_refuse_all_of_the_threads(runner: Runner) -> None:
    counters = {"counters_since_delta_snapshot": {"messages": [1, 1]}}
    save(runner, put("1efa"), put("1efb", parent="1efa"))
    save(runner, put("1efa", thread="deep"), put("1efb", thread="deep", metadata=counters))
    before = row_counts()

    (result,) = execute(runner, Prune(OWNER, (THREAD, "deep")))

    assert "thread 'deep' has delta channels" in result.message
    assert row_counts() == before


def test_what_runs_stored_goes_wherever_it_is(runner: Runner) -> None:
    one, two = ({"run_id": name} for name in ("one", "two"))
    save(
        runner,
        put("1efa", {("x", "1"): whole([1])}, metadata=one),
        put_writes("1efa", WRITE),
        put("1efb", {("x", "2"): whole([2])}, metadata=two, parent="1efa"),
        put("1efc", ns="inside:1", metadata=one),
        put("1efa", thread="other", metadata=one),
        put("1efa", thread="third", metadata={"run_id": "one%"}),
    )
    save(runner, DeleteForRuns(OWNER, ("one", "nobody")))

    assert [places(thread) for thread in (THREAD, "other", "third")] == [
        [("", "1efb")], [], [("", "1efa")],
    ]  # fmt: skip
    assert row_counts()["PendingWrite"] == 0
    assert Blob.objects.count() == 1


def test_what_would_be_left_without_its_deltas_stays_whole(runner: Runner) -> None:
    deep: dict[str, object] = {"counters_since_delta_snapshot": {}}
    save(runner, put("1efa", metadata={**deep, "run_id": "one"}))
    save(runner, put("1efb", metadata={**deep, "run_id": "two"}))

    (result,) = execute(runner, DeleteForRuns(OWNER, ("one",)))
    assert "has delta channels" in result.message
    assert len(places()) == 2

    save(runner, DeleteForRuns(OWNER, ("one", "two")))
    assert places() == []


@pytest.mark.parametrize("in_run", [False, True])
def test_threads_that_a_run_has_touched_are_pruned_by_operators(
    runner: Runner, in_run: bool
) -> None:
    """They hold the evidence of decisions; nothing else of the request is done."""
    run: Run = start_run()
    lease = take(run, runner)
    name = run.thread.thread_id
    marked = {"run_id": "one"}
    save(runner, put("1efa", scope=lease, thread=name, metadata=marked))
    save(
        runner, put("1efb", scope=lease, thread=name, metadata=marked), put("1efa", metadata=marked)
    )
    before = row_counts()
    scope: Lease | Owner = lease if in_run else OWNER

    results = execute(runner, Prune(scope, (name,)), DeleteForRuns(scope, ("one",)))

    assert row_counts() == before
    assert {result.reason for result in results} == {"forbidden" if in_run else "fenced"}


def test_threads_of_other_agents_are_closed(runner: Runner) -> None:
    other = connect_runner("other", agents=["email"])
    save(other, put("1ef0", scope=Owner("email"), metadata={"run_id": "one"}))
    save(other, put("1ef1", scope=Owner("email")))
    told = "thread 'thread-1' does not belong to 'operations'"
    assert execute(runner, PRUNE, DeleteForRuns(OWNER, ("one",))) == [
        refused("forbidden", told), Done(),
    ]  # fmt: skip
    unserved = "this token does not serve agent 'email'"
    requests = Prune(Owner("email"), (THREAD,)), DeleteForRuns(Owner("email"), ("one",))
    assert execute(runner, *requests) == [refused("forbidden", unserved)] * 2
    assert len(places()) == 2


@pytest.mark.parametrize("run", ["one", "zw\u00f6lf/2"])
def test_runs_are_found_however_their_metadata_is_written(runner: Runner, run: str) -> None:
    blanks = json.dumps({"x": 1, "run_id": run}, indent=1).encode()
    bare = json.dumps({"run_id": run}, ensure_ascii=False, separators=(",", ":")).encode()
    requests = [
        replace(put(checkpoint_id), metadata=metadata)
        for checkpoint_id, metadata in (("1efa", blanks), ("1efb", bare))
    ]
    save(runner, *requests, put("1efc", metadata={"inside": {"run_id": run}, "run_id": ["x"]}))
    save(runner, DeleteForRuns(OWNER, (run,)))
    assert places() == [("", "1efc")]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (("x" * 60_000,), f"'{'x' * 40}' is no run here: at most 1000 bytes"),
        (tuple(map(str, range(1001))), "1001 runs are too many: name at most 1000"),
    ],
)
def test_what_would_hold_up_everybody_is_refused_alone(
    runner: Runner, runs: tuple[str, ...], message: str
) -> None:
    results = execute(runner, DeleteForRuns(OWNER, runs), put("1efa"))
    assert results == [refused("invalid", message), Done()]


def test_the_longest_run_ids_can_be_looked_for(runner: Runner) -> None:
    runs = tuple(f"{number:04}" + "\n" * 996 for number in range(1000))
    save(runner, put("1efa", metadata={"run_id": runs[-1]}), DeleteForRuns(OWNER, runs))
    assert places() == []


def test_what_is_not_there_is_passed_over(runner: Runner) -> None:
    save(runner, PRUNE, Prune(OWNER, ()), DeleteForRuns(OWNER, ()), DeleteForRuns(OWNER, ("one",)))
    assert Thread.objects.count() == 0
