"""Rows, asked for in the product's words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Interrupt, Run, Runner, Thread
from agents.services import runners
from tests.factories import (
    AGENT,
    connect_runner,
    expire_lease,
    finish,
    make_agent,
    make_interrupt,
    start_run,
    take,
)


@pytest.mark.parametrize(("quiet", "online"), [(0, True), (59, True), (61, False), (3600, False)])
def test_a_runner_that_is_quiet_for_two_lease_times_is_not_online(db, settings, quiet, online):
    settings.RUNNER_LEASE_SECONDS = 30
    runner = connect_runner()
    Runner.objects.update(last_seen_at=timezone.now() - timedelta(seconds=quiet))
    runner.refresh_from_db()
    assert (runner.is_online, Runner.objects.online().exists()) == (online, online)


def test_a_runner_whose_socket_has_closed_is_not_online(db):
    runner = connect_runner()
    runners.disconnect(runner=runner, channel="")
    runner.refresh_from_db()
    assert (runner.is_online, Runner.objects.online().exists()) == (False, False)


def test_runners_serve_the_agents_they_announced_last(db):
    both = connect_runner("both", agents=[AGENT, "email"])
    one = connect_runner("one", agents=[AGENT])
    assert set(Runner.objects.serving(AGENT)) == {both, one}
    assert list(Runner.objects.serving("email")) == [both]
    connect_runner("both", agents=["email"])
    assert list(Runner.objects.serving(AGENT)) == [one]
    assert list(Runner.objects.serving("unknown")) == []


def test_runs_are_claimable_while_queued_oldest_first(db):
    first, taken, second = start_run(), start_run(), start_run()
    other = start_run("email")
    take(taken)
    assert list(Run.objects.claimable([AGENT])) == [first, second]
    assert list(Run.objects.claimable([AGENT, "email"])) == [first, second, other]
    assert list(Run.objects.claimable([])) == []


def test_runs_are_active_until_their_end_and_abandoned_when_their_lease_is_over(db):
    queued, running, lost, over = (start_run() for _ in range(4))
    for run in (running, lost, over):
        take(run)
    expire_lease(lost)
    finish(over)
    assert set(Run.objects.active()) == {queued, running, lost}
    assert list(Run.objects.abandoned()) == [lost]


def test_the_newest_run_comes_first(db):
    older, newer = start_run(), start_run()
    assert list(Run.objects.all()) == [newer, older]


@pytest.mark.parametrize("status", Interrupt.Status)
def test_an_interrupt_is_pending_until_it_is_something_else(db, status):
    interrupt = make_interrupt()
    Interrupt.objects.update(status=status)
    assert list(Interrupt.objects.pending()) == ([interrupt] if status == "pending" else [])


def test_what_rows_are_called(alice):
    agent = make_agent()
    interrupt = make_interrupt()
    run = interrupt.run
    runner = run.runner
    assert (str(agent), str(interrupt)) == ("operations", "Which expert should I ask?")
    assert str(run) == f"run {run.pk} of {run.thread_id}"
    assert (str(runner), str(runner.token)) == (
        "runner of operations.example",
        "runner of operations",
    )
    thread = Thread.objects.create(agent=agent)
    assert (str(thread), str(run.thread)) == (thread.thread_id, "Tell Alice where her order is.")


def test_an_agent_tells_what_its_runner_described(db):
    agent = make_agent()
    assert [tool["name"] for tool in agent.tools] == ["send_email", "refund"]
    assert (agent.input_schema, agent.graph) == (agent.spec["input_schema"], agent.spec["graph"])
    bare = make_agent("bare", tools=None, input_schema=None, graph=None)
    assert (bare.tools, bare.input_schema, bare.graph) == ([], None, None)
