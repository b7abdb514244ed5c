"""Ends: each run has one, reported by the runner that holds its lease."""

from itertools import permutations

import pytest

from agents.exceptions import RequestRefused
from agents.models import Run, Thread
from agents.services import failures, interrupts, runs
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Cancelled, Failed, Finished, Lease, Whole
from reviewconsole.protocol.plain import Plain
from tests.factories import QUESTION, connect_runner, make_paused, start_run, take

STATE: Plain = {"messages": ["hello"], "total": 120.0, "id": 2**60}


def whole(value: Plain) -> Whole:
    return Whole(*plain.encode(value))


def finished(lease: Lease, state: Plain = STATE) -> Finished:
    return Finished(lease, "checkpoint-9", whole(state))


def failed(lease: Lease, message: str = "no such order", state: Whole | None = None) -> Failed:
    return Failed(lease, "ValueError", message, "Traceback …", "checkpoint-9", state)


def pause(runner, lease):
    paused = make_paused(Run.objects.get(pk=lease.run), QUESTION)
    interrupts.open_pause(runner=runner, request=paused)


ENDS = {
    "finished": lambda runner, lease: runs.finish(runner=runner, request=finished(lease)),
    "failed": lambda runner, lease: failures.fail(runner=runner, request=failed(lease)),
    "cancelled": lambda runner, lease: runs.stop(runner=runner, request=Cancelled(lease)),
}


def test_a_finished_run_has_succeeded_and_leaves_its_state(db):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    assert runs.finish(runner=runner, request=finished(lease)) == run
    run.refresh_from_db()
    assert (run.status, run.checkpoint_id) == (Run.Status.SUCCEEDED, "checkpoint-9")
    assert (run.runner, run.lease_expires_at) == (runner, None)
    assert run.finished_at >= run.started_at
    thread = Thread.objects.get(pk=run.thread_id)
    assert (thread.status, thread.snapshot) == (Thread.Status.IDLE, STATE)
    assert thread.snapshot_checkpoint_id == "checkpoint-9"


def test_a_failed_run_says_why(db):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    failures.fail(runner=runner, request=failed(lease, state=whole(STATE)))
    run.refresh_from_db()
    assert (run.status, run.error) == (Run.Status.FAILED, "ValueError")
    assert (run.message, run.traceback) == ("no such order", "Traceback …")
    thread = Thread.objects.get(pk=run.thread_id)
    assert (thread.status, thread.snapshot) == (Thread.Status.ERROR, STATE)


def test_a_failure_without_a_state_leaves_the_last_one(db):
    run = start_run()
    runner = connect_runner()
    runs.finish(runner=runner, request=finished(take(run, runner)))
    again = start_run(thread=run.thread.thread_id)
    failures.fail(runner=runner, request=failed(take(again, runner)))
    thread = Thread.objects.get(pk=run.thread_id)
    assert (thread.status, thread.snapshot) == (Thread.Status.ERROR, STATE)


def test_any_text_of_an_error_is_kept(db):
    """A tool's output comes back in error messages, and a tool may say anything."""
    run = start_run()
    runner = connect_runner()
    request = Failed(take(run, runner), "E" * 300, "nul \0", "nul \0 in a line", None, None)
    failures.fail(runner=runner, request=request)
    run.refresh_from_db()
    assert (run.error, run.message) == ("E" * 200, "nul \ufffd")
    assert run.traceback == "nul \ufffd in a line"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (Whole("pickle", b"\x80"), "a value stored as 'pickle' cannot be read by the console"),
        (whole([]), None),
    ],
)
def test_a_state_that_cannot_be_read_ends_no_run_otherwise(db, state, said):
    run = start_run()
    runner = connect_runner()
    runs.finish(runner=runner, request=Finished(take(run, runner), None, state))
    thread = Thread.objects.get(pk=run.thread_id)
    assert thread.snapshot == ([] if said is None else {"unreadable": said})
    assert (thread.status, thread.snapshot_checkpoint_id) == (Thread.Status.IDLE, "")


def test_a_state_nested_too_deeply_for_pages_ends_no_run_otherwise(db):
    deep = Whole("msgpack", b"\x91" * 900 + b"\xc0")
    run = start_run()
    runner = connect_runner()
    runs.finish(runner=runner, request=Finished(take(run, runner), None, deep))
    thread = Thread.objects.get(pk=run.thread_id)
    assert thread.snapshot == {"unreadable": "the value nests too deeply; make it flatter"}
    assert thread.status == Thread.Status.IDLE


@pytest.mark.parametrize("end", ENDS)
def test_an_end_repeated_after_a_lost_reply_is_done(db, end):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    ENDS[end](runner, lease)
    before = Run.objects.values().get(pk=run.pk)
    ENDS[end](runner, lease)
    assert Run.objects.values().get(pk=run.pk) == before


@pytest.mark.parametrize("end", ENDS)
def test_a_repeated_end_leaves_the_next_run_of_the_thread_alone(db, end):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    ENDS[end](runner, lease)
    start_run(thread=run.thread.thread_id)
    Thread.objects.update(snapshot="newer", snapshot_checkpoint_id="newer")
    ENDS[end](runner, lease)
    thread = Thread.objects.get(pk=run.thread_id)
    assert (thread.status, thread.snapshot) == (Thread.Status.BUSY, "newer")


@pytest.mark.parametrize("end", ENDS)
def test_an_old_attempt_another_runner_and_an_unknown_run_are_fenced(db, end):
    run = start_run()
    runner, other = connect_runner("first"), connect_runner("second")
    runs.release(runner=runner, lease=take(run, runner))
    lease = take(run, runner)
    for who, old in ((runner, Lease(run.pk, 1)), (other, lease), (runner, Lease(0, 1))):
        with pytest.raises(RequestRefused) as refusal:
            ENDS[end](who, old)
        assert refusal.value.code == "fenced"
        told = f"attempt {old.attempt} of run {old.run} is not yours any more"
        assert str(refusal.value) == told
    run.refresh_from_db()
    assert (run.status, run.attempt, run.thread.status) == (Run.Status.RUNNING, 2, "busy")


@pytest.mark.parametrize(("first", "second"), list(permutations([*ENDS, "paused"], 2)))
def test_a_run_ends_once(db, first, second):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    ways = ENDS | {"paused": pause}
    ways[first](runner, lease)
    before = Run.objects.values().get(pk=run.pk)
    with pytest.raises(RequestRefused) as refusal:
        ways[second](runner, lease)
    assert refusal.value.code == "fenced"
    assert Run.objects.values().get(pk=run.pk) == before
