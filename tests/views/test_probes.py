"""Is a process alive, is it ready, what does it measure; and who learns what of it."""

from ipaddress import ip_network

import pytest
from channels.layers import InMemoryChannelLayer
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from agents.instruments import REGISTRY
from agents.services import runs
from tests.factories import connect_runner, decide, expire_lease, make_interrupt, start_run, take

TOKEN = {"Authorization": "Bearer watching"}


@pytest.fixture
def watched(settings: Settings) -> None:
    """A console whose metrics can be read with a token."""
    settings.METRICS_TOKEN = "watching"


def test_alive_without_a_database(client: Client):
    answer = client.get("/healthz")  # a query would fail this test, which asked for no database
    assert (answer.status_code, answer.text) == (200, "alive\n")


def test_ready(client: Client, db: None):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


def test_ready_in_detail(client: Client, db: None, watched: None):
    answer = client.get("/readyz", headers=TOKEN)
    assert answer.text == "ready\ndatabase: ok\nmigrations: ok\nwrites: ok\nhints: ok\n"


def test_ready_without_hints(
    client: Client, db: None, watched: None, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is lost with them, so no proxy may pass over what would be every process."""

    async def refuse(*_: object) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(InMemoryChannelLayer, "send", refuse)
    answer = client.get("/readyz", headers=TOKEN)
    assert answer.status_code == 200
    first, *_, hints = answer.text.splitlines()
    assert first == "ready"
    assert hints.startswith(
        "hints: The broker does not carry hints: connection refused Start Redis"
    )


def test_a_migration_is_missing(
    client: Client, db: None, watched: None, caplog: pytest.LogCaptureFixture
):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '0005_effect_journal'")
    stranger = client.get("/readyz")
    assert (stranger.status_code, stranger.text) == (503, "not ready\n")
    told = "migrations: 1 migrations are not applied: agents.0005_effect_journal. "
    told += "Run `python manage.py migrate`; no process has to be stopped for it."
    assert client.get("/readyz", headers=TOKEN).text == f"not ready\ndatabase: ok\n{told}\n"
    assert f"not ready: {told}" in caplog.text


@pytest.mark.parametrize(
    ("headers", "address", "is_read"),
    [
        ({}, "127.0.0.1", False),
        ({}, "10.1.2.3", True),
        ({}, "10.2.0.1", False),
        ({}, "", False),
        # Through a proxy: the address may be the proxy's own, or made up.
        ({"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3", False),
        ({"Forwarded": "for=10.1.2.3"}, "10.1.2.3", False),
        (TOKEN, "127.0.0.1", True),
        (TOKEN | {"X-Forwarded-For": "192.0.2.1"}, "192.0.2.1", True),
        ({"Authorization": "bearer  watching "}, "127.0.0.1", True),
        ({"Authorization": "Bearer guessing"}, "10.1.2.3", False),
        ({"Authorization": "Basic watching"}, "127.0.0.1", False),
        ({"Authorization": "Bearer"}, "127.0.0.1", False),
    ],
)
def test_who_reads_the_metrics(
    client: Client,
    db: None,
    settings: Settings,
    headers: dict[str, str],
    address: str,
    is_read: bool,
):
    settings.METRICS_TOKEN = "watching"
    settings.METRICS_ALLOW = [ip_network("10.1.0.0/16")]
    answer = client.get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == (200 if is_read else 403)


def test_nobody_reads_the_metrics_unless_it_is_said(client: Client, ada: User):
    client.force_login(ada)
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
        assert client.get("/metrics", headers=headers).status_code == 403


def samples(client: Client) -> dict[str, float]:
    """The metrics without those of the process itself, by name and labels."""
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_figures_of_the_whole_system(client: Client, alice: User, watched: None):
    decide(make_interrupt(), alice)
    make_interrupt()
    held, silent = start_run(), start_run()
    take(held, connect_runner("one"))
    take(silent, connect_runner("two"))
    expire_lease(silent)
    runs.cancel(run=start_run().pk, user=None)
    found = samples(client)
    ages = {name: found.pop(name) for name in list(found) if name.endswith("oldest_seconds")}
    assert all(0 < age < 60 for age in ages.values())
    assert set(ages) == {
        f"reviewconsole_{name}_oldest_seconds"
        for name in ("queued_runs", "pending_interrupts", "undelivered_decisions")
    }
    own = tuple(family.name for family in REGISTRY.collect())
    assert {name: value for name, value in found.items() if not name.startswith(own)} == {
        "reviewconsole_database_up": 1,
        "reviewconsole_runs waiting": 0,
        "reviewconsole_runs queued": 1,
        "reviewconsole_runs running": 2,
        "reviewconsole_runs interrupted": 2,
        "reviewconsole_runs succeeded": 0,
        "reviewconsole_runs failed": 0,
        "reviewconsole_runs cancelled": 1,
        "reviewconsole_queued_runs": 1,
        "reviewconsole_pending_interrupts": 1,
        "reviewconsole_undelivered_decisions": 1,
        "reviewconsole_leases": 2,
        "reviewconsole_leases_overdue": 1,
        "reviewconsole_runners": 3,
        "reviewconsole_runner_capacity": 30,
    }


def test_what_a_process_measures(client: Client, alice: User, watched: None):
    before = samples(client)
    client.force_login(alice)
    client.get("/threads/")
    client.get("/no-such-page/")
    review = make_interrupt()
    client.post(f"/interrupts/{review.pk}/decide/", {})
    decide(review, alice)
    after = samples(client)
    grown = {
        name: after[name] - before.get(name, 0)
        for name in after
        if "_seconds_count" in name or "_decisions_total" in name
    }
    assert {name: value for name, value in grown.items() if value} == {
        "reviewconsole_request_seconds_count GET thread-list": 1,
        "reviewconsole_request_seconds_count GET none": 1,
        "reviewconsole_request_seconds_count GET metrics": 1,
        "reviewconsole_request_seconds_count POST interrupt-decide": 1,
        "reviewconsole_decisions_total respond": 1,
    }
    assert after["process_resident_memory_bytes"] > 0


@pytest.mark.parametrize("count", [1, 4])
def test_queries(
    client: Client,
    alice: User,
    watched: None,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
):
    for number in range(count):
        take(start_run(), connect_runner(f"runner {number}"))
        decide(make_interrupt(), alice)
        make_interrupt()
    with django_assert_num_queries(9):
        client.get("/metrics", headers=TOKEN)
