"""What waits together is done in few groups, and each run's requests in their order."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from agents.consumers.rounds import Call, Kind, grouped
from reviewconsole.protocol.messages import (
    CallEnded,
    CallTool,
    Done,
    Get,
    Lease,
    Outcome,
    PutWrites,
    Result,
)


def lifecycle(runner: int = 1) -> Call:
    def do() -> Result:
        return Done()

    return Call(runner, do)


def tool(run: int, runner: int = 1) -> Call:
    return Call(runner, CallTool(Lease(run, 1), "t:1", "refund", None, None))


def ended(run: int, runner: int = 1) -> Call:
    return Call(runner, CallEnded(Lease(run, 1), 1, "e", Outcome.FINISHED, None, ""))


def stored(run: int, runner: int = 1) -> Call:
    return Call(runner, PutWrites(Lease(run, 1), "thread", "", "1", "task", "", False, ()))


def read(run: int, runner: int = 1) -> Call:
    return Call(runner, Get(Lease(run, 1), "thread", "", None))


def groups(*calls: Call) -> list[tuple[str, list[int]]]:
    return [(kind.name, places) for kind, places in grouped(calls)]


def test_many_threads_at_once_make_few_groups():
    calls = [call for run in range(50) for call in (ended(run), stored(run), tool(run))]
    assert [(kind, len(places)) for kind, places in groups(*calls)] == [
        ("TOOLS", 50),
        ("CHECKPOINTS", 50),
        ("TOOLS", 50),
    ]


def test_what_a_run_asks_for_keeps_its_order():
    assert groups(stored(1), tool(1), tool(2), stored(1)) == [
        ("TOOLS", [2]),
        ("CHECKPOINTS", [0]),
        ("TOOLS", [1]),
        ("CHECKPOINTS", [3]),
    ]


def test_reads_make_a_group_of_their_own_and_keep_their_place():
    assert groups(stored(1), read(1), stored(1), read(2), stored(3)) == [
        ("CHECKPOINTS", [0, 4]),
        ("READS", [1, 3]),
        ("CHECKPOINTS", [2]),
    ]


def test_nothing_passes_a_request_about_the_runner_itself():
    assert groups(tool(1), lifecycle(), tool(2)) == [
        ("TOOLS", [0]),
        ("LIFECYCLE", [1]),
        ("TOOLS", [2]),
    ]


def test_another_runners_lifecycle_holds_nothing_up():
    assert groups(lifecycle(2), tool(1), stored(3, runner=2)) == [
        ("LIFECYCLE", [0]),
        ("TOOLS", [1]),
        ("CHECKPOINTS", [2]),
    ]


CALLS = st.builds(
    lambda make, runner, run: (
        make(runner) if make is lifecycle else make(10 * runner + run, runner)
    ),
    st.sampled_from([lifecycle, tool, ended, stored, read]),
    st.integers(1, 3),
    st.integers(0, 2),
)


@given(st.lists(CALLS, max_size=30))
def test_every_request_is_done_once_and_in_order(calls):
    done = [place for _, places in grouped(calls) for place in places]
    assert sorted(done) == list(range(len(calls)))
    at = {place: n for n, place in enumerate(done)}
    for first in range(len(calls)):
        for second in range(first + 1, len(calls)):
            a, b = calls[first], calls[second]
            is_bound = a.runner == b.runner and (
                Kind.LIFECYCLE in (kind_of(a), kind_of(b)) or lease(a) == lease(b)
            )
            assert not is_bound or at[first] < at[second]


def kind_of(call: Call) -> Kind:
    ((kind, _),) = grouped([call])
    return kind


def lease(call: Call) -> Any:
    work: Any = call.work
    return work.scope if isinstance(work, Get | PutWrites) else work.lease
