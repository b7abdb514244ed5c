"""Deciding a pause as a whole: all of it is recorded or nothing, and every error has its place."""

import pytest

from agents.exceptions import AlreadyDecided, InvalidAnswer, NotFound, ShownDiffers
from agents.models import Agent, Decision, Interrupt, Run
from agents.reviews import ActionDecision, AnswerShape, DecisionType
from agents.services import decisions
from agents.services.decisions import Submission
from reviewconsole.protocol.plain import Plain, Typed
from tests.factories import (
    APPROVE,
    EMAIL,
    breakpoint_before,
    decide,
    describe_agent,
    make_agent,
    make_interrupt,
    pause,
    respond,
    start_run,
    tool_review,
)

STATE = {
    "properties": {
        "priority": {"type": "string", "enum": ["low", "high"]},
        "notes": {"type": "array", "items": {"type": "string"}},
    }
}
SKIP = ActionDecision(DecisionType.SKIP)


@pytest.fixture
def three(db):
    return pause(start_run(), "first?", tool_review(), "third?")


def submission(asked, *made, **fields):
    return Submission(asked.pk, asked.fingerprint, made or (respond(),), **fields)


def submit_all(user, *submissions, **fields):
    return decisions.submit_all(user=user, submissions=submissions, **fields)


def with_state(schema=STATE):
    spec = describe_agent(state_schema=schema)
    make_agent()
    Agent.objects.update(spec=spec)


def test_one_form_decides_a_whole_pause(alice, three):
    first, calls, third = three
    made = submit_all(alice, submission(first), submission(calls, APPROVE), submission(third))
    assert [decision.interrupt for decision in made] == three
    run = Run.objects.get(trigger="resume")
    assert [(decision.run, decision.status) for decision in made] == [(run, "recorded")] * 3
    statuses = Interrupt.objects.values_list("status", flat=True)
    assert list(statuses) == ["answered"] * 3


def test_a_part_of_a_pause_waits_for_the_rest(alice, bob, three):
    first, calls, third = three
    submit_all(alice, submission(first), submission(third))
    assert Run.objects.filter(trigger="resume").count() == 0
    (last,) = submit_all(bob, submission(calls, APPROVE))
    assert {decision.run for decision in Decision.objects.all()} == {last.run}
    assert last.run.created_by == bob


def test_every_error_is_told_at_its_place_and_nothing_is_recorded(alice, three):
    first, calls, third = three
    with_state()
    edit = ActionDecision(DecisionType.EDIT, args={**EMAIL, "to": 5})
    wrong = [submission(first, respond("")), submission(calls, edit), submission(third)]
    with pytest.raises(InvalidAnswer) as refusal:
        submit_all(alice, *wrong, update={"priority": "medium", "colour": "red"})
    assert refusal.value.errors == {
        "questions.0.actions.0.answer": "Write an answer.",
        "questions.1.actions.0.args.to": "Must be text.",
        "state.priority": 'Must be one of "low", "high".',
        "state.colour": "The agent's state has no channel 'colour'.",
    }
    assert (Decision.objects.count(), Interrupt.objects.pending().count()) == (0, 3)


def test_one_question_that_is_decided_already_refuses_all(alice, bob, three):
    first, calls, third = three
    theirs = decide(calls, bob)
    with pytest.raises(AlreadyDecided, match=r"^bob was first: approved send_email$") as refusal:
        submit_all(alice, submission(first), submission(calls, APPROVE), submission(third))
    assert refusal.value.decision == theirs.pk
    assert list(Decision.objects.all()) == [theirs]


def test_too_late_is_told_before_what_else_is_wrong(alice, bob, three):
    first, calls, _ = three
    decide(calls, bob)
    with pytest.raises(AlreadyDecided):
        submit_all(alice, submission(first, respond("")), submission(calls))


def test_a_form_that_showed_something_else_in_one_place_refuses_all(alice, three):
    first, _, third = three
    with pytest.raises(ShownDiffers):
        submit_all(alice, submission(first), Submission(third.pk, "0" * 64, [respond()]))
    assert Decision.objects.count() == 0


