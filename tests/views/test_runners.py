"""Runners: who is connected, what they have in hand, and what waits for one."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from agents.services import runners, runs
from tests.factories import (
    connect_runner,
    decide,
    expire_lease,
    fail,
    make_interrupt,
    start_run,
    take,
)


@pytest.fixture
def reader(client: Client, ada: User) -> Client:
    """Ada, signed in."""
    client.force_login(ada)
    return client


def test_what_a_runner_has_in_hand(reader: Client):
    runner = connect_runner()
    run = start_run()
    take(run, runner)
    page = reader.get("/runners/").text
    assert "runner-1.example" in page
    assert ">Online</span>" in page
    assert "1 of 10" in page
    assert f'<a href="/threads/{run.thread_id}/">Run {run.pk}</a>' in page
    assert "its lease is over" not in page
    expire_lease(run)
    assert "its lease is over" in reader.get("/runners/").text


def test_one_that_left_stays_for_a_while(reader: Client):
    runner = connect_runner(channel="somewhere")
    runners.disconnect(runner=runner, channel="somewhere")
    page = reader.get("/runners/").text
    assert ">Offline</span>" in page
    assert "last seen" in page


def test_what_waits_for_a_runner(reader: Client, alice: User):
    review = make_interrupt()
    decision = decide(review, alice)
    page = reader.get("/runners/").text
    assert "Decisions on their way" in page
    assert f'id="undelivered-{decision.pk}"' in page
    assert "Runs that wait for a runner" in page


@pytest.mark.parametrize("end", [lambda run: runs.cancel(run=run.pk, user=None), fail])
def test_a_decision_whose_run_is_over_waits_for_nobody(reader: Client, alice: User, end):
    run = decide(make_interrupt(), alice).run
    assert run is not None
    take(run)
    expire_lease(run)
    end(run)
    assert "Decisions on their way" not in reader.get("/runners/").text


def test_without_runners_the_command_that_starts_one(reader: Client):
    page = reader.get("/runners/").text
    assert "python -m reviewconsole.runner --url ws://testserver" in page


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    reader: Client, alice: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
):
    for number in range(count):
        take(start_run(), connect_runner(f"runner {number}"))
        decide(make_interrupt(), alice)
    with django_assert_num_queries(10):
        reader.get("/runners/")
