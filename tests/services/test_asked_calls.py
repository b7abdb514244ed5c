"""Calls that people were asked about, on a new branch and in a copy: asked about again."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Gate, Interrupt, Run, Thread
from agents.reviews import ActionDecision, DecisionType
from agents.services import asked_calls, copies, runs, thread_deletion, tool_calls
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import CallTool, Verdict, Whole
from reviewconsole.protocol.plain import Plain, Typed
from tests.factories import (
    AGENT,
    APPROVE,
    REFUND,
    apply,
    breakpoint_before,
    finish,
    fork,
    lease_of,
    pause_at,
    per_call_review,
    save_checkpoint,
    start_run,
    take,
    tool_review,
)
from tests.services.journalling import LOCK
from tests.services.test_call_verdicts import SCHEMA
from tests.services.test_tool_calls import EDITED, REJECT, REVIEW, RUN, ask, decided, set_gate
from tests.services.test_tool_settings import connect

REVIEW_OF_IT = tool_review(("refund", REFUND))
OF_ONE: Any = per_call_review("refund", REFUND, "call_0")
SAVEPOINT = 2  # queries of a transaction inside that of a test


def asked(
    run: Run | None = None, value: Plain = REVIEW_OF_IT, call_ids: Any = ("call_0",), **more: Any
) -> Interrupt:
    """A question at a checkpoint, by default about the refund `call_0`."""
    (only,) = pause_at(run or start_run(), value, call_ids=call_ids, **more)
    return only


def ended(question: Interrupt, user: Any, decision: ActionDecision = APPROVE) -> Interrupt:
    """The question, decided; its thread has ended."""
    run = decided(question, user, decision)
    apply(run)
    finish(run)
    return question


def forked(question: Interrupt, user: Any, thread: Thread | None = None, update: Any = None) -> Run:
    """A fork past the question, in a runner's hands; `thread` is a copy of its thread."""
    place, more = thread or question.thread, {"as_node": "tools", "update": update}
    run = fork(place, question.checkpoint_id, user, **more)
    take(run)
    run.refresh_from_db()
    save_checkpoint(run, parent=question.checkpoint_id, source="update")
    return run


def copied(question: Interrupt, user: Any, thread: Thread | None = None) -> Thread:
    """A copy of the question's thread, or of a copy of it, that stands at the question."""
    source = thread or question.thread
    return copies.fork_thread(thread=source.pk, checkpoint_id=question.checkpoint_id, user=user)


# On a branch --------------------------------------------------------------------------------------


def test_a_question_that_a_fork_leaves_behind_is_asked_by_the_console(olga):
    run = forked(asked(), olga)
    assert ask(run) == REVIEW
    assert ask(run, call_id="call_7", args=EDITED) == REVIEW  # of this tool
    assert ask(run, call_id=None, args=EDITED) == REVIEW
    assert ask(run, "send_email") == REVIEW  # with this id
    assert ask(run, "send_email", call_id="call_7") == RUN
    assert ask(run, "send_email", call_id=None) == RUN
    assert ask(run, args=None).verdict == Verdict.REFUSE  # nobody could be shown it


@pytest.mark.parametrize(
    "question",
    [
        {"call_ids": ("",)},
        {"value": OF_ONE, "response_schema": SCHEMA},
        {"value": breakpoint_before(("refund", REFUND)), "kind": "breakpoint"},
        {"value": {"action": "refund", "args": REFUND, "message": "Ok?"}, "call_ids": ()},
    ],
    ids=["without an id", "per call", "breakpoint", "custom"],
)
def test_in_whatever_form_it_was_asked(question, olga):
    run = forked(asked(**question), olga)
    assert ask(run, call_id="call_7") == REVIEW


@pytest.mark.parametrize("decision", [APPROVE, ActionDecision(DecisionType.EDIT, args=EDITED)])
def test_what_was_approved_before_is_asked_about_again(decision, alice, olga):
    run = forked(ended(asked(), alice, decision), olga)
    assert [ask(run), ask(run, args=EDITED), ask(run, call_id="call_7")] == [REVIEW] * 3


