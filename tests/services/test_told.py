"""What open pages and runners are told of each event, once it is committed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from agents import push
from agents.models import Agent, Decision, Interrupt, Run, Runner, RunnerToken, Thread
from agents.services import decisions, failures, runners, runs, tokens, travel
from reviewconsole.protocol.messages import Applied, Cancelled, Delivered
from tests.factories import (
    AGENT,
    apply,
    connect_runner,
    decide,
    dismiss,
    expire_lease,
    fail,
    finish,
    lease_of,
    make_interrupt,
    pause,
    pause_at,
    replay,
    save_checkpoint,
    start_run,
    take,
)

WAKE = "runners are woken"


@pytest.fixture
def resumed(alice):
    """A run that carries a decision, in the hands of its runner."""
    run = decide(make_interrupt(), alice).run
    take(run)
    return run


def told(capture, event):
    """The topics and hints of what the event tells, with primary keys by their letters."""
    with push.held_back() as hints, capture(execute=True):
        event()
    keys = {f"thread.{row.pk}": "thread" for row in Thread.objects.all()}
    keys |= {f"interrupt.{row.pk}": "interrupt" for row in Interrupt.objects.all()}
    keys |= {f"agent.{row.pk}": "agent" for row in Agent.objects.all()}
    names = set()
    for group, message in hints:
        match message:
            case {"type": "console.changed", "topic": topic}:
                assert group == push.group(topic)
                names.add(keys.get(topic, topic))
            case {"type": "runner.wake"}:
                assert group == push.RUNNERS
                names.add(WAKE)
            case _:
                assert group == push.RUNNERS
                names.add(str(message))
    return names


def lose(run):
    expire_lease(run)
    runs.reap()


EVENTS: dict[str, tuple[Callable[[Run], object], set[str]]] = {
    "claim": (lambda run: None, set()),
    "deliver": (
        lambda run: decisions.deliver(runner=run.runner, request=Delivered(lease_of(run))),
        {"thread", "interrupt"},
    ),
    "apply": (
        lambda run: decisions.apply(
            runner=run.runner,
            request=Applied(lease_of(run), tuple(run.decisions.values_list("pk", flat=True))),
        ),
        {"thread", "interrupt"},
    ),
    "finish": (finish, {"inbox", "runners", "thread", "interrupt"}),
    "fail": (fail, {"inbox", "runners", "thread", "interrupt"}),
    "pause": (pause, {"inbox", "runners", "thread", "interrupt"}),
    "stop": (
        lambda run: runs.stop(runner=run.runner, request=Cancelled(lease_of(run))),
        {"inbox", "runners", "thread", "interrupt"},
    ),
    "release": (
        lambda run: runs.release(runner=run.runner, lease=lease_of(run)),
        {WAKE, "runners", "thread", "interrupt"},
    ),
    "lose": (lose, {WAKE, "runners", "thread", "interrupt"}),
}


@pytest.mark.parametrize("event", EVENTS)
def test_what_happens_to_a_resuming_run_is_told_to_its_pages(
    resumed, event, django_capture_on_commit_callbacks
):
    do, topics = EVENTS[event]
    resumed.refresh_from_db()
    assert told(django_capture_on_commit_callbacks, lambda: do(resumed)) == topics


def test_a_start_a_decision_and_a_claim(alice, django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks
    connect_runner()
    assert told(capture, start_run) == {WAKE, "inbox", "runners", "thread"}
    run = Run.objects.get()
    claim: dict[str, Any] = {"runner": Runner.objects.get(), "agents": [AGENT], "free": 1}
    assert told(capture, lambda: runs.claim(**claim)) == {"runners", "thread"}
    first, second = pause(Run.objects.get(pk=run.pk), "first?", "second?")
    assert told(capture, lambda: decide(first, alice)) == {"inbox", "interrupt", "thread"}
    assert told(capture, lambda: decide(second, alice)) == {
        WAKE, "inbox", "interrupt", "runners", "thread",
    }  # fmt: skip
    assert told(capture, lambda: runs.claim(**claim)) == {"runners", "interrupt", "thread"}


def test_a_failure_that_leaves_something_to_decide(resumed, django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks
    assert told(capture, lambda: fail(resumed, "no such order", "Sure?")) == {
        "inbox", "interrupt", "runners", "thread",
    }  # fmt: skip


def test_asking_again(resumed, alice, django_capture_on_commit_callbacks):
    fail(resumed)
    ask = {"run": resumed.pk, "user": alice}
    assert told(django_capture_on_commit_callbacks, lambda: failures.ask_again(**ask)) == {
        WAKE, "inbox", "interrupt", "runners", "thread",
    }  # fmt: skip


def test_a_dismissal_and_a_decision_reach_every_page_of_the_pause(
    alice, django_capture_on_commit_callbacks
):
    capture = django_capture_on_commit_callbacks
    first, second, third = pause(start_run(), "first?", "second?", "third?")
    pages = {push.group(f"interrupt.{asked.pk}") for asked in (first, second, third)}
    for event in (lambda: decide(first, alice), lambda: dismiss(second, alice)):
        with push.held_back() as hints, capture(execute=True):
            event()
        assert pages <= {group for group, _ in hints}


def test_a_start_over_an_answer_that_was_never_taken(resumed, django_capture_on_commit_callbacks):
    fail(resumed)
    again = {"thread": resumed.thread.thread_id}
    assert told(django_capture_on_commit_callbacks, lambda: start_run(**again)) == {
        WAKE, "inbox", "interrupt", "runners", "thread",
    }  # fmt: skip


def test_going_back_and_what_is_asked_anew(alice, olga, django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks
    (asked,) = pause_at(start_run())

    reasons = iter("abc")  # the same order twice is one

    def back():
        replay(asked.thread, asked.checkpoint_id, olga, reason=next(reasons))

    everybody = {"inbox", "interrupt", "runners", "thread"}
    assert told(capture, back) == {WAKE, *everybody}
    first = Run.objects.first()
    assert told(capture, back) == {"thread"}
    waiting = Run.objects.first()
    assert told(capture, lambda: runs.cancel(run=first.pk, user=None)) == {WAKE, *everybody}
    assert told(capture, lambda: runs.cancel(run=waiting.pk, user=None)) == everybody
    pages = {f"interrupt.{row.pk}" for row in Interrupt.objects.all()}
    with push.held_back() as hints, capture(execute=True):
        back()
    assert len(pages) == 3
    assert push.group(f"interrupt.{max(Interrupt.objects.values_list('pk', flat=True))}") in {
        group for group, _ in hints
    }


def test_a_changed_decision(resumed, olga, django_capture_on_commit_callbacks):
    asked = resumed.decisions.get().interrupt
    save_checkpoint(resumed, checkpoint_id=asked.checkpoint_id)
    apply(resumed)
    finish(resumed)
    change = {"interrupt": asked.pk, "next": ["tools"], "user": olga, "reason": "wrong"}
    assert told(
        django_capture_on_commit_callbacks, lambda: travel.change_decision(**change)
    ) == {WAKE, "inbox", "interrupt", "runners", "thread"}  # fmt: skip


def test_a_cancelling(resumed, django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks
    cancelled = {"type": "runner.cancel", "run": resumed.pk, "attempt": 1}
    assert told(capture, lambda: runs.cancel(run=resumed.pk, user=None)) == {
        str(cancelled),
        "thread",
    }
    queued = start_run()
    assert told(capture, lambda: runs.cancel(run=queued.pk, user=None)) == {
        "inbox",
        "runners",
        "thread",
    }


def test_runners_that_come_go_and_lose_their_token(db, django_capture_on_commit_callbacks):
    capture = django_capture_on_commit_callbacks
    assert told(capture, connect_runner) == {"agents", "agent", "inbox", "runners"}
    runner = Runner.objects.get()
    assert told(capture, lambda: runners.disconnect(runner=runner, channel="")) == {
        "agent",
        "inbox",
        "runners",
    }
    token = RunnerToken.objects.get()
    revoked = {"type": "runner.revoked", "token": token.pk}
    assert told(capture, lambda: tokens.revoke(token=token)) == {str(revoked), "runners"}


def test_a_heartbeat_tells_nothing(db, django_capture_on_commit_callbacks):
    runner = connect_runner()
    heartbeat: dict[str, Any] = {"runner": runner, "held": [take(start_run(), runner)]}
    assert told(django_capture_on_commit_callbacks, lambda: runners.renew(**heartbeat)) == set()


def test_nothing_is_told_of_what_was_rolled_back(alice, django_capture_on_commit_callbacks):
    interrupt = make_interrupt()

    def roll_back():
        with transaction.atomic():
            decide(interrupt, alice)
            transaction.set_rollback(True)

    assert told(django_capture_on_commit_callbacks, roll_back) == set()
    assert Decision.objects.count() == 0
