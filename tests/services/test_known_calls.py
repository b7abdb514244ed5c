"""Rounds of tool calls: what they need is read at once, whatever runs and branches they are of."""

from __future__ import annotations

from typing import Any

from agents.models import Effect, Run
from agents.services import tool_calls
from reviewconsole.protocol.messages import (
    Admission,
    CallEnded,
    CallTool,
    Done,
    Lease,
    Outcome,
    Refused,
    Verdict,
    Whole,
)
from tests.factories import APPROVE, REFUND, lease_of, pause, tool_review
from tests.services.journalling import LOCK, ask, call, end, holder, running, stored, told
from tests.services.test_effect_claims import approved

SAVEPOINT = 2  # queries of a transaction inside that of a test


def resumed(run: Run, user: Any) -> Run:
    """The run that resumes after a pause which has nothing to do with the calls."""
    (asked,) = pause(run, tool_review())
    return told(asked, user, APPROVE)[0]


def test_a_run_that_goes_on_with_an_older_branch_costs_one_query_more(
    alice, django_assert_num_queries
):
    run = resumed(running(), alice)
    runner, request = holder(run), call(run)
    with django_assert_num_queries(LOCK + 5 + 1 + SAVEPOINT):
        assert tool_calls.admit(runner=runner, request=request).verdict == Verdict.RUN


def test_a_call_that_names_its_decision_costs_three_queries_more(alice, django_assert_num_queries):
    run, decision = approved(running(), alice)
    runner, request = holder(run), call(run, decision=decision)
    of_older_branch, of_the_decision, of_the_tools = 1, 2, 1
    more = of_older_branch + of_the_decision + of_the_tools
    with django_assert_num_queries(LOCK + 5 + more + SAVEPOINT):
        assert tool_calls.admit(runner=runner, request=request).verdict == Verdict.RUN


def test_calls_of_all_branches_are_found_in_one_round(alice):
    first, other = running(), running()
    end(first, ask(first), result="first")
    end(other, ask(other), result="other")
    resumed_run = resumed(first, alice)
    runs = (resumed_run, other, resumed_run)
    asked: list[tuple[int, CallTool]] = [(holder(run).pk, call(run)) for run in runs]
    answers = tool_calls.execute(asked)
    results = [answer.result for answer in answers if isinstance(answer, Admission)]
    assert results == [stored("first"), stored("other"), stored("first")]


def test_an_end_comes_before_the_calls_of_its_round(db):
    run = running()
    admission = ask(run)
    runner = holder(run).pk
    execution = Effect.objects.get().execution
    lease, pk = lease_of(run), admission.effect
    assert pk is not None
    ended = CallEnded(lease, pk, execution, Outcome.FINISHED, stored("done"), "")
    asked: list[Any] = [(runner, call(run)), (runner, ended), (runner, call(run, call_id="call_1"))]
    again, done, other = tool_calls.execute(asked)
    assert (again, done) == (Admission(Verdict.ANSWER, "", pk, stored("done")), Done())
    begun = Effect.objects.get(call_id="call_1")
    assert other == Admission(Verdict.RUN, "", begun.pk)


def test_arguments_that_nobody_can_name_disturb_who_holds_the_run_only(db):
    run, other = running(), running()
    deep = Whole("msgpack", b"\x91" * 900 + b"\xc0")  # lists in lists
    late = Lease(run.pk, run.attempt + 1)
    asked = [
        (each.runner_id or 0, CallTool(lease, "tools:1", "refund", "call_0", args))
        for each, lease, args in (
            (run, lease_of(run), deep), (run, late, deep), (other, lease_of(other), stored(REFUND)),
        )
    ]  # fmt: skip
    told_deep, told_late, told_other = tool_calls.execute(asked)
    assert isinstance(told_deep, Refused)
    assert isinstance(told_late, Refused)
    assert (told_deep.reason, told_late.reason, told_other) == (
        "invalid", "fenced", Admission(Verdict.RUN, ""),
    )  # fmt: skip
