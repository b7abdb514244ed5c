"""The ends of tool calls and the checkpoint after them: one transaction, whatever breaks it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from agents.models import Checkpoint, Effect, EffectResult, PendingWrite
from agents.services import runs, steps
from agents.services.checkpoints import Store
from reviewconsole.protocol.messages import CallEnded, Done, Outcome, Put, PutWrites
from tests.factories import connect_runner, expire_lease, lease_of
from tests.services.journalling import ask, holder, running, stored
from tests.services.saving import put, put_writes, refused, whole

pytestmark = pytest.mark.django_db(transaction=True)


class Agent:
    """An agent in the middle of a step: it calls a tool, and saves what came of it."""

    def __init__(self) -> None:
        self.run = running()
        self.runner = holder(self.run)
        self.lease = lease_of(self.run)
        self.effect = self.begin()
        self.store = Store()
        self.place: dict[str, Any] = {"scope": self.lease, "thread": self.run.thread.thread_id}
        first = put("1ef0", {("count", "1"): whole(1)}, **self.place)
        self.store.execute([(self.runner.pk, first)])

    def begin(self, **fields: Any) -> Effect:
        return Effect.objects.get(pk=ask(self.run, **fields).effect)

    def end(self, effect: Effect | None = None) -> tuple[int, CallEnded]:
        effect = effect or self.effect
        ended = CallEnded(
            self.lease, effect.pk, effect.execution, Outcome.FINISHED, stored("done"), ""
        )
        return self.runner.pk, ended

    def write(self) -> PutWrites:
        return put_writes("1ef0", (0, "count", whole(2)), **self.place)

    def step(self) -> list[Any]:
        """Tell how the call ended, and save the step that called it."""
        saved: list[Put | PutWrites] = [
            self.write(),
            put("1ef1", {("count", "2"): whole(2)}, **self.place),
        ]
        return steps.execute([self.end()], [(self.runner.pk, each) for each in saved], self.store)

    def kept(self) -> tuple[Any, ...]:
        """The call's status, and how many results, checkpoints and writes there are."""
        self.effect.refresh_from_db()
        counts = (each.objects.count() for each in (EffectResult, Checkpoint, PendingWrite))
        return self.effect.status, *counts


@pytest.fixture
def agent() -> Agent:
    return Agent()


STARTED, FINISHED = Effect.Status.STARTED.value, Effect.Status.FINISHED.value


def failing(word: str, error: Exception, times: int = 1) -> AbstractContextManager[None]:
    """The next statements with this word fail."""
    left = [error] * times

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if word in sql and left:
            raise left.pop()
        return execute(sql, *rest)

    return connection.execute_wrapper(fail)


def test_a_step_is_one_transaction(agent):
    with CaptureQueriesContext(connection) as asked:
        assert agent.step() == [Done(), Done(), Done()]
    assert [each["sql"] for each in asked].count("COMMIT") == 1
    assert agent.kept() == (FINISHED, 1, 2, 1)


def test_the_step_after_it_asks_for_nothing(agent):
    agent.step()
    following = put("1ef2", {("count", "3"): whole(3)}, **agent.place)
    with CaptureQueriesContext(connection) as asked:
        assert agent.store.execute([(agent.runner.pk, following)]) == [Done()]
    assert [each["sql"] for each in asked if "part_epoch\nFROM" in each["sql"]] == []


def test_a_step_that_is_sent_again_changes_nothing(agent):
    agent.step()
    assert agent.step() == [Done(), Done(), Done()]
    assert agent.kept() == (FINISHED, 1, 2, 1)


def test_calls_of_other_agents_end_beside_it(agent):
    other = Agent()
    saved = [(agent.runner.pk, agent.write())]
    assert steps.execute([other.end(), agent.end()], saved, agent.store) == [Done()] * 3
    assert (agent.kept()[0], other.kept()[0]) == (FINISHED, FINISHED)


@pytest.mark.parametrize("word", ["agents_effectresult", "agents_blob"])
def test_what_breaks_once_is_done_apart(agent, word):
    with failing(word, IntegrityError("once")):
        assert agent.step() == [Done(), Done(), Done()]
    assert agent.kept() == (FINISHED, 1, 2, 1)


def test_what_cannot_be_stored_costs_nothing_else(agent):
    with failing("INTO agents_checkpoint", IntegrityError("never"), times=9):
        ended, written, saved = agent.step()
    assert (ended, written) == (Done(), Done())
    assert saved == refused("invalid", "this cannot be stored or read: never")
    assert agent.kept() == (FINISHED, 1, 1, 1)


def test_the_database_goes_away_and_nothing_is_kept(agent):
    with failing("agents_", OperationalError("gone"), times=9):
        answers = agent.step()
    assert [answer.reason for answer in answers] == ["unavailable"] * 3
    assert agent.kept() == (STARTED, 0, 1, 0)
    assert agent.step() == [Done(), Done(), Done()]


def lost(agent: Agent) -> None:
    """Its runner was away for too long."""
    expire_lease(agent.run)
    assert runs.reap() == 1


def taken_over(agent: Agent) -> None:
    """Another runner goes on with its run."""
    lost(agent)
    agent.run.refresh_from_db()
    running(agent.run, connect_runner("other"))


@pytest.mark.parametrize("happens", [lost, taken_over])
def test_after_its_lease_a_call_still_ends_and_nothing_is_saved(agent, happens):
    happens(agent)
    fenced = f"attempt {agent.lease.attempt} of run {agent.lease.run} is not yours any more"
    assert agent.step() == [Done(), *[refused("fenced", fenced)] * 2]
    assert agent.kept() == (FINISHED, 1, 1, 0)


def nothing(agent: Agent) -> AbstractContextManager[Any]:
    return nullcontext()


def breaking(agent: Agent) -> AbstractContextManager[Any]:
    return failing("agents_blob", IntegrityError("once"))


@pytest.mark.parametrize("happens", [nothing, breaking])
def test_a_refused_end_refuses_no_checkpoint(agent, happens: Callable[[Agent], Any]):
    Effect.objects.update(execution="another")
    with happens(agent):
        ended, *saved = agent.step()
    told = f"effect {agent.effect.pk} has ended otherwise, or was never yours"
    assert (ended, saved) == (refused("fenced", told), [Done(), Done()])
    assert agent.kept() == (STARTED, 0, 2, 1)
