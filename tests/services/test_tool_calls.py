"""May this tool run? Settings of admins, decisions of reviewers, and calls that go against them."""

from __future__ import annotations

from typing import Any

import pytest

from agents.exceptions import RequestRefused
from agents.models import CallVerdict, Decision, Gate, Interrupt, Run, Violation
from agents.reviews import ActionDecision, DecisionType
from agents.services import binding_verdicts, tool_calls, tool_settings, travel
from agents.services.made_calls import made_call, read_call
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import (
    Admission,
    CallTool,
    Lease,
    Verdict,
    Whole,
)
from tests.factories import (
    AGENT,
    APPROVE,
    REFUND,
    apply,
    breakpoint_before,
    connect_runner,
    decide,
    finish,
    lease_of,
    make_interrupt,
    pause,
    pause_at,
    save_checkpoint,
    start_run,
    take,
    tool_review,
)
from tests.services.journalling import LOCK
from tests.services.test_told import told

RUN = Admission(Verdict.RUN, "")
REVIEW = Admission(Verdict.REVIEW, "")
REJECT = ActionDecision(DecisionType.REJECT, message="no")
EDITED = {**REFUND, "amount": 12.0}
SAVEPOINT = 2  # queries of a transaction inside that of a test


def stored(value: Any) -> Whole:
    return Whole(*plain.encode(value))


def running() -> Run:
    """A run in a runner's hands."""
    run = start_run()
    take(run)
    run.refresh_from_db()
    return run


def resumed(user: Any, decision: ActionDecision = APPROVE) -> Run:
    """The run that resumes after a decision on the refund `call_0`, in a runner's hands."""
    asked = make_interrupt(breakpoint_before(("refund", REFUND)), kind="breakpoint")
    Interrupt.objects.filter(pk=asked.pk).update(call_ids=["call_0"])
    run = decide(asked, user, decision).run
    assert run is not None
    take(run)
    run.refresh_from_db()
    return run


def ask(run: Run, tool: str = "refund", args: Any = REFUND, **fields: Any) -> Admission:
    given: dict[str, Any] = {"lease": lease_of(run), "ns": "tools:1", "tool": tool}
    given |= {"call_id": "call_0", "args": None if args is None else stored(args)}
    assert run.runner is not None
    return tool_calls.admit(runner=run.runner, request=CallTool(**given | fields))


def set_gate(run: Run, gate: Gate, user: Any, tool: str = "refund") -> None:
    tool_settings.set_gate(agent=run.thread.agent_id, tool=tool, gate=gate, user=user)


def test_a_call_that_nobody_speaks_of_runs(db, django_assert_num_queries):
    run = running()
    request = CallTool(lease_of(run), "tools:1", "refund", "call_0", stored(REFUND))
    runner = run.runner
    assert runner is not None
    with django_assert_num_queries(LOCK + 3 + SAVEPOINT):
        assert tool_calls.admit(runner=runner, request=request) == RUN


def test_a_call_of_a_tool_that_is_always_reviewed_is_held(ada):
    run = running()
    set_gate(run, Gate.ALWAYS, ada)
    assert ask(run) == REVIEW
    assert ask(run, call_id=None) == REVIEW
    assert ask(run, "send_email") == RUN


def test_a_blocked_tool_says_who_blocked_it_and_when(ada):
    run = running()
    set_gate(run, Gate.NEVER, ada)
    at = f"{tool_settings.of_tool(agent=run.thread.agent, tool='refund').set_at:%Y-%m-%d at %H:%M}"
    assert ask(run) == Admission(
        Verdict.REFUSE, f"ada blocked refund on {at} UTC. The tool was not executed."
    )
    assert not Violation.objects.exists()


def test_a_tool_that_was_allowed_again_runs(ada):
    run = running()
    set_gate(run, Gate.NEVER, ada)
    set_gate(run, Gate.AGENT, ada)
    assert ask(run) == RUN


@pytest.mark.parametrize(
    ("default", "admission"),
    [
        (Gate.ALWAYS, REVIEW),
        (
            Gate.NEVER,
            Admission(
                Verdict.REFUSE,
                f"Tools of {AGENT} are blocked until an admin allows them. "
                "The tool was not executed.",
            ),
        ),
    ],
)
def test_the_default_of_the_agent_counts_where_nobody_set_one(default, admission, ada):
    run = running()
    run.thread.agent.tool_default = default
    run.thread.agent.save()
    assert ask(run) == admission
    set_gate(run, Gate.AGENT, ada)
    assert ask(run) == RUN


