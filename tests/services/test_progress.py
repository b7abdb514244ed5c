"""What a run is at: kept while it runs, told to who watches, gone with its end."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import push
from agents.exceptions import RequestRefused
from agents.models import Progress, Run, Runner
from agents.services import progress, runs
from reviewconsole.protocol import messages
from reviewconsole.protocol.messages import Lease
from tests.factories import connect_runner, expire_lease, fail, finish, pause, start_run, take


@pytest.fixture
def runner(db: None) -> Runner:
    return connect_runner()


@pytest.fixture
def run(runner: Runner) -> Run:
    """A run in the hands of the runner."""
    run = start_run()
    take(run, runner)
    return run


def report(runner: Runner, run: Run, **fields: Any) -> None:
    said: dict[str, Any] = {"step": 3, "nodes": ("model",), "text": "I think"} | fields
    request = messages.Progress(**({"lease": Lease(run.pk, 1)} | said))
    progress.report(runner=runner, request=request)


def test_the_last_report_is_kept(runner: Runner, run: Run) -> None:
    report(runner, run)
    first = Progress.objects.get().updated_at
    report(runner, run, step=None, nodes=("tools", "inner:model"), text="")
    row = Progress.objects.get()
    assert (row.run, row.step, row.nodes, row.text) == (run, None, ["tools", "inner:model"], "")
    assert row.updated_at > first


def test_pages_of_the_thread_are_told(
    runner: Runner, run: Run, django_capture_on_commit_callbacks: Any
) -> None:
    with push.held_back() as hints, django_capture_on_commit_callbacks(execute=True):
        report(runner, run)
        report(runner, run, text="I think it")
        report(runner, run, step=4)
    progress, thread = f"progress.{run.thread_id}", f"thread.{run.thread_id}"
    told = [message["topic"] for _group, message in hints]
    assert told == [progress, thread, progress, progress, thread]  # the thread at each step


def test_what_is_hostile_or_too_long_is_cut(runner: Runner, run: Run) -> None:
    report(runner, run, nodes=("a\0b", "n" * 300) * 40, text="\0" + "x" * 5000 + "end")
    row = Progress.objects.get()
    assert row.nodes == ["a\ufffdb", "n" * 200] * 25
    assert (len(row.text), row.text[-4:]) == (4000, "xend")


@pytest.mark.parametrize("over", ["another attempt", "another runner", "finished", "no run"])
def test_a_lease_that_is_over_reports_nothing(runner: Runner, run: Run, over: str) -> None:
    lease = Lease(run.pk, 1)
    match over:
        case "another attempt":
            runs.release(runner=runner, lease=lease)
            take(run, runner)
        case "another runner":
            runner = connect_runner("second")
        case "finished":
            finish(run)
        case "no run":
            lease = Lease(run.pk + 1, 1)
    with pytest.raises(RequestRefused) as refused:
        report(runner, run, lease=lease)
    assert refused.value.code == "fenced"
    assert Progress.objects.count() == 0


@pytest.mark.parametrize("how", ["finished", "paused", "failed", "handed back", "lost"])
def test_it_is_gone_once_the_run_leaves_its_runner(runner: Runner, run: Run, how: str) -> None:
    report(runner, run)
    match how:
        case "finished":
            finish(run)
        case "paused":
            pause(run)
        case "failed":
            fail(run)
        case "handed back":
            runs.release(runner=runner, lease=Lease(run.pk, 1))
        case "lost":
            expire_lease(run)
            runs.reap()
    assert Progress.objects.count() == 0


def test_a_report_takes_two_queries(runner: Runner, run: Run) -> None:
    with CaptureQueriesContext(connection) as queries:
        report(runner, run)
    asked = [each["sql"] for each in queries if "SAVEPOINT" not in each["sql"]]
    assert len(asked) == 2