@pytest.mark.parametrize("call_ids", [("call_0",), ("",)], ids=["known", "unknown"])
@pytest.mark.parametrize("call_id", ["call_0", None])
def test_what_is_approved_on_the_branch_runs_once(call_ids, call_id, alice, olga):
    first = ended(asked(call_ids=call_ids), alice)
    run = decided(asked(forked(first, olga), call_ids=call_ids), alice, APPROVE)
    for _ in range(2):
        assert ask(run, call_id=call_id) == RUN
    assert ask(run, call_id=call_id, ns="tools:2") == REVIEW


def test_a_call_that_a_person_wrote_is_held_where_any_thread_asked_about_its_tool(alice, olga):
    ended(asked(), alice)
    question = asked(value="Go on?", call_ids=())
    written: Plain = {"messages": []}
    for update, refund in ((None, RUN), (written, REVIEW), (None, REVIEW)):
        run = forked(question, olga, update=update)
        assert [ask(run, call_id="call_7"), ask(run, "send_email")] == [refund, RUN]
        finish(run)


@pytest.mark.parametrize("call_id", ["call_8", "c" * 300, "c\0d"])
def test_a_call_that_a_person_wrote_is_held_whatever_its_tool(olga, call_id):
    call: Plain = {"name": "delete_file", "args": {"path": "/"}, "id": call_id}
    message = Typed(5, "langchain_core.messages.ai", "AIMessage", {"tool_calls": [call]})
    run = forked(asked(value="Go on?", call_ids=()), olga, update={"messages": [message]})
    assert ask(run, "delete_file", call_id=call_id) == REVIEW
    assert ask(run, "delete_file", call_id="call_9") == RUN


def test_what_the_console_asked_on_the_branch_covers_no_other_call(alice, olga):
    first = ended(asked(), alice)
    of_gate: Any = {**OF_ONE, "gate": "console"}
    again = asked(forked(first, olga), of_gate, response_schema=SCHEMA)
    run = decided(again, alice, APPROVE)
    assert [ask(run), ask(run, call_id=None)] == [REVIEW, REVIEW]


def test_a_new_input_ends_it(alice, olga):
    question = ended(asked(), alice)
    finish(forked(question, olga))
    run = start_run(thread=question.thread.thread_id)
    take(run)
    run.refresh_from_db()
    assert ask(run) == RUN


def test_a_fork_that_no_runner_took_begins_no_branch(alice, olga):
    question = ended(asked(), alice)
    waiting = fork(question.thread, question.checkpoint_id, olga, as_node="tools")
    runs.cancel(run=waiting.pk, user=olga)
    run = Run.objects.create(thread=question.thread, trigger="resume")
    take(run)
    run.refresh_from_db()
    assert ask(run) == RUN


def test_a_tool_that_asks_itself_is_let_ask(olga):
    for origin in ({"tool": "refund", "call_id": "call_0"}, {"tool": "refund", "call_id": None}):
        run = forked(asked(value=OF_ONE, origin=origin), olga)
        assert ask(run) == RUN
    inner = forked(asked(value=OF_ONE, origin={"tool": "task", "call_id": "call_9"}), olga)
    assert ask(inner) == REVIEW


def test_a_blocked_tool_stays_blocked(ada, olga):
    run = forked(asked(), olga)
    set_gate(run, Gate.NEVER, ada)
    assert ask(run).message.startswith("ada blocked refund")


def test_the_price_of_a_call_on_a_branch(alice, olga, django_assert_num_queries):
    run = forked(ended(asked(), alice), olga)
    for tool, queries in (("refund", 5), ("send_email", 6)):
        request = CallTool(lease_of(run), "t:1", tool, "call_7", Whole(*plain.encode({})))
        runner = run.runner
        assert runner is not None
        with django_assert_num_queries(LOCK + queries + SAVEPOINT):
            tool_calls.admit(runner=runner, request=request)


