"""The effect journal: what has run is answered, what may have run is held, nothing runs twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.exceptions import RequestRefused
from agents.models import Decision, Effect, EffectResult, Gate, Interrupt, Run, Runner
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.services import effects, runs, thread_deletion, tool_calls, tool_settings
from reviewconsole.protocol.messages import Admission, CallEnded, Done, Outcome, Refused, Verdict
from tests.factories import (
    AGENT,
    APPROVE,
    REFUND,
    connect_runner,
    expire_lease,
    fail,
    finish,
    lease_of,
    make_interrupt,
    pause,
    replay,
    save_checkpoint,
    start_run,
    tool_review,
)
from tests.services.journalling import (
    LOCK,
    ask,
    call,
    doubted,
    end,
    holder,
    running,
    stored,
    told,
)
from tests.services.test_told import told as hears

GIVE = ActionDecision(DecisionType.RESPOND, answer={"id": 5}, shape=AnswerShape.JSON)
REJECT = ActionDecision(DecisionType.REJECT, message="it is booked")
SAVEPOINT = 2  # queries of a transaction inside that of a test


def taken_over(run: Run) -> Run:
    """The next attempt of a run whose runner is gone, at another runner."""
    gone = holder(run)
    Runner.objects.filter(pk=gone.pk).update(disconnected_at=timezone.now())
    return handed_over(run)


def handed_over(run: Run) -> Run:
    """The next attempt of a run at another runner, while the first is connected."""
    expire_lease(run)
    runs.reap()
    run.refresh_from_db()
    return running(run, connect_runner("another", agents=(AGENT,)))


def resumed(run: Run, user: Any) -> Run:
    """The run that resumes after a pause which has nothing to do with the calls."""
    (asked,) = pause(run, tool_review())
    return told(asked, user, APPROVE)[0]


def statuses() -> list[str]:
    return list(Effect.objects.order_by("pk").values_list("status", flat=True))


# Once ---------------------------------------------------------------------------------------------


def test_a_call_is_begun_before_it_runs(db):
    run = running()
    admission = ask(run)
    effect = Effect.objects.get()
    assert admission == Admission(Verdict.RUN, "", effect.pk)
    assert (effect.run, effect.attempt, effect.runner) == (run, 1, holder(run))
    assert (effect.tool, effect.call_id, effect.args) == ("refund", "call_0", REFUND)
    assert (effect.status, effect.number, effect.ended_at) == ("started", 1, None)


def test_the_price_of_a_call(db, django_assert_num_queries):
    run = running()
    runner, request = holder(run), call(run)
    with django_assert_num_queries(LOCK + 5 + SAVEPOINT):
        tool_calls.admit(runner=runner, request=request)
    effect = Effect.objects.get()
    ended = CallEnded(
        lease_of(run), effect.pk, effect.execution, Outcome.FINISHED, stored("done"), ""
    )
    with django_assert_num_queries(LOCK + 3 + SAVEPOINT):
        tool_calls.end(runner=runner, request=ended)


def test_the_price_of_fifty_calls_is_that_of_one(db, django_assert_num_queries):
    asked = []
    for _ in range(50):
        run = running()
        asked.append((holder(run).pk, call(run)))
    with django_assert_num_queries(LOCK + 5 + SAVEPOINT):
        answers = tool_calls.execute(asked)
    assert {answer.verdict for answer in answers} == {Verdict.RUN}  # type: ignore[union-attr]
    ends = [
        (effect.runner_id or 0, CallEnded(
            lease_of(effect.run), effect.pk, effect.execution, Outcome.FINISHED, stored("x"), ""
        ))
        for effect in Effect.objects.select_related("run")
    ]  # fmt: skip
    with django_assert_num_queries(LOCK + 3 + SAVEPOINT):
        assert tool_calls.execute(ends) == [Done()] * 50


def test_the_same_execution_may_ask_twice(db):
    run = running()
    first = ask(run, execution="e")
    assert ask(run, execution="e") == first
    assert Effect.objects.count() == 1


def test_a_finished_call_is_answered_when_its_node_runs_again(alice):
    run = running()
    admission = ask(run)
    end(run, admission, result={"refunded": 120.0})
    again = resumed(run, alice)
    answer = Admission(Verdict.ANSWER, "", admission.effect, stored({"refunded": 120.0}))
    assert ask(again) == answer
    assert ask(taken_over(again)) == answer
    assert statuses() == ["finished"]


def test_a_finished_call_is_answered_although_its_tool_is_blocked_by_now(ada):
    run = running()
    end(run, ask(run))
    tool_settings.set_gate(agent=run.thread.agent_id, tool="refund", gate=Gate.NEVER, user=ada)
    assert ask(run).verdict == Verdict.ANSWER


@pytest.mark.parametrize(
    "other",
    [
        {"args": {**REFUND, "amount": 1.0}},
        {"call_id": "call_1"},
        {"ns": "tools:2"},
        {"occurrence": 1},
        {"tool": "send_email"},
        {"within": "outer"},
    ],
    ids=str,
)
def test_another_call_is_another_call(other, db):
    run = running()
    end(run, ask(run))
    assert ask(run, **other).verdict == Verdict.RUN


def test_a_call_outside_of_any_task_is_kept_and_never_answered(db):
    run = running()
    end(run, ask(run, ns=""))
    assert ask(run, ns="").verdict == Verdict.RUN
    assert ask(run, ns="").verdict == Verdict.RUN
    assert statuses() == ["finished", "started", "started"]


def test_a_call_without_a_name_is_not_kept(db):
    run = running()
    assert ask(run, execution="") == Admission(Verdict.RUN, "")
    assert not Effect.objects.exists()


def test_a_new_input_makes_its_own_calls(db):
    run = running()
    end(run, ask(run))
    finish(run)
    assert ask(running(start_run(thread=run.thread.thread_id))).verdict == Verdict.RUN
    assert Effect.objects.count() == 2


def test_a_replay_makes_its_own_calls_and_one_that_changed_nothing_is_forgotten(alice, olga):
    run = running()
    saved = save_checkpoint(run)
    first = ask(run)
    end(run, first)
    (asked,) = pause(run, tool_review(), checkpoint_id=saved)
    again = running(replay(run.thread, saved, olga))
    assert ask(again).verdict == Verdict.RUN
    fail(again)  # before it has made a checkpoint: what waited is asked anew
    anew = Interrupt.objects.pending().select_related("thread__agent").get()
    assert anew.pk != asked.pk
    resumed_run, _ = told(anew, alice, APPROVE)
    assert ask(resumed_run).effect == first.effect


@pytest.mark.parametrize("outcome", [Outcome.PAUSED, Outcome.UNTOUCHED])
def test_a_call_that_asked_a_person_or_never_began_runs_again(outcome, alice):
    run = running()
    end(run, ask(run), outcome)
    assert ask(resumed(run, alice)).verdict == Verdict.RUN
    assert list(Effect.objects.order_by("pk").values_list("number", "status")) == [
        (1, outcome),
        (2, "started"),
    ]


# In doubt -----------------------------------------------------------------------------------------


def test_a_call_whose_runner_is_gone_is_in_doubt(db):
    run = running()
    admission = ask(run)
    effect = Effect.objects.get()
    lost = effect.runner
    assert lost is not None
    held = ask(taken_over(run))
    assert held == Admission(
        Verdict.DOUBT,
        "",
        admission.effect,
        doubt={
            "effect": effect.pk,
            "tool": "refund",
            "started_at": effect.started_at.isoformat(),
            "runner": lost.name,
            "what": "no_end",
            "error": "",
        },
    )
    assert ask(run) == held
    assert statuses() == ["in_doubt"]


def test_a_call_that_runs_at_another_connected_runner_is_waited_for(db):
    run = running()
    first = ask(run)
    waits = ask(handed_over(run))
    assert (waits.verdict, waits.effect) == (Verdict.WAIT, first.effect)
    end(run, first)
    assert ask(run).verdict == Verdict.ANSWER


def test_a_runner_that_asks_again_under_another_name_has_lost_the_call(db):
    run = running()
    ask(run)
    assert ask(run).verdict == Verdict.DOUBT


def test_a_call_that_was_cut_off_is_in_doubt(db):
    run = running()
    end(run, ask(run), Outcome.CUT_OFF)
    assert ask(run).verdict == Verdict.DOUBT


@pytest.mark.parametrize("is_again", [False, True])
def test_a_failed_call_runs_again_in_the_same_attempt_only(is_again, db):
    run = running()
    end(run, ask(run), Outcome.FAILED, error="TimeoutError: no answer")
    if not is_again:
        assert ask(run).verdict == Verdict.RUN
        return
    held = ask(taken_over(run))
    assert held.doubt is not None
    assert (held.doubt["what"], held.doubt["error"]) == ("failed", "TimeoutError: no answer")


def test_a_failed_call_that_was_approved_since_runs_again(alice):
    run = running()
    end(run, ask(run), Outcome.FAILED, error="no answer")
    (asked,) = pause(run, tool_review(("refund", REFUND)), call_ids=("call_0",))
    again, _ = told(asked, alice, APPROVE)
    assert ask(again).verdict == Verdict.RUN


def test_a_result_that_could_not_be_kept_is_a_doubt(db):
    run = running()
    end(run, ask(run), result=None, error="this Engine does not come back")
    EffectResult.objects.all().delete()
    held = ask(run)
    assert held.doubt is not None
    assert (held.doubt["what"], held.doubt["error"]) == (
        "no_result",
        "this Engine does not come back",
    )


def test_arguments_that_cannot_be_stored_are_never_taken_for_those_of_another_call(db):
    run = running()
    end(run, ask(run, args=None))
    assert ask(run, args=None).verdict == Verdict.DOUBT


@pytest.mark.parametrize("by", ["author", "admin"])
def test_a_tool_that_may_run_twice_just_does(by, ada):
    run = running()
    if by == "admin":
        agent = run.thread.agent_id
        tool_settings.set_idempotent(agent=agent, tool="refund", is_idempotent=True, user=ada)
    for _ in range(2):
        assert ask(run, is_idempotent=by == "author").verdict == Verdict.RUN
    assert statuses() == ["in_doubt", "started"]
    assert Effect.objects.filter(is_idempotent=True).count() == 2


# What people say ----------------------------------------------------------------------------------


def test_a_person_lets_it_run_again_once(alice):
    run = running()
    lost = ask(run)
    run = taken_over(run)
    again, decision = told(doubted(run, ask(run)), alice, APPROVE)
    assert ask(again).verdict == Verdict.DOUBT  # the decision was not named
    admission = ask(again, decision=decision.pk)
    first, second = Effect.objects.order_by("pk")
    assert (admission.verdict, admission.effect) == (Verdict.RUN, second.pk)
    assert (first.pk, first.settled_by, second.decision) == (lost.effect, decision, decision)
    assert ask(again, decision=decision.pk).verdict == Verdict.DOUBT  # about the second execution


def test_letting_it_run_again_is_enough_where_calls_are_reviewed(alice, ada):
    run = running()
    ask(run)
    tool_settings.set_gate(agent=run.thread.agent_id, tool="refund", gate=Gate.ALWAYS, user=ada)
    again, decision = told(doubted(run, ask(run)), alice, APPROVE)
    assert ask(again, decision=decision.pk).verdict == Verdict.RUN


def test_a_person_gives_the_result(alice):
    run = running()
    lost = ask(run)
    again, decision = told(doubted(run, ask(run)), alice, GIVE)
    effect = Effect.objects.get()
    end(again, effect, Outcome.GIVEN, {"id": 5}, runner=holder(again), execution="")
    end(again, effect, Outcome.GIVEN, {"id": 5}, runner=holder(again), execution="")
    assert ask(again) == Admission(Verdict.ANSWER, "", lost.effect, stored({"id": 5}))
    effect.refresh_from_db()
    assert (effect.status, effect.settled_by) == ("given", decision)


@pytest.mark.parametrize("said", [None, APPROVE, REJECT])
def test_nobody_else_gives_a_result(said, alice):
    run = running()
    ask(run)
    asked = doubted(run, ask(run))
    again = told(asked, alice, said)[0] if said else run
    effect = Effect.objects.get()
    runner = effect.runner
    with pytest.raises(RequestRefused, match="has ended otherwise, or was never yours"):
        end(again, effect, Outcome.GIVEN, "made up", runner=runner)
    assert not EffectResult.objects.exists()


def test_a_result_is_given_under_a_lease(alice):
    run = running()
    ask(run)
    again, _ = told(doubted(run, ask(run)), alice, GIVE)
    expire_lease(again)
    runner = holder(again)
    runs.reap()
    with pytest.raises(RequestRefused):
        end(again, Effect.objects.get(), Outcome.GIVEN, runner=runner)


def test_a_call_that_is_not_to_run_again_stays_in_doubt(alice):
    run = running()
    ask(run)
    again, decision = told(doubted(run, ask(run)), alice, REJECT)
    assert ask(again, decision=decision.pk).verdict == Verdict.DOUBT
    assert Effect.objects.get().settled_by == decision


@pytest.mark.parametrize("status", ["refused", "withdrawn"])
def test_what_never_came_to_be_says_nothing(status, alice):
    run = running()
    ask(run)
    again, decision = told(doubted(run, ask(run)), alice, APPROVE)
    Decision.objects.update(status=status)
    assert ask(again, decision=decision.pk).verdict == Verdict.DOUBT


@pytest.mark.parametrize(
    "changes", [{"name": "send_email"}, {"args": {**REFUND, "amount": 1.0}}, {"gate": "agent"}]
)
def test_a_question_that_shows_another_call_settles_nothing(changes, alice):
    run = running()
    ask(run)
    told(doubted(run, ask(run), **changes), alice, APPROVE)
    assert Effect.objects.get().settled_by is None


def test_a_doubt_of_another_thread_is_not_settled(alice):
    other = running()
    ask(other)
    held = ask(other)
    told(doubted(running(), held), alice, APPROVE)
    assert Effect.objects.get().settled_by is None


# Ends ---------------------------------------------------------------------------------------------


def test_an_end_counts_after_the_run_has_moved_on(db):
    run = running()
    admission = ask(run)
    run = taken_over(run)
    assert ask(run).verdict == Verdict.DOUBT
    end(run, admission, result="late")
    assert ask(run) == Admission(Verdict.ANSWER, "", admission.effect, stored("late"))


def test_an_end_is_told_twice_and_counts_once(db):
    run = running()
    admission = ask(run)
    for _ in range(2):
        end(run, admission)
    with pytest.raises(RequestRefused):
        end(run, admission, Outcome.FAILED)
    assert (statuses(), EffectResult.objects.count()) == (["finished"], 1)


@pytest.mark.parametrize("fields", [{"execution": "another"}, {"runner": "another"}])
def test_an_end_is_taken_of_who_runs_it_only(fields, db):
    run = running()
    admission = ask(run)
    if "runner" in fields:
        fields = {"runner": connect_runner("another", agents=(AGENT,))}
    with pytest.raises(RequestRefused) as refused:
        end(run, admission, **fields)
    assert refused.value.code == "fenced"
    assert statuses() == ["started"]


def test_an_end_comes_too_late_once_the_call_was_let_run_again(alice):
    run = running()
    lost = ask(run)
    again, decision = told(doubted(run, ask(run)), alice, APPROVE)
    assert ask(again, decision=decision.pk).verdict == Verdict.RUN
    with pytest.raises(RequestRefused):
        end(again, lost)
    assert statuses() == ["in_doubt", "started"]


def test_one_bad_request_of_a_round_disturbs_no_other(db):
    run = running()
    runner = holder(run).pk
    bad = CallEnded(lease_of(run), 10**20, "e", Outcome.FINISHED, None, "")
    good = call(run)
    refused, admission = tool_calls.execute([(runner, bad), (runner, good)])
    assert isinstance(refused, Refused)
    assert admission == Admission(Verdict.RUN, "", Effect.objects.get().pk)


def test_two_executions_of_one_call_in_one_round(db):
    run = running()
    runner = holder(run).pk
    first, second = tool_calls.execute([(runner, call(run)), (runner, call(run))])
    assert isinstance(first, Admission)
    assert isinstance(second, Admission)
    assert (first.verdict, second.verdict) == (Verdict.RUN, Verdict.DOUBT)


# The console's own questions ----------------------------------------------------------------------


def reviewed(user: Any, decision: ActionDecision = APPROVE, **changes: Any) -> tuple[Run, int]:
    """The run that resumes after the console asked about the call, and the decision."""
    value: Any = {"type": "tool_approval", "tool_call_id": "call_0", "name": "refund"}
    value |= {"args": REFUND, "description": "", "gate": "console"} | changes
    schema: Any = {
        "oneOf": [
            {"properties": {"type": {"const": "approve"}}, "required": ["type"]},
            {
                "properties": {
                    "type": {"const": "edit"},
                    "edited_action": {"properties": {"name": {}, "args": {}}},
                },
                "required": ["type", "edited_action"],
            },
        ]
    }
    asked = make_interrupt(value, response_schema=schema, call_ids=("call_0",))
    run, made = told(asked, user, decision)
    agent = run.thread.agent
    agent.tool_default = Gate.ALWAYS
    agent.save()
    return run, made.pk


def test_a_call_that_was_approved_here_runs_once_it_names_the_decision(alice):
    run, decision = reviewed(alice)
    assert ask(run).verdict == Verdict.REVIEW
    assert ask(run, decision=decision).verdict == Verdict.RUN
    assert Effect.objects.get().decision_id == decision


EDITED = {**REFUND, "amount": 12.0}


def test_a_call_that_was_edited_here_runs_as_edited(alice):
    run, decision = reviewed(alice, ActionDecision(DecisionType.EDIT, args=EDITED))
    assert ask(run, decision=decision).verdict == Verdict.REVIEW
    assert ask(run, args=EDITED, decision=decision).verdict == Verdict.RUN


@pytest.mark.parametrize(
    "other", [{"args": EDITED}, {"call_id": "call_1"}, {"tool": "send_email"}], ids=str
)
def test_a_decision_covers_no_other_call(other, alice):
    run, decision = reviewed(alice)
    assert ask(run, decision=decision, **other).verdict == Verdict.REVIEW


def test_a_decision_covers_one_call_and_not_its_like(alice):
    run, decision = reviewed(alice)
    assert ask(run, decision=decision).verdict == Verdict.RUN
    assert ask(run, decision=decision, occurrence=1).verdict == Verdict.REVIEW


def test_a_question_of_the_agents_own_covers_nothing(alice):
    run, decision = reviewed(alice, gate="agent")
    Interrupt.objects.update(call_ids=[])
    assert ask(run, decision=decision, call_id="call_7").verdict == Verdict.REVIEW


def test_what_an_app_injects_is_shown_and_no_part_of_the_call(alice):
    run, decision = reviewed(alice, args={**REFUND, "tenant": "acme"})
    assert ask(run, decision=decision).verdict == Verdict.RUN


# What is kept -------------------------------------------------------------------------------------


def test_results_are_forgotten_when_nothing_runs_again(db):
    run = running()
    end(run, ask(run))
    finish(run)
    assert (statuses(), EffectResult.objects.count()) == (["finished"], 0)


def test_a_deleted_thread_keeps_that_calls_ran(ada):
    run = running()
    end(run, ask(run), Outcome.FAILED, error="order 8812 of Alice")
    end(run, ask(run))
    fail(run)
    thread_deletion.delete(thread=run.thread_id, user=ada)
    assert list(Effect.objects.values_list("tool", "args", "error")) == [("refund", None, "")] * 2
    assert not EffectResult.objects.exists()


def test_the_page_hears_of_each_change(db, django_capture_on_commit_callbacks):
    run = running()
    runner, request = holder(run), call(run)

    def admit() -> None:
        tool_calls.admit(runner=runner, request=request)

    assert hears(django_capture_on_commit_callbacks, admit) == {f"effects.{run.thread_id}"}
    effect = Effect.objects.get()
    assert hears(django_capture_on_commit_callbacks, lambda: end(run, effect)) == {
        f"effects.{run.thread_id}"
    }


def test_a_runner_that_was_not_heard_of_is_not_waited_for(db):
    run = running()
    ask(run)
    Runner.objects.update(last_seen_at=timezone.now() - timedelta(minutes=5))
    assert ask(handed_over(run)).verdict == Verdict.DOUBT


def test_covers_compares_what_both_have():
    assert effects.covers({"a": 1, "b": 2}, {"a": 1}, {"a"})
    assert not effects.covers({"a": 1, "b": 2}, {"a": 1}, {"a", "b"})
    assert not effects.covers({"a": 1}, {"a": 1, "b": 2}, ())
    assert not effects.covers({"a": 1}, {"a": 1.0}, ())
    assert not effects.covers(None, {}, ())
