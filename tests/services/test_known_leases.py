"""A step builds on what the step before has seen; whatever has moved in between is seen."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from agents.models import Checkpoint, Part, PendingWrite, Run, Thread
from agents.services import known_leases, runs, tokens
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import Done, Lease
from tests.factories import connect_runner, expire_lease, finish, start_run, take
from tests.faults.racing import race
from tests.services.saving import (
    chat,
    execute,
    get,
    parts,
    put,
    put_writes,
    refused,
    values_of,
    whole,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

ROUNDS = 30


class Agent:
    """A runner that makes steps of one run, through one console or several."""

    def __init__(self) -> None:
        self.runner = connect_runner()
        self.run = start_run()
        self.lease = take(self.run, self.runner)
        self.thread = self.run.thread.thread_id
        self.expected: dict[str, Any] = {}

    def step(self, store: Store, name: str, *numbers: int) -> list[Any]:
        """Save a task's write and the checkpoint after it, with these messages."""
        place: dict[str, Any] = {"scope": self.lease, "thread": self.thread}
        self.expected[name] = whole(chat(*numbers))
        return execute(
            self.runner,
            put_writes(name, (0, "messages", parts(chat(*reversed(numbers)))), **place),
            put(name, {("messages", name): parts(chat(*numbers))}, **place),
            store=store,
        )

    def check(self) -> None:
        """What was saved is there, byte for byte."""
        for name, value in self.expected.items():
            (found,) = execute(self.runner, get(name, scope=self.lease, thread=self.thread))
            assert values_of(found.checkpoints[0]) == {"messages": value}


@pytest.fixture
def agent() -> Agent:
    return Agent()


def fenced(lease: Lease) -> Any:
    return refused("fenced", f"attempt {lease.attempt} of run {lease.run} is not yours any more")


def stored() -> tuple[int, int, int]:
    return Checkpoint.objects.count(), PendingWrite.objects.count(), Part.objects.count()


def test_the_second_step_asks_for_nothing(agent):
    store = Store()
    agent.step(store, "1ef0", 1, 2)
    with CaptureQueriesContext(connection) as asked:
        assert agent.step(store, "1ef1", 1, 2, 3) == [Done(), Done()]
    reads = [each["sql"].split()[0] for each in asked if "SELECT 1 / " in each["sql"]]
    assert reads == (["WITH", "SELECT"] if connection.vendor == "postgresql" else [])
    writes = [each["sql"] for each in asked if "agents_" in each["sql"]][len(reads) :]
    assert [each for each in writes if not ("INSERT INTO" in each or "UPDATE" in each)] == []
    agent.check()


def lost(agent: Agent) -> None:
    """The runner's lease is over, and another attempt is due."""
    expire_lease(agent.run)
    assert runs.reap() == 1


def taken_over(agent: Agent) -> None:
    """Another runner has the run."""
    lost(agent)
    take(agent.run, connect_runner("other"))


def revoked(agent: Agent) -> None:
    """The runner's token does not hold any more."""
    tokens.revoke(token=agent.runner.token)


def ended(agent: Agent) -> None:
    """The run has succeeded."""
    finish(agent.run)


@pytest.mark.parametrize("happens", [lost, taken_over, revoked, ended])
def test_what_the_lease_has_come_to_is_seen(agent, happens):
    store = Store()
    agent.step(store, "1ef0", 1, 2)
    happens(agent)
    before = stored()
    assert agent.step(store, "1ef1", 1, 2, 3) == [fenced(agent.lease)] * 2
    assert stored() == before


def test_a_run_that_is_taken_again_goes_on(agent):
    store = Store()
    agent.step(store, "1ef0", 1, 2)
    old = agent.lease
    lost(agent)
    agent.lease = take(agent.run, agent.runner)
    assert agent.step(store, "1ef1", 1, 2, 3) == [Done(), Done()]
    agent.lease, new = old, agent.lease
    assert agent.step(store, "1ef2", 1, 4) == [fenced(old)] * 2
    agent.lease = new
    del agent.expected["1ef2"]
    agent.check()


def test_a_thread_that_is_gone_is_not_written_to(agent):
    store = Store()
    agent.step(store, "1ef0", 1, 2)
    Run.objects.all().delete()
    Thread.objects.all().delete()
    assert agent.step(store, "1ef1", 1, 2, 3) == [fenced(agent.lease)] * 2
    assert stored() == (0, 0, 0)


def test_the_steps_of_one_run_go_through_two_consoles(agent):
    stores = (Store(), Store())
    for turn in range(ROUNDS):
        numbers = (turn, turn + 1, 1000 + turn // 2)
        assert agent.step(stores[turn % 2], f"1ef{turn:02}", *numbers) == [Done(), Done()]
    agent.check()
    assert Part.objects.count() == Thread.objects.get().part_next


def test_parts_that_were_removed_meanwhile_are_stored_again(agent):
    store = Store()
    agent.step(store, "1ef0", 1, 2)
    Part.objects.all().delete()
    thread = Thread.objects.get()
    thread.part_epoch += 1
    thread.save()
    agent.step(store, "1ef1", 1, 2, 3)
    del agent.expected["1ef0"]
    agent.check()


def test_two_consoles_save_steps_of_one_run_at_once(agent):
    stores = (Store(), Store())
    for turn in range(ROUNDS):
        saves: list[Callable[[], Any]] = [
            partial(agent.step, store, f"1ef{turn:02}{number}", turn, turn + 1, 500 + number)
            for number, store in enumerate(stores)
        ]
        assert race(*saves) == [[Done(), Done()]] * 2
    agent.check()
    assert Part.objects.count() == Thread.objects.get().part_next


def test_a_lease_is_lost_while_a_step_is_saved(agent):
    store = Store()
    for turn in range(ROUNDS):
        name = f"1ef{turn:02}"
        lease = agent.lease
        expire_lease(agent.run)
        saved, _ = race(partial(agent.step, store, name, turn, turn + 1), runs.reap)
        is_there = Checkpoint.objects.filter(checkpoint_id=name).exists()
        assert saved in ([Done(), Done()], [fenced(lease)] * 2)
        assert is_there == (saved == [Done(), Done()])
        if not is_there:
            del agent.expected[name]
        due = {"status": Run.Status.QUEUED, "runner": None, "attempt": turn % 2}
        Run.objects.filter(pk=agent.run.pk).update(**due)
        agent.run.refresh_from_db()
        agent.lease = take(agent.run, agent.runner)
    agent.check()


def test_a_commit_that_failed_is_repeated(agent, monkeypatch):
    store = Store()
    agent.step(store, "1ef0", 1, 2)
    failures = [OperationalError("gone")]

    def lose(execute: Any, sql: str, *rest: Any) -> Any:
        if "INTO agents_pendingwrite" in sql and failures:
            raise failures.pop()
        return execute(sql, *rest)

    before = stored()
    with connection.execute_wrapper(lose):
        answers = agent.step(store, "1ef1", 1, 2, 3)
        assert [answer.reason for answer in answers] == ["unavailable"] * 2
        assert stored() == before
        assert agent.step(store, "1ef1", 1, 2, 3) == [Done(), Done()]
    agent.check()


def test_what_is_known_has_a_bound(monkeypatch):
    monkeypatch.setattr(known_leases, "KEPT", 3)
    store = Store()
    agents = [Agent() for _ in range(5)]
    for turn in range(2):
        for number, each in enumerate(agents):
            assert each.step(store, f"1ef{turn}", number, turn) == [Done(), Done()]
    assert {len(store.known._threads), len(store.known._runs)} == {3}
    for each in agents:
        each.check()