def test_a_runner_that_cannot_hold_calls_is_given_none_of_a_branch(alice, olga):
    question = ended(asked(), alice)
    deaf = connect("its langchain-core is too old")
    run = fork(question.thread, question.checkpoint_id, olga, as_node="tools")
    assert runs.claim(runner=deaf, agents=[AGENT], free=1) == ()
    take(run)
    run.refresh_from_db()
    again = asked(run)
    Interrupt.objects.filter(pk=again.pk).update(call_ids=[])
    Run.objects.filter(pk=run.pk).update(status="succeeded")
    resume = Run.objects.create(thread=run.thread, trigger="resume", resumes=run)
    assert runs.claim(runner=deaf, agents=[AGENT], free=1) == ()
    Run.objects.filter(pk=resume.pk).update(trigger="start")
    assert len(runs.claim(runner=deaf, agents=[AGENT], free=1)) == 1


# In a copy ----------------------------------------------------------------------------------------


def test_a_copy_asks_about_what_its_source_had_asked_about(alice, olga):
    question = ended(asked(), alice)
    copy = copied(question, olga)
    for thread in (copy, copied(question, olga, copy)):
        run = forked(question, olga, thread)
        assert [ask(run), ask(run, "send_email", call_id="call_7")] == [REVIEW, RUN]


@pytest.mark.parametrize("call_ids", [("call_0",), ("",)], ids=["known", "unknown"])
def test_what_was_rejected_in_the_source_does_not_run_in_a_copy(call_ids, alice, olga):
    question = ended(asked(call_ids=call_ids), alice, REJECT)
    copy = copied(question, olga)
    for thread in (copy, copied(question, olga, copy)):
        run = forked(question, olga, thread)
        assert ask(run).verdict == Verdict.REFUSE
        assert ask(run, args=EDITED) == REVIEW
        run = decided(asked(run, call_ids=call_ids), alice, APPROVE)
        assert ask(run) == RUN


def test_what_was_rejected_after_the_copied_checkpoint_is_asked_about(alice, olga):
    first = ended(asked(), alice)
    copy = copied(first, olga)
    ended(asked(start_run(thread=first.thread.thread_id)), alice, REJECT)
    assert ask(forked(first, olga, copy)) == REVIEW


def test_what_the_source_approves_later_covers_nothing_in_a_copy(alice, olga):
    question = asked()
    run = forked(question, olga, copied(question, olga))
    ended(question, alice)
    assert ask(run) == REVIEW


def test_the_tools_that_people_were_asked_about_are_told(alice, olga):
    question = asked()
    copy = copied(question, olga)
    known = ("send_email", "refund")
    assert asked_calls.tools(question.thread, known, writes=False) == ("refund",)
    ended(question, alice)
    assert asked_calls.tools(copy, known, writes=False) == ("refund",)
    other = start_run().thread
    assert asked_calls.tools(other, known, writes=False) == ()
    assert asked_calls.tools(other, known, writes=True) == ("refund",)


def test_in_a_copy_of_a_deleted_thread_every_call_is_held(ada, olga):
    question = asked(value="Go on?", call_ids=())
    finish(forked(question, olga, update={"messages": []}))
    copy = copied(question, olga)
    thread_deletion.delete(thread=question.thread_id, user=ada)
    assert ask(forked(question, olga, copy), "delete_file", call_id="call_9") == REVIEW


def test_in_a_copy_of_a_deleted_thread_every_tool_is_named(ada, olga):
    question = asked(value="Go on?", call_ids=())
    copy = copied(question, olga)
    thread_deletion.delete(thread=question.thread_id, user=ada)
    known = ("send_email", "refund", "send_email")
    assert asked_calls.tools(copy, known, writes=False) == ("send_email", "refund")


@pytest.mark.parametrize(
    ("written", "call_id", "is_held"),
    [
        ({"plan": {"call_77": "do it"}}, "call_77", True),  # as a key
        ({"plan": "then make call_77, at last"}, "call_77", True),  # within a text
        ({"plan": "1 of 2"}, "1", False),  # by chance
        ({"plan": ["1"]}, "1", True),
    ],
)
def test_a_written_call_is_held_wherever_its_id_stands(olga, written, call_id, is_held):
    question = asked(value="Go on?", call_ids=())
    run = forked(question, olga, update=written)
    assert asked_calls.was_asked(run.thread, tool="other", call_id=call_id) == is_held