def test_what_was_approved_runs_without_a_second_review(alice, ada):
    run = resumed(alice)
    set_gate(run, Gate.ALWAYS, ada)
    assert ask(run) == RUN
    assert ask(run, call_id="call_1") == REVIEW


@pytest.mark.parametrize("decision", [APPROVE, ActionDecision(DecisionType.EDIT, args=REFUND)])
def test_an_approval_covers_the_task_that_it_first_lets_run(decision, alice, ada):
    run = resumed(alice, decision)
    set_gate(run, Gate.ALWAYS, ada)
    assert ask(run, args=EDITED, ns="tools:0").verdict == Verdict.REFUSE  # claims nothing
    assert [ask(run, ns=ns) for ns in ("tools:1", "tools:1")] == [RUN, RUN]
    assert ask(run, args=EDITED).verdict == Verdict.REFUSE
    assert [ask(run, ns="tools:2", args=args) for args in (REFUND, EDITED)] == [REVIEW, REVIEW]
    assert Violation.objects.count() == 1


def test_an_approved_call_costs_two_queries_more(alice, django_assert_num_queries):
    run = resumed(alice)
    request = CallTool(lease_of(run), "tools:1", "refund", "call_0", stored(REFUND))
    runner = run.runner
    assert runner is not None
    with django_assert_num_queries(LOCK + 5 + SAVEPOINT):
        assert tool_calls.admit(runner=runner, request=request) == RUN
    with django_assert_num_queries(LOCK + 3 + SAVEPOINT):  # the task has claimed it
        assert tool_calls.admit(runner=runner, request=request) == RUN


def test_an_id_that_is_used_again_in_another_task_is_not_measured_by_the_old_decision(alice):
    run = resumed(alice)
    assert ask(run) == RUN
    assert ask(run, ns="tools:2", args=EDITED) == RUN
    assert not Violation.objects.exists()


def test_a_rejection_counts_in_every_task(alice):
    run = resumed(alice, REJECT)
    verdicts = [ask(run, ns=ns).verdict for ns in ("tools:1", "tools:2", "")]
    assert verdicts == [Verdict.REFUSE] * 3


def test_an_approval_covers_no_call_outside_of_a_task(alice, ada):
    run = resumed(alice)
    assert ask(run, ns="", args=EDITED).verdict == Verdict.REFUSE
    assert ask(run, ns="") == RUN
    set_gate(run, Gate.ALWAYS, ada)
    assert ask(run, ns="") == REVIEW
    assert ask(run) == RUN


def test_of_two_tasks_that_ask_at_once_one_is_covered(alice):
    run = resumed(alice)
    verdict = CallVerdict.objects.get()
    ask(run, ns="tools:2")
    request = CallTool(lease_of(run), "tools:1", "refund", "call_0", stored(REFUND))
    running_now = Run.objects.with_branch().get(pk=run.pk)
    assert not binding_verdicts.claim(verdict, made_call(running_now, read_call(request)))


@pytest.mark.parametrize("decision", [APPROVE, ActionDecision(DecisionType.EDIT, args=EDITED)])
def test_an_answer_to_the_consoles_own_question_is_not_an_approval_of_later_calls(
    decision, alice, ada
):
    run = resumed(alice, decision)
    Interrupt.objects.update(value={"gate": "console"})
    for gate, admission in ((Gate.ALWAYS, REVIEW), (Gate.AGENT, RUN)):
        set_gate(run, gate, ada)
        assert [ask(run, args=args) for args in (REFUND, EDITED)] == [admission] * 2


def test_a_rejection_by_the_consoles_own_question_counts(alice, ada):
    run = resumed(alice, REJECT)
    Interrupt.objects.update(value={"gate": "console"})
    set_gate(run, Gate.ALWAYS, ada)
    assert ask(run).verdict == Verdict.REFUSE


def test_what_was_edited_runs_as_edited_only(alice):
    run = resumed(alice, ActionDecision(DecisionType.EDIT, args=EDITED))
    assert ask(run, args=EDITED) == RUN
    assert ask(run).verdict == Verdict.REFUSE


def test_a_tool_that_was_blocked_after_its_approval_does_not_run(alice, ada):
    run = resumed(alice)
    set_gate(run, Gate.NEVER, ada)
    assert ask(run).verdict == Verdict.REFUSE


