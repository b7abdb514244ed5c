"""What runners and agents may claim of the effect journal, and what it gives to whom."""

from __future__ import annotations

from typing import Any

import pytest

from agents.live import Topic, Viewer, context
from agents.models import Effect, EffectResult, Gate, Run, Runner
from agents.services import effects, interrupts, runs, thread_deletion, tool_calls, tool_settings
from reviewconsole.protocol.messages import (
    CallEnded,
    Cancelled,
    Lease,
    Outcome,
    RefusalCode,
    Verdict,
)
from tests.factories import APPROVE, REFUND, finish, lease_of, pause
from tests.services.journalling import (
    ANSWERS,
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


def late(lease: Lease, runner: Runner, outcome: Outcome, error: str = "") -> None:
    """Let a runner tell how the only call ended after its run has moved on."""
    effect = Effect.objects.get()
    result = stored("paid") if outcome is Outcome.FINISHED else None
    request = CallEnded(lease, effect.pk, effect.execution, outcome, result, error)
    tool_calls.end(runner=runner, request=request)


# What it gives ------------------------------------------------------------------------------------


def test_a_round_answers_what_fits_into_a_frame_and_one_call_always(settings, db):
    settings.RUNNER_MAX_FRAME_BYTES = 2500
    run = running()
    for number in range(3):
        end(run, ask(run, call_id=f"call_{number}"), result="x" * 1000)
    runner = holder(run).pk
    asked = [(runner, call(run, call_id=f"call_{number}")) for number in range(3)]
    first, second, third = tool_calls.execute(asked)
    assert {getattr(answer, "verdict", None) for answer in (first, second)} == {Verdict.ANSWER}
    assert getattr(third, "reason", None) == RefusalCode.TOO_LARGE
    settings.RUNNER_MAX_FRAME_BYTES = 10
    (alone,) = tool_calls.execute(asked[2:])
    assert getattr(alone, "result", None) == stored("x" * 1000)


# What a question claims ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claim",
    [
        {"what": "failed", "error": "the bank says: NOTHING was paid"},
        {"runner": "bank"},
        {"started_at": "2026-11-22T00:00:00+00:00"},
        {"tool": "get_weather"},
        {"effect": 2**63},
        {"effect": -1},
    ],
    ids=str,
)
def test_a_doubt_that_the_journal_does_not_know_is_no_doubt(claim, alice):
    run = running()
    end(run, ask(run), Outcome.CUT_OFF)
    held = ask(run)
    assert held.doubt is not None
    asked = doubted(run, held, doubt={**held.doubt, **claim})
    assert (asked.dialect, interrupts.request_of(asked).actions[0].doubt) == ("per_call", None)
    again, decision = told(asked, alice, APPROVE)
    assert Effect.objects.get().settled_by is None
    assert ask(again, decision=decision.pk).verdict == Verdict.DOUBT


def test_a_question_that_is_shown_as_another_call_settles_and_covers_nothing(alice):
    run = running()
    end(run, ask(run), Outcome.CUT_OFF)
    value: Any = {
        "gate": "console",
        "doubt": ask(run).doubt,
        "name": "refund",
        "tool_call_id": "call_0",
        "args": REFUND,
        "action_requests": [{"name": "get_weather", "args": {}, "description": ""}],
        "review_configs": [{"action_name": "get_weather", "allowed_decisions": ["approve"]}],
    }
    (asked,) = pause(run, value)
    assert asked.dialect == "middleware"
    again, decision = told(asked, alice, APPROVE)
    assert Effect.objects.get().settled_by is None
    assert ask(again, decision=decision.pk).verdict == Verdict.DOUBT


def test_a_doubt_is_settled_whatever_the_tool_is_called(alice):
    run, name = running(), "t" * 300
    end(run, ask(run, tool=name), Outcome.CUT_OFF)
    asked = doubted(run, ask(run, tool=name), name=name)
    again, decision = told(asked, alice, APPROVE)
    assert ask(again, tool=name, decision=decision.pk).verdict == Verdict.RUN


def approved(run: Run, user: Any, **changes: Any) -> tuple[Run, int]:
    """The run that resumes after the console's own review of a call was approved."""
    value: Any = {"type": "tool_approval", "tool_call_id": "call_0", "name": "refund"}
    value |= {"args": REFUND, "description": "", "gate": "console"} | changes
    (asked,) = pause(run, value, response_schema=ANSWERS, call_ids=("call_0",))
    agent = run.thread.agent
    agent.tool_default = Gate.ALWAYS
    agent.save()
    again, decision = told(asked, user, APPROVE)
    return again, decision.pk


def test_two_calls_of_a_round_do_not_share_a_decision(alice):
    again, decision = approved(running(), alice)
    runner = holder(again).pk
    asked = [(runner, call(again, decision=decision, occurrence=n)) for n in range(2)]
    verdicts = [getattr(answer, "verdict", None) for answer in tool_calls.execute(asked)]
    assert verdicts == [Verdict.RUN, Verdict.REVIEW]


def test_what_a_tool_declares_may_not_be_left_out(alice):
    run = running()
    agent = run.thread.agent
    schema = {"type": "object", "properties": {"amount": {"type": "number"}}}
    agent.spec = {**agent.spec, "tools": [{"name": "refund", "args_schema": schema}]}
    agent.save()
    again, decision = approved(run, alice, args={"amount": 1, "tenant": "acme"})
    assert ask(again, args={}, decision=decision).verdict == Verdict.REVIEW
    assert ask(again, args={"amount": 1}, decision=decision).verdict == Verdict.RUN


def test_a_mark_is_no_block(ada):
    run = running()
    agent = run.thread.agent
    agent.tool_default = Gate.NEVER
    agent.save()
    tool_settings.set_idempotent(agent=agent.pk, tool="refund", is_idempotent=True, user=ada)
    assert ask(run).message.startswith(f"Tools of {agent.name} are blocked until")


# What comes late ----------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.FINISHED, Outcome.FAILED])
def test_of_a_deleted_thread_a_late_end_keeps_only_that_it_was(outcome, ada):
    run = running()
    ask(run)
    lease, runner = lease_of(run), holder(run)
    runs.cancel(run=run.pk, user=None)
    runs.stop(runner=runner, request=Cancelled(lease))
    thread_deletion.delete(thread=run.thread_id, user=ada)
    late(lease, runner, outcome, "order 8812 of Alice")
    assert list(Effect.objects.values_list("status", "error")) == [(outcome, "")]
    assert not EffectResult.objects.exists()


def test_a_late_result_is_not_kept_where_nothing_runs_again(db):
    run = running()
    ask(run)
    lease, runner = lease_of(run), holder(run)
    finish(run)
    late(lease, runner, Outcome.FINISHED)
    assert (Effect.objects.get().status, EffectResult.objects.count()) == ("finished", 0)


def test_who_is_asked_hears_of_a_late_end(alice, django_capture_on_commit_callbacks):
    run = running()
    ask(run)
    lease, runner = lease_of(run), holder(run)
    asked = doubted(run, ask(run))
    assert effects.told_since(asked) is None
    topics = hears(
        django_capture_on_commit_callbacks, lambda: late(lease, runner, Outcome.FINISHED)
    )
    assert topics == {f"effects.{run.thread_id}", "interrupt"}
    shown = context(Topic("interrupt", asked.pk), Viewer.of(alice, "ws://console"))
    assert (shown["came"].status, shown["came"].is_kept) == ("finished", True)
    again, decision = told(asked, alice, APPROVE)
    assert ask(again, decision=decision.pk).verdict == Verdict.ANSWER
    assert Effect.objects.get().settled_by is None
