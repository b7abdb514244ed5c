"""Runners: connected, alive, silent, gone, and refused."""

import dataclasses
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.exceptions import RequestRefused, TokenEnded
from agents.models import Agent, Run, Runner, RunnerToken
from agents.services import runners, runs, tokens
from reviewconsole.protocol.messages import Beat, Lease
from tests.factories import (
    AGENT,
    connect_runner,
    describe_agent,
    expire_lease,
    lease_of,
    make_hello,
    make_token,
    start_run,
    take,
)


def seconds_left(run):
    run.refresh_from_db()
    return (run.lease_expires_at - timezone.now()) / timedelta(seconds=1)


def announce(spec):
    token = RunnerToken.objects.first() or make_token()[0]
    hello = dataclasses.replace(make_hello(), agents=(spec,))
    runners.connect(token=token, hello=hello, channel="")


def test_a_hello_registers_the_process_and_its_agents(db):
    token, _secret = make_token(agents=[AGENT, "email"])
    hello = make_hello("instance-1", agents=[AGENT, "email"], capacity=3, name="host:17")
    runner, lost = runners.connect(token=token, hello=hello, channel="channel-1")
    runner = Runner.objects.get(pk=runner.pk)
    assert (runner.instance, runner.name, runner.capacity) == ("instance-1", "host:17", 3)
    assert (runner.versions, runner.channel) == ({"langgraph": "1.2.22"}, "channel-1")
    assert (runner.disconnected_at, runner.is_online, lost) == (None, True, ())
    assert {agent.name for agent in runner.agents.all()} == {AGENT, "email"}
    agent = Agent.objects.get(name="email")
    assert (agent.description, agent.spec) == ("The email agent", describe_agent("email"))
    token.refresh_from_db()
    assert token.last_used_at == runner.connected_at


def test_agents_that_the_token_does_not_serve_are_passed_over(db):
    token, _secret = make_token(agents=[AGENT])
    hello = make_hello(agents=[AGENT, "email"])
    runner, _ = runners.connect(token=token, hello=hello, channel="")
    assert [agent.name for agent in runner.agents.all()] == [AGENT]
    assert [agent.name for agent in Agent.objects.all()] == [AGENT]


@pytest.mark.parametrize("spec", [{}, {"name": None}, {"name": [AGENT]}, {"name": ""}])
def test_an_agent_without_a_name_is_passed_over(db, spec):
    announce(spec)
    assert Agent.objects.count() == 0


@pytest.mark.parametrize(
    ("part", "shape"),
    [
        ("tools", "list"),
        ("input_schema", "dict"),
        ("interrupt_before", "list"),
        ("interrupt_after", "list"),
        ("notes", "list"),
    ],
)
def test_an_agent_that_no_page_could_show_is_refused(db, part, shape):
    announce(describe_agent() | {part: None})
    with pytest.raises(RequestRefused) as refusal:
        announce(describe_agent() | {part: 5})
    assert (refusal.value.code, str(refusal.value)) == (
        "invalid",
        f"{part} of agent operations is a {shape} or null, and not int",
    )
    assert Agent.objects.get().spec[part] is None


def test_an_agent_deeper_than_a_page_could_read_is_refused(db):
    """The stack of a page is higher than that of a runner's request."""
    schema: dict[str, object] = {}
    for _ in range(300):
        schema = {"items": schema}
    with pytest.raises(RequestRefused, match="agent operations nests more than 200 levels deep"):
        announce(describe_agent(context_schema=schema))
    assert Agent.objects.count() == 0


def test_the_last_announcement_of_an_agent_stands(db):
    announce(describe_agent(description="old"))
    announce(describe_agent(description="new \0 text"))
    agent = Agent.objects.get()
    assert (agent.description, agent.spec["description"]) == ("new \ufffd text", "new \0 text")


def test_a_reconnecting_process_keeps_its_row_and_its_runs(db):
    run = start_run()
    first = connect_runner()
    lease = take(run, first)
    runners.disconnect(runner=first, channel="")
    again = connect_runner(held=[lease], channel="channel-2")
    assert (again.pk, Runner.objects.count()) == (first.pk, 1)
    again.refresh_from_db()
    assert (again.disconnected_at, again.channel) == (None, "channel-2")
    assert 25 < seconds_left(run) <= 30


def test_a_run_that_never_reached_its_process_is_given_out_again_at_once(db):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    connect_runner(held=[])
    assert runs.reap() == 1
    (assignment,) = runs.claim(runner=runner, agents=[AGENT], free=1)
    assert assignment.lease == Lease(run.pk, 2)


def test_a_hello_tells_what_the_process_has_lost(db):
    run, other = start_run(), start_run()
    runner = connect_runner()
    old = take(run, runner)
    take(other, connect_runner("second"))
    runs.release(runner=runner, lease=old)
    held = (old, lease_of(other), Lease(0, 1))
    token = runner.token
    _, lost = runners.connect(token=token, hello=make_hello(held=held), channel="")
    assert lost == held


