"""A call is admitted to two runners, or ends while a person lets it run again: one counts."""

from functools import partial

import pytest
from django.contrib.auth.models import User

from agents.exceptions import RequestRefused
from agents.models import Effect, EffectResult
from agents.services import runs, tool_calls
from reviewconsole.protocol.messages import Admission, CallEnded, Outcome, Verdict
from tests.factories import AGENT, APPROVE, connect_runner, expire_lease, lease_of
from tests.faults.racing import race
from tests.services.journalling import ask, call, doubted, end, holder, running, stored, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]

ROUNDS = 8


def test_two_executions_of_one_call_at_once_begin_it_once() -> None:
    for _ in range(ROUNDS):
        run = running()
        runner = holder(run)
        asked = [partial(tool_calls.admit, runner=runner, request=call(run)) for _ in range(2)]
        verdicts = sorted(answer.verdict for answer in race(*asked))
        assert verdicts == [Verdict.DOUBT, Verdict.RUN]
        assert Effect.objects.filter(run=run).count() == 1


def test_an_old_attempt_and_a_new_one_begin_it_once() -> None:
    """The old one asks while its run is given to another runner."""
    other = connect_runner("another", agents=(AGENT,))
    for _ in range(ROUNDS):
        run = running()
        late = partial(tool_calls.admit, runner=holder(run), request=call(run))
        expire_lease(run)

        def take_over(run: object = run) -> Admission:
            runs.reap()
            return ask(running(run, other))  # type: ignore[arg-type]  # a run

        first, second = race(late, take_over)
        begun = [
            answer
            for answer in (first, second)
            if isinstance(answer, Admission) and answer.verdict == Verdict.RUN
        ]
        assert len(begun) == 1, (first, second)
        assert Effect.objects.filter(run=run).count() == 1


def test_it_ends_while_a_person_lets_it_run_again(alice: User) -> None:
    """Its result counts, or the call runs again: never both, and never neither."""
    other = connect_runner("another", agents=(AGENT,))
    for _ in range(ROUNDS):
        run = running()
        lost = ask(run)
        effect = Effect.objects.select_related("runner").get(pk=lost.effect)
        ended = CallEnded(
            lease_of(run), effect.pk, effect.execution, Outcome.FINISHED, stored("late"), ""
        )
        again, decision = told(doubted(run, ask(run)), alice, APPROVE)
        request = call(again, decision=decision.pk)
        assert effect.runner is not None
        late, admission = race(
            partial(tool_calls.end, runner=effect.runner, request=ended),
            partial(tool_calls.admit, runner=holder(again), request=request),
        )
        is_late_taken = not isinstance(late, RequestRefused)
        assert admission.verdict == (Verdict.ANSWER if is_late_taken else Verdict.RUN)
        numbers = list(Effect.objects.filter(key=effect.key).values_list("number", flat=True))
        assert sorted(numbers) == ([1] if is_late_taken else [1, 2])
        assert EffectResult.objects.filter(effect=effect).exists() is is_late_taken
    assert other.is_online


def test_it_is_told_twice_at_once() -> None:
    for _ in range(ROUNDS):
        run = running()
        admission = ask(run)
        race(*(partial(end, run, admission) for _ in range(2)))
        assert Effect.objects.get(pk=admission.effect).status == Effect.Status.FINISHED
