"""Status: each hop is checked while the page is made, and says how it is repaired."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.models import Decision
from tests.factories import connect_runner, decide, expire_lease, make_interrupt, start_run, take


@pytest.fixture
def reader(client: Client, olga: User) -> Client:
    """Olga, signed in."""
    client.force_login(olga)
    return client


def test_everything_works(reader: Client):
    connect_runner()
    page = reader.get("/status/").text
    assert "Every hop between an agent and a person works." in page
    assert page.count(">Works</span>") == 7


def test_runs_wait_for_a_runner_that_is_not_there(reader: Client):
    run = start_run()
    page = reader.get("/status/").text
    assert "1 of 7 hops need a repair." in page
    assert f"Runs wait, and no runner serves {run.thread.agent.name}." in page
    connect_runner()
    assert "Every hop" in reader.get("/status/").text


def test_a_runner_is_silent(reader: Client):
    run = start_run()
    take(run)
    expire_lease(run)
    page = reader.get("/status/").text
    assert "1 running runs are held by runners that have been silent for too long." in page


def test_a_decision_does_not_arrive(reader: Client, alice: User):
    connect_runner()
    decision = decide(make_interrupt(), alice)
    assert "Every hop" in reader.get("/status/").text
    early = timezone.now() - timedelta(minutes=2)
    Decision.objects.filter(pk=decision.pk).update(decided_at=early)
    page = reader.get("/status/").text
    assert "1 decisions have not reached an agent for 60 seconds." in page
