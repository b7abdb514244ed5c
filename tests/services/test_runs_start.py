"""Starting: a queued run on a thread that waits for nothing."""

import pytest

from agents.exceptions import InvalidInput, NotFound, ThreadBusy, ThreadWaits
from agents.models import Decision, Interrupt, Run, Thread
from agents.services import runs
from reviewconsole.protocol.plain import Plain
from tests.factories import (
    AGENT,
    decide,
    fail,
    finish,
    make_agent,
    make_interrupt,
    pause,
    start_run,
    take,
)

MESSAGE: Plain = {"messages": [{"role": "user", "content": "Where is order 8812?"}]}


def test_a_start_makes_a_thread_with_a_queued_run(olga):
    agent = make_agent()
    run = runs.start(
        agent=AGENT, input=MESSAGE, user=olga, title="Order 8812", context={"shop": 2**60},
        interrupt_before=["tools"], interrupt_after=["model"],
    )  # fmt: skip
    run.refresh_from_db()
    assert (run.status, run.trigger, run.attempt) == (Run.Status.QUEUED, Run.Trigger.START, 0)
    assert (run.input, run.context) == (MESSAGE, {"shop": 2**60})
    assert (run.interrupt_before, run.interrupt_after) == (["tools"], ["model"])
    assert (run.created_by, run.resumes, run.runner) == (olga, None, None)
    thread = run.thread
    assert (thread.agent, thread.title, thread.status) == (agent, "Order 8812", Thread.Status.BUSY)
    assert (thread.created_by, thread.part_next) == (olga, 0)


def test_a_thread_without_a_title_is_called_by_its_first_message(db):
    assert start_run(message="Where\n is  order 8812?").thread.title == "Where is order 8812?"
    assert start_run(message="x" * 81).thread.title == "x" * 79 + "…"
    make_agent()
    assert runs.start(agent=AGENT, input={"number": 5}, user=None).thread.title == ""


def test_any_text_makes_a_title_that_both_databases_take(db):
    assert start_run(message="a\0b \ud800").thread.title == "a\ufffdb \ufffd"
    assert start_run(title="x" * 300).thread.title == "x" * 200


def test_a_thread_goes_on_with_a_second_run(olga):
    first = start_run()
    take(first)
    finish(first)
    second = start_run(user=olga, thread=first.thread.thread_id, title="another")
    assert second.thread == first.thread
    assert second.thread.title == "Tell Alice where her order is."
    assert list(first.thread.runs.order_by("pk")) == [first, second]


def test_a_busy_thread_is_refused(db):
    run = start_run()
    for _ in ("queued", "running"):
        with pytest.raises(ThreadBusy, match="wait for it or cancel it"):
            start_run(thread=run.thread.thread_id)
        if run.status == Run.Status.QUEUED:
            take(run)
    assert list(Run.objects.all()) == [run]


def test_a_waiting_thread_is_refused(db):
    interrupt = make_interrupt()
    with pytest.raises(ThreadWaits, match="decide it first"):
        start_run(thread=interrupt.thread.thread_id)
    assert Run.objects.count() == 1


def test_a_failed_thread_starts_again_and_its_old_answer_is_superseded(alice):
    interrupt = make_interrupt()
    resumed = decide(interrupt, alice).run
    take(resumed)
    fail(resumed)
    start_run(thread=interrupt.thread.thread_id)
    interrupt.refresh_from_db()
    assert interrupt.status == Interrupt.Status.SUPERSEDED
    assert interrupt.decision.status == Decision.Status.RECORDED


def test_an_applied_answer_stays_applied_when_the_thread_starts_again(alice):
    (interrupt,) = pause(start_run())
    Interrupt.objects.update(status=Interrupt.Status.APPLIED)
    Thread.objects.update(status=Thread.Status.IDLE)
    start_run(thread=interrupt.thread.thread_id)
    interrupt.refresh_from_db()
    assert interrupt.status == Interrupt.Status.APPLIED


def test_an_unknown_agent_or_thread_is_not_found(db):
    with pytest.raises(NotFound, match="No agent named 'nobody': connect a runner"):
        runs.start(agent="nobody", input=MESSAGE, user=None)
    with pytest.raises(NotFound, match="Agent 'operations' has no thread 'none'"):
        start_run(thread="none")
    of_another = start_run("email").thread.thread_id
    with pytest.raises(NotFound, match=f"Agent 'operations' has no thread '{of_another}'"):
        start_run(thread=of_another)


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"input": None}, {"input": "Give the agent something to work on."}),
        (
            {"input": {"id": 2**64}},
            {"input": "this value cannot be stored: Integer exceeds 64-bit range"},
        ),
        (
            {"input": MESSAGE, "context": {"id": 2**64}},
            {"context": "this value cannot be stored: Integer exceeds 64-bit range"},
        ),
    ],
)
def test_what_no_runner_could_be_given_is_refused(db, given, errors):
    make_agent()
    with pytest.raises(InvalidInput) as refusal:
        runs.start(agent=AGENT, user=None, **given)
    assert refusal.value.errors == errors
    assert Thread.objects.count() == 0