def test_questions_of_two_pauses_are_not_decided_together(alice, three):
    other = make_interrupt()
    with pytest.raises(InvalidAnswer, match="different questions of one pause"):
        submit_all(alice, submission(three[0]), submission(other))


def test_a_question_is_decided_once_by_a_form(alice, three):
    with pytest.raises(InvalidAnswer, match="different questions of one pause"):
        submit_all(alice, submission(three[0]), submission(three[0]))


def test_a_form_without_any_decision_is_refused(alice):
    with pytest.raises(InvalidAnswer, match="different questions of one pause"):
        submit_all(alice)


def test_an_unknown_question_is_named(alice, three):
    with pytest.raises(NotFound, match="There is no interrupt 4711"):
        submit_all(alice, submission(three[0]), Submission(4711, "", [respond()]))


def test_the_queries_grow_by_the_submission(alice, django_assert_num_queries):
    run = start_run()
    asked = pause(run, *["?"] * 4)
    with django_assert_num_queries(2 * 4 + 12):
        submit_all(alice, *map(submission, asked))


def test_what_the_caller_has_read_is_not_read_again(alice, django_assert_num_queries):
    asked = pause(start_run(), *["?"] * 2)
    with django_assert_num_queries(2 * 2 + 11):
        submit_all(alice, *map(submission, asked), read=asked)


def test_what_was_decided_since_the_caller_read_it_is_refused(alice, bob, three):
    first, calls, third = three
    theirs = decide(calls, bob)
    with pytest.raises(AlreadyDecided, match=r"^bob was first: approved send_email$"):
        submit_all(alice, submission(first), submission(calls, APPROVE), read=three)
    assert list(Decision.objects.all()) == [theirs]
    assert set(Interrupt.objects.pending()) == {first, third}


# The state ----------------------------------------------------------------------------------------


def test_a_change_of_the_state_travels_with_the_first_answer(alice, three):
    first, calls, third = three
    with_state()
    made = submit_all(
        alice, submission(first), submission(calls, APPROVE), submission(third),
        update={"priority": "high", "notes": ["call first"]},
    )  # fmt: skip
    assert [decision.update for decision in made] == [
        {"priority": "high", "notes": ["call first"]}, None, None,
    ]  # fmt: skip
    assert made[0].summary == "answered: Ask Bob.; changed the state: priority, notes"


def test_two_reviewers_of_a_pause_do_not_write_the_same_channel(alice, bob, three):
    first, calls, third = three
    with_state()
    submit_all(alice, submission(first), update={"priority": "high"})
    with pytest.raises(InvalidAnswer) as refusal:
        submit_all(bob, submission(calls, APPROVE), update={"priority": "low", "notes": []})
    assert refusal.value.errors == {
        "state.priority": "alice writes it already, with: answered: Ask Bob.; changed the state: "
        "priority"
    }
    calls.refresh_from_db()
    assert calls.status == Interrupt.Status.PENDING
    submit_all(bob, submission(calls, APPROVE), submission(third), update={"notes": []})
    assert [decision.update for decision in Decision.objects.all()] == [
        {"priority": "high"}, {"notes": []}, None,
    ]  # fmt: skip


def test_any_channel_may_be_written_where_the_schema_is_unknown(alice):
    asked = make_interrupt()
    (made,) = submit_all(alice, submission(asked), update={"anything": {1: b"\0"}})
    assert Decision.objects.get(pk=made.pk).update == {"anything": {1: b"\0"}}


def test_values_of_types_that_json_cannot_say_pass_the_schema_by(alice):
    with_state()
    money = Typed(0, "decimal", "Decimal", "10.50")
    (made,) = submit_all(alice, submission(make_interrupt()), update={"notes": [money]})
    assert Decision.objects.get(pk=made.pk).update == {"notes": [money]}