def test_a_process_of_another_token_is_refused(db):
    connect_runner("instance-1")
    stranger, _secret = make_token("stranger")
    with pytest.raises(TokenEnded, match="runner instance-1 belongs to another token"):
        connect_runner("instance-1", token=stranger)
    assert Runner.objects.get().token.name == "instance-1"


def test_a_revoked_token_connects_no_runner(db):
    token, _secret = make_token()
    tokens.revoke(token=token)
    with pytest.raises(TokenEnded, match="token host was revoked"):
        connect_runner(token=token)
    assert Runner.objects.count() == 0


def test_a_revoked_token_is_told_to_its_connected_runner(db, django_assert_num_queries):
    runner = connect_runner()
    with django_assert_num_queries(1):
        runners.current_token(runner=runner)
    tokens.revoke(token=runner.token)
    with pytest.raises(TokenEnded, match=r"the token of runner runner-1\.example was revoked"):
        runners.current_token(runner=runner)


def test_a_runner_serves_what_it_announced_as_far_as_its_token_does(db, django_assert_num_queries):
    token, _secret = make_token(agents=[AGENT, "email", "assistant"])
    runner = connect_runner(token=token, agents=[AGENT, "email"])
    with django_assert_num_queries(2):
        assert runners.served(runner=runner) == ["email", AGENT]
    RunnerToken.objects.update(agents=["email", "assistant"])
    assert runners.served(runner=runner) == ["email"]
    tokens.revoke(token=token)
    with pytest.raises(TokenEnded, match=r"the token of runner runner-1\.example was revoked"):
        runners.served(runner=runner)


def test_a_heartbeat_renews_what_is_held_and_tells_the_rest(db):
    runner = connect_runner()
    kept, cancelled, given_back = (start_run() for _ in range(3))
    leases = [take(run, runner) for run in (kept, cancelled, given_back)]
    runs.cancel(run=cancelled.pk, user=None)
    runs.release(runner=runner, lease=leases[2])
    Run.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    Runner.objects.update(last_seen_at=timezone.now() - timedelta(seconds=99))
    beat = runners.renew(runner=runner, held=leases)
    assert beat == Beat(lost=(leases[2],), cancel=(leases[1],))
    assert (seconds_left(kept) > 25, seconds_left(cancelled) > 25) == (True, True)
    runner.refresh_from_db()
    assert runner.is_online


def test_an_old_attempt_is_lost_though_the_run_is_this_runners_again(db):
    run = start_run()
    runner = connect_runner()
    old = take(run, runner)
    runs.release(runner=runner, lease=old)
    new = take(run, runner)
    assert runners.renew(runner=runner, held=[old, new]) == Beat(lost=(old,), cancel=())


def test_a_run_on_its_way_to_the_runner_stays_with_it(db):
    run = start_run()
    runner = connect_runner()
    take(run, runner)
    before = Run.objects.values().get()
    assert runners.renew(runner=runner, held=[]) == Beat(lost=(), cancel=())
    assert Run.objects.values().get() == before


def test_a_heartbeat_that_comes_before_anybody_noticed_keeps_the_run(db):
    run = start_run()
    runner = connect_runner()
    lease = take(run, runner)
    expire_lease(run)
    assert runners.renew(runner=runner, held=[lease]) == Beat(lost=(), cancel=())
    assert (runs.reap(), seconds_left(run) > 25) == (0, True)


def test_a_heartbeat_costs_three_queries(db, django_assert_num_queries):
    runner = connect_runner()
    lease = take(start_run(), runner)
    savepoint = 2
    with django_assert_num_queries(3 + savepoint):
        runners.renew(runner=runner, held=[lease])


def test_a_closed_socket_shortens_the_leases_to_the_time_of_a_reconnect(db, settings):
    settings.RUNNER_DISCONNECT_GRACE_SECONDS = 5
    runner = connect_runner(channel="channel-1")
    long, short, others = (start_run() for _ in range(3))
    take(long, runner)
    take(short, runner)
    take(others, connect_runner("second"))
    soon = timezone.now() + timedelta(seconds=2)
    Run.objects.filter(pk=short.pk).update(lease_expires_at=soon)
    runners.disconnect(runner=runner, channel="channel-1")
    runner.refresh_from_db()
    assert (runner.is_online, runner.channel) == (False, "")
    assert runner.disconnected_at is not None
    assert 4 < seconds_left(long) <= 5
    assert seconds_left(short) <= 2
    assert seconds_left(others) > 25


def test_the_old_socket_of_a_process_that_is_back_takes_nothing_with_it(db):
    run = start_run()
    runner = connect_runner(channel="channel-1")
    lease = take(run, runner)
    connect_runner(held=[lease], channel="channel-2")
    runners.disconnect(runner=runner, channel="channel-1")
    runner.refresh_from_db()
    assert (runner.is_online, runner.channel) == (True, "channel-2")
    assert seconds_left(run) > 25