@pytest.mark.parametrize(
    ("decision", "asked", "message"),
    [
        (REJECT, {}, "alice rejected this call of refund."),
        (
            APPROVE,
            {"args": {**REFUND, "amount": 120}},
            "alice decided on this call of refund with other arguments.",
        ),
        (
            APPROVE,
            {"tool": "send_email"},
            "alice decided on a call of refund, and not of send_email.",
        ),
        (
            APPROVE,
            {"args": None},
            "alice decided on this call of refund, and its arguments cannot be compared: "
            "LangGraph cannot store them.",
        ),
    ],
    ids=["rejected", "other arguments", "another tool", "arguments that cannot be stored"],
)
def test_a_call_against_a_decision_is_refused_and_kept_once(decision, asked, message, alice):
    run = resumed(alice, decision)
    message += " The tool was not executed."
    for _ in range(2):
        assert ask(run, **asked) == Admission(Verdict.REFUSE, message)
    (violation,) = Violation.objects.all()
    assert (violation.run, violation.message, violation.ns) == (run, message, "tools:1")
    assert violation.verdict.decision.decided_by == alice


def test_the_page_of_the_thread_hears_of_a_violation_once(
    alice, django_capture_on_commit_callbacks
):
    run = resumed(alice, REJECT)
    for topics in ({"thread"}, set()):
        assert told(django_capture_on_commit_callbacks, lambda: ask(run)) == topics


def test_two_different_violations_of_one_run_are_two(alice):
    run = resumed(alice, REJECT)
    ask(run)
    ask(run, args=EDITED)
    assert [violation.args for violation in Violation.objects.order_by("pk")] == [REFUND, EDITED]


@pytest.mark.parametrize("status", ["refused", "withdrawn"])
def test_a_decision_that_never_came_to_be_does_not_bind(status, alice):
    run = resumed(alice, REJECT)
    Decision.objects.update(status=status)
    assert ask(run) == RUN


def test_the_newest_decision_on_a_call_counts(alice, bob):
    run = resumed(alice, REJECT)
    pause(run, breakpoint_before(("refund", REFUND)), kind="breakpoint")
    asked = Interrupt.objects.latest("pk")
    Interrupt.objects.filter(pk=asked.pk).update(call_ids=["call_0"])
    decision = decide(Interrupt.objects.select_related("thread__agent").get(pk=asked.pk), bob)
    take(decision.run)
    decision.run.refresh_from_db()
    assert ask(decision.run) == RUN


@pytest.mark.parametrize(
    ("decision", "args", "verdict"),
    [
        (APPROVE, EDITED, Verdict.RUN),
        (REJECT, EDITED, Verdict.RUN),
        (REJECT, REFUND, Verdict.REFUSE),
    ],
    ids=["other arguments", "other arguments than the rejected", "what was rejected"],
)
def test_a_call_id_that_a_model_uses_again_after_the_next_input(decision, args, verdict, alice):
    run = resumed(alice, decision)
    finish(run)
    later = start_run(thread=run.thread.thread_id)
    take(later)
    later.refresh_from_db()
    assert ask(later, args=args).verdict == verdict


def test_decisions_of_another_thread_do_not_bind(alice):
    resumed(alice, REJECT)
    other = start_run()
    take(other)
    other.refresh_from_db()
    assert ask(other) == RUN


def test_arguments_that_cannot_be_shown_cannot_be_reviewed(ada):
    run = running()
    assert ask(run, args=None) == RUN
    set_gate(run, Gate.ALWAYS, ada)
    assert ask(run, args=None) == Admission(
        Verdict.REFUSE,
        "Calls of refund are reviewed first, and the arguments of this one cannot be shown: "
        "LangGraph cannot store them. The tool was not executed.",
    )


def test_who_does_not_hold_the_run_is_told_nothing(db):
    run = running()
    with pytest.raises(RequestRefused, match="is not yours any more") as refused:
        ask(run, lease=Lease(run.pk, run.attempt + 1))
    assert refused.value.code == "fenced"
    other = connect_runner("another")
    with pytest.raises(RequestRefused, match="is not yours any more"):
        tool_calls.admit(
            runner=other, request=CallTool(lease_of(run), "", "refund", None, stored(REFUND))
        )


def rejected_without_id(user: Any) -> Run:
    """The run that resumes after the rejection of a refund whose call has no id of its own."""
    asked = make_interrupt(tool_review(("refund", REFUND)), call_ids=("",))
    run = decide(asked, user, REJECT).run
    assert run is not None
    take(run)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("call_id", [None, "", "call_7"])
def test_what_was_rejected_without_an_id_does_not_run_under_any(alice, call_id):
    run = rejected_without_id(alice)
    assert ask(run, call_id=call_id).verdict is Verdict.REFUSE
    assert ask(run, args={**REFUND, "amount": 1.0}, call_id=call_id) == RUN
    assert ask(run, tool="send_email", call_id=call_id) == RUN
    assert Violation.objects.count() == 1