@pytest.mark.parametrize(
    ("update", "errors"),
    [
        ({"": 1}, {"state.": "The agent's state has no channel ''."}),
        (
            {"__pregel_tasks": [], "branch:to:pay": None},
            {
                "state.__pregel_tasks": "The agent's state has no channel '__pregel_tasks'.",
                "state.branch~2to~2pay": "The agent's state has no channel 'branch:to:pay'.",
            },
        ),
        ({"a.b": 2**64}, {"state.a~1b": "Needs more than 64 bits and cannot be stored."}),
        (
            {"a": ["\ud800"]},
            {"state.a.0": "Holds half of a character pair and would be stored as '?'."},
        ),
    ],
)
def test_a_state_that_cannot_be_stored_is_refused(alice, update, errors):
    with pytest.raises(InvalidAnswer) as refusal:
        submit_all(alice, submission(make_interrupt()), update=update)
    assert refusal.value.errors == errors


def test_one_question_reports_its_errors_without_its_position(alice):
    asked = make_interrupt()
    with pytest.raises(InvalidAnswer) as refusal:
        decisions.submit(
            interrupt=asked.pk, user=alice, fingerprint=asked.fingerprint,
            decisions=[respond("")], update={"": 1},
        )  # fmt: skip
    assert list(refusal.value.errors) == ["actions.0.answer", "state."]


# Nodes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "then", "resume", "summary"),
    [
        (APPROVE, "run", {"calls": []}, "approved human_input"),
        (SKIP, "skip", None, "skipped human_input"),
        (
            ActionDecision(DecisionType.WRITE, args={"priority": "high"}),
            "write",
            {"priority": "high"},
            'wrote as human_input: {"priority": "high"}',
        ),
    ],
    ids=["run", "skip", "write"],
)
def test_a_node_that_waits_alone_is_run_skipped_or_written_for(alice, made, then, resume, summary):
    with_state()
    value = breakpoint_before(node="human_input")
    asked = make_interrupt(value, kind="breakpoint", node="human_input")
    decision = decide(asked, alice, made)
    assert (decision.then, decision.resume) == (then, resume)
    assert decision.summary == summary


def test_a_channel_is_written_as_the_node_or_changed_but_not_both(alice):
    with_state()
    write = ActionDecision(DecisionType.WRITE, args={"notes": ["by hand"]})
    asked = make_interrupt(breakpoint_before(node="a"), kind="breakpoint", node="a")
    with pytest.raises(InvalidAnswer) as refusal:
        submit_all(alice, submission(asked, write), update={"notes": ["added"], "priority": "low"})
    assert refusal.value.errors == {
        "state.notes": "The values written as the node write this channel already, so this would "
        "be lost: write it in one place."
    }
    (made,) = submit_all(alice, submission(asked, write), update={"priority": "low"})
    assert (made.resume, made.update) == ({"notes": ["by hand"]}, {"priority": "low"})


@pytest.mark.parametrize("waiting", [("a", "b"), ("a",)])
def test_a_node_among_others_is_not_skipped(alice, waiting):
    run = start_run()
    questions = ["stopped"] * (3 - len(waiting))
    asked, *_ = pause(run, *questions, kind="node_interrupt", node="a", waiting=waiting)
    with pytest.raises(InvalidAnswer) as refusal:
        submit_all(alice, submission(asked, SKIP))
    assert refusal.value.errors == {
        "questions.0.actions.0.type": f"Several things wait at once ({', '.join(waiting)}), so a "
        "cannot be stepped over or written for: answer each instead."
    }


def test_a_node_that_stopped_itself_runs_again_on_the_changed_state(alice):
    with_state()
    asked = make_interrupt("too long", kind="node_interrupt", node="a")
    (made,) = submit_all(alice, submission(asked, APPROVE), update={"notes": ["short"]})
    assert (made.then, made.resume, made.update) == ("run", None, {"notes": ["short"]})


# Guessed formats ----------------------------------------------------------------------------------


def test_a_guessed_format_is_answered_in_json_instead(alice):
    value: Plain = {"action": "refund", "args": {"order": 8812}, "message": "Sure?"}
    asked = make_interrupt(value)
    assert asked.dialect == "approval"
    answer = ActionDecision(DecisionType.RESPOND, answer={"ok": 1}, shape=AnswerShape.JSON)
    (made,) = submit_all(alice, submission(asked, answer, raw=True))
    assert made.resume == {"ok": 1}
    assert made.actions == [{"type": "respond", "answer": {"ok": 1}, "shape": "json"}]