def test_a_call_without_an_id_is_held_against_what_was_decided_last_about_its_like(alice):
    run = resumed(alice, REJECT)
    assert ask(run, call_id=None).verdict is Verdict.REFUSE
    finish(run)
    (again,) = pause(running_again(run), breakpoint_before(("refund", REFUND)), kind="breakpoint")
    Interrupt.objects.filter(pk=again.pk).update(call_ids=["call_9"])
    again.refresh_from_db()
    later = decide(again, alice).run
    assert later is not None
    take(later)
    later.refresh_from_db()
    assert ask(later, call_id=None) == RUN


def running_again(run: Run) -> Run:
    """A new run on the thread of `run`, in a runner's hands."""
    again = start_run(thread=run.thread.thread_id)
    take(again)
    again.refresh_from_db()
    return again


# Another branch -----------------------------------------------------------------------------------


def asked_about(run: Run, call_id: str = "call_0") -> Interrupt:
    """A question about the refund, at a checkpoint, of the call with this id; "" where unknown."""
    (asked,) = pause_at(run, tool_review(("refund", REFUND)), call_ids=(call_id,))
    return asked


def decided(asked: Interrupt, user: Any, decision: ActionDecision) -> Run:
    """The run that resumes after this decision, in a runner's hands."""
    run = decide(asked, user, decision).run
    assert run is not None
    take(run)
    run.refresh_from_db()
    return run


def replayed(asked: Interrupt, user: Any) -> Run:
    """A replay of the pause, which has made the new head, in a runner's hands."""
    run = travel.change_decision(interrupt=asked.pk, next=["tools"], user=user, reason="wrong")
    take(run)
    run.refresh_from_db()
    save_checkpoint(run, parent=asked.checkpoint_id, source="fork")
    return run


def change(asked: Interrupt, user: Any, first: Any, second: Any) -> Run:
    """The run that carries the second decision, made instead of the first."""
    run = decided(asked, user, first)
    apply(run)
    finish(run)
    anew = asked_about(replayed(asked, user), asked.call_ids[0])
    return decided(anew, user, second)


@pytest.mark.parametrize("call_id", ["call_0", ""])
def test_a_rejection_that_was_changed_to_an_approval_lets_the_call_run(alice, call_id):
    run = change(asked_about(start_run(), call_id), alice, REJECT, APPROVE)
    assert ask(run) == RUN
    assert ask(run, call_id=None) == RUN
    assert not Violation.objects.exists()


@pytest.mark.parametrize("call_id", ["call_0", ""])
def test_an_approval_that_was_changed_to_a_rejection_does_not(alice, call_id):
    run = change(asked_about(start_run(), call_id), alice, APPROVE, REJECT)
    assert ask(run).verdict == Verdict.REFUSE
    assert ask(run, call_id=None).verdict == Verdict.REFUSE


def test_what_was_approved_covers_nothing_on_another_branch(alice, ada):
    asked = asked_about(start_run())
    run = decided(asked, alice, APPROVE)
    set_gate(run, Gate.ALWAYS, ada)
    apply(run)
    finish(run)
    run = replayed(asked, alice)
    assert [ask(run), ask(run, args=EDITED)] == [REVIEW, REVIEW]


@pytest.mark.parametrize("call_id", ["call_0", ""])
def test_what_was_rejected_does_not_run_on_another_branch_either(alice, call_id):
    asked = asked_about(start_run(), call_id)
    run = decided(asked, alice, REJECT)
    apply(run)
    finish(run)
    run = replayed(asked, alice)
    assert ask(run).verdict == Verdict.REFUSE
    assert ask(run, args=EDITED) == REVIEW


def test_of_two_calls_alike_that_nobody_could_name_a_rejection_counts(alice):
    calls = tool_review(("refund", REFUND), ("refund", REFUND))
    for decisions in ((REJECT, APPROVE), (APPROVE, REJECT)):
        asked = make_interrupt(calls, call_ids=("", ""))
        run = decide(asked, alice, *decisions).run
        assert run is not None
        take(run)
        run.refresh_from_db()
        assert ask(run).verdict == Verdict.REFUSE


def test_a_replay_that_no_runner_took_leaves_approvals_alone(alice, ada):
    run = decided(asked_about(start_run()), alice, APPROVE)
    set_gate(run, Gate.ALWAYS, ada)
    Run.objects.create(thread=run.thread, trigger="replay", status="cancelled")
    assert ask(run) == RUN
