"""The receipt: what became of a decision, in every case, and what is to decide next."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from agents.live import Topic, Viewer, context, render
from agents.models import Decision, Interrupt, Run, Thread
from agents.reviews import ActionDecision, DecisionType
from agents.services import failures, runs, travel
from reviewconsole.protocol.messages import Cancelled
from reviewconsole.protocol.plain import Plain
from tests.factories import (
    APPROVE,
    QUESTION,
    apply,
    breakpoint_before,
    decide,
    dismiss,
    fail,
    finish,
    fork,
    lease_of,
    make_interrupt,
    pause,
    pause_at,
    replay,
    save_checkpoint,
    start_run,
    take,
)


def shown(asked: Interrupt, user: User) -> str:
    """State and receipt as text: no tags, single spaces."""
    html = " ".join(render(Topic("interrupt", asked.pk), Viewer.of(user, "ws://console")).values())
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def begun(decision: Decision) -> Run:
    """The run that carries a decision, in a runner's hands."""
    assert decision.run is not None
    take(decision.run)
    return decision.run


def receipt_of(asked: Interrupt, user: User):
    return context(Topic("interrupt", asked.pk), Viewer.of(user, "ws://console"))["receipt"]


def steps(asked: Interrupt, user: User) -> list[str]:
    return [step.state for step in receipt_of(asked, user).steps]


def link(asked: Interrupt) -> str:
    return reverse("interrupt-detail", args=[asked.pk])


def html_of(asked: Interrupt, user: User) -> str:
    return "".join(render(Topic("interrupt", asked.pk), Viewer.of(user, "ws://console")).values())


def failed_on(asked: Interrupt, user: User, *values, **fields) -> Run:
    run = decide(asked, user).run
    assert run is not None
    take(run)
    apply(run)
    return fail(run, "no such order", *values, **fields)


# Asking again -------------------------------------------------------------------------------------


def test_a_run_that_failed_on_an_answer_offers_to_ask_again(alice):
    asked = make_interrupt()
    run = failed_on(asked, alice)
    html = html_of(asked, alice)
    assert f'form="ask-again" formaction="{reverse("run-ask-again", args=[run.pk])}"' in html
    assert "The agent took it and then failed: ValueError : no such order" in shown(asked, alice)


@pytest.mark.parametrize(("name", "may"), [("olga", True), ("bob", True), ("ada", False)])
def test_only_who_may_is_offered_it(request, alice, name, may):
    asked = make_interrupt()
    failed_on(asked, alice)
    assert ("Ask again" in shown(asked, request.getfixturevalue(name))) is may


def test_it_is_not_offered_once_the_thread_has_gone_on(alice):
    asked = make_interrupt()
    run = failed_on(asked, alice)
    start_run(thread=run.thread.thread_id)
    assert "Ask again" not in shown(asked, alice)


def test_a_withdrawn_decision_says_who_let_the_agent_ask_again(alice, bob):
    asked = make_interrupt()
    again = failures.ask_again(run=failed_on(asked, alice).pk, user=bob)
    text = shown(asked, alice)
    assert "Withdrawn." in text
    failed = "The agent failed on it: ValueError : no such order . "
    assert f"{failed}bob let the agent ask again" in text
    assert steps(asked, alice) == ["done", "done", "done", "failed"]
    (anew,) = pause(again, asked.value, at=asked)
    assert receipt_of(asked, alice).anew == anew
    assert f"It asks anew: Question: {anew.headline}" in shown(asked, alice)


def test_what_another_call_of_the_task_asks_is_not_what_was_asked_anew(alice, bob):
    mine, other = ({"tool": "wire", "call_id": call_id} for call_id in ("call_1", "call_2"))
    asked = make_interrupt(origin=mine)
    again = failures.ask_again(run=failed_on(asked, alice).pk, user=bob)
    (first,) = pause(again, "Of the other?", at=asked, origin=other)
    run = decide(first, alice).run
    assert run is not None
    (second,) = pause(run, asked.value, at=asked, origin=mine)
    assert receipt_of(asked, alice).anew == second


def test_a_question_nobody_had_answered_says_who_let_the_agent_ask_again(alice, bob):
    failed = failed_on(make_interrupt(), alice, "Sure?")
    (open_,) = failed.interrupts.all()
    failures.ask_again(run=failed.pk, user=bob)
    assert "This pause has moved on: bob let the agent ask again" in shown(open_, alice)


# Failed and waiting -------------------------------------------------------------------------------


def test_an_error_beside_a_question_stands_beside_it(alice):
    failed = failed_on(make_interrupt(), alice, "Sure?")
    (open_,) = failed.interrupts.all()
    text = shown(open_, alice)
    assert "The step failed beside this question: ValueError : no such order" in text
    assert f'formaction="{reverse("run-ask-again", args=[failed.pk])}"' in html_of(open_, alice)


# Questions that move ------------------------------------------------------------------------------


def test_a_refused_decision_says_where_the_question_changed(alice):
    before = make_interrupt({"question": "Pay?", "asked": "12:00", "tags": ["a", "b"]})
    run = decide(before, alice).run
    assert run is not None
    now: Plain = {"question": "Pay?", "asked": "12:05", "tags": ["b", "a"]}
    (anew,) = pause(run, now, refused="the question moved", at=before)
    told = receipt_of(before, alice)
    assert (told.anew, told.moved_at) == (anew, ("asked", "tags"))
    assert "the question changed at asked , tags" in shown(before, alice)
    assert f'href="{link(anew)}"' in html_of(before, alice)
    assert steps(before, alice) == ["done", "failed", "ahead", "ahead"]


# Dismissed, skipped, written ----------------------------------------------------------------------


def test_a_dismissed_thread_says_who_and_why_until_it_is_finished(alice, bob):
    first, second = pause(start_run(), "first?", "second?")
    theirs = decide(first, bob)
    (made,) = dismiss(second, alice, "called off")
    text = shown(first, alice)
    assert "It was never sent: alice dismissed the thread: called off" in text
    assert (theirs.run, steps(first, alice)) == (None, ["done", "failed", "ahead", "ahead"])
    run = made.run
    assert run is not None
    take(run)
    apply(run)
    assert "The thread is finished now." in shown(second, alice)
    finish(run)
    assert "The thread is finished: nothing of what waited has run." in shown(second, alice)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            ActionDecision(DecisionType.SKIP),
            ("ask is skipped now", "ask was skipped, and the agent goes on"),
        ),
        (
            ActionDecision(DecisionType.WRITE, args={"a": 1}),
            ("The values are written as ask now", "stand as if ask had made them"),
        ),
        (APPROVE, ("The agent gets the decision now", "The agent has taken it and goes on")),
    ],
    ids=["skip", "write", "run"],
)
def test_a_node_that_is_passed_over_says_how(alice, made, words):
    asked = make_interrupt(breakpoint_before(node="ask"), kind="breakpoint", node="ask")
    run = decide(asked, alice, made).run
    assert run is not None
    take(run)
    apply(run)
    assert words[1] in shown(asked, alice)
    Decision.objects.update(applied_at=None, status="delivered")
    assert words[0] in shown(asked, alice)


# The conveyor -------------------------------------------------------------------------------------


def test_the_next_pause_of_the_thread_comes_first(alice):
    elsewhere = make_interrupt("elsewhere?")
    asked = make_interrupt()
    run = decide(asked, alice).run
    assert run is not None
    assert (receipt_of(asked, alice).next_pause, receipt_of(asked, alice).is_next_here) == (
        elsewhere, False,
    )  # fmt: skip
    assert "Next in the inbox: Question: elsewhere?" in shown(asked, alice)
    take(run)
    apply(run)
    (following,) = pause(run, "and now?")
    assert receipt_of(asked, alice).next_pause == following
    assert "The agent paused again: Question: and now?" in shown(asked, alice)


def test_without_anything_else_to_decide_there_is_no_next(alice):
    asked = make_interrupt()
    decide(asked, alice)
    assert receipt_of(asked, alice).next_pause is None


def test_the_other_questions_of_the_pause_are_not_the_next(alice):
    first, second = pause(start_run(), "first?", "second?")
    decide(first, alice)
    told = receipt_of(first, alice)
    assert (told.undecided, told.next_pause) == ((second,), None)


# Gone elsewhere -----------------------------------------------------------------------------------


def test_a_superseded_pause_says_who_forked_and_leads_there(alice, olga):
    (asked,) = pause_at(start_run())
    run = fork(asked.thread, asked.checkpoint_id, olga, as_node="tools", reason="try B")
    text = shown(asked, alice)
    assert "This pause has moved on: olga forked the thread from step 1" in text
    assert ": “ try B ” See the new branch" in text
    place = reverse("checkpoint-detail", args=[asked.thread_id, asked.checkpoint_id])
    assert f'href="{place}"' in html_of(asked, alice)
    runs.cancel(run=run.pk, user=olga)
    (anew,) = Interrupt.objects.pending()
    text = shown(asked, alice)
    assert "It came to nothing: olga cancelled it. It is asked anew" in text
    assert f'href="{link(anew)}"' in html_of(asked, alice)
    said = f"Asked anew: olga cancelled run {run.pk} (fork) before it changed anything."
    assert said in shown(anew, alice)


def test_the_inbox_says_in_a_few_words_who_went_back(alice, olga):
    (asked,) = pause_at(start_run())
    replay(asked.thread, asked.checkpoint_id, olga)
    html = render(Topic("inbox"), Viewer.of(alice, "ws://console"))["inbox-list"]
    row = html[html.index(f'id="row-{asked.pk}"') :]
    assert "olga replayed the thread" in " ".join(re.sub(r"<[^>]+>", " ", row).split())


def test_an_answer_that_was_cancelled_on_its_way_may_have_been_acted_on(alice, olga):
    asked = make_interrupt()
    run = begun(decide(asked, alice))
    runs.cancel(run=run.pk, user=olga)
    run.refresh_from_db()
    assert run.runner is not None
    runs.stop(runner=run.runner, request=Cancelled(lease_of(run)))
    (anew,) = Interrupt.objects.pending()
    said = f"olga cancelled run {run.pk} (resume) while its answer was on its way"
    assert f"Asked anew: {said}: the agent may have begun to act on it." in shown(anew, alice)
    asked = Interrupt.objects.get(pk=asked.pk)
    text = shown(asked, alice)
    assert "olga cancelled the run while it carried this decision" in text
    assert f'href="{link(anew)}"' in html_of(asked, alice)


def test_a_decision_of_a_deleted_thread_is_not_offered_for_change(alice):
    asked = make_interrupt()
    run = begun(decide(asked, alice))
    apply(run)
    assert "Change this decision" in html_of(asked, alice)
    Thread.objects.update(deleted_at=timezone.now())
    assert "Change this decision" not in html_of(asked, alice)


def test_a_question_closed_by_asking_again_says_so(alice, olga):
    run = start_run()
    take(run)
    fail(run, "no such order", "Sure?")
    (asked,) = run.interrupts.all()
    failures.ask_again(run=run.pk, user=olga)
    assert "This pause has moved on: olga let the agent ask again" in shown(asked, alice)
    html = render(Topic("inbox"), Viewer.of(alice, "ws://console"))["inbox-list"]
    row = html[html.index(f'id="row-{asked.pk}"') :]
    assert "olga let the agent ask again" in " ".join(re.sub(r"<[^>]+>", " ", row).split())


def test_a_pause_that_is_asked_anew_says_why_the_replay_came_to_nothing(alice, olga):
    (asked,) = pause_at(start_run())
    run = replay(asked.thread, asked.checkpoint_id, olga)
    take(run)
    run.refresh_from_db()
    (anew,) = pause(run, asked.value, at=asked, refused="tools is gone")
    assert "the replay by olga came to nothing: tools is gone" in shown(anew, alice)
    assert "It came to nothing: tools is gone . It is asked anew" in shown(asked, alice)


def test_an_answer_that_a_replay_to_nothing_took_back_says_on_what_it_failed(alice, olga):
    (asked,) = pause_at(start_run())
    run = begun(decide(asked, alice))
    apply(run)
    fail(run, "no such order")
    back = replay(asked.thread, asked.checkpoint_id, olga)
    take(back)
    back.refresh_from_db()
    pause(back, asked.value, at=asked, refused="tools is gone")
    text = shown(Interrupt.objects.get(pk=asked.pk), alice)
    assert "no such order . What it answers is asked again." in text
    assert "It was never sent" not in text


def test_a_decision_that_was_not_sent_says_why(alice, bob, olga):
    first, _second = pause_at(start_run(), "first?", "second?")
    decide(first, alice)
    replay(first.thread, first.checkpoint_id, olga)
    text = shown(first, bob)
    assert "It was never sent: olga replayed the thread before all of the pause was decided" in text
    assert "This pause has moved on: olga replayed the thread from step 1" in text


def test_an_answer_that_no_runner_took_says_who_cancelled_it(alice, olga):
    asked = make_interrupt()
    run = decide(asked, alice).run
    assert run is not None
    runs.cancel(run=run.pk, user=olga)
    said = "It was never sent: olga cancelled the run before a runner took it up."
    assert f"{said} What it answers is asked again." in shown(asked, alice)


def test_a_changed_decision_says_who_changed_it_and_what_is_asked(alice, olga):
    (asked,) = pause_at(start_run())
    run = decide(asked, alice).run
    assert run is not None
    take(run)
    apply(run)
    finish(run)
    again = travel.change_decision(
        interrupt=asked.pk, next=["tools"], user=olga, reason="wrong order"
    )
    text = shown(asked, alice)
    assert "This decision was changed: olga replayed the thread from step 1" in text
    assert "“ wrong order ” See the new branch" in text
    assert "This pause has moved on" not in text
    take(again)
    again.refresh_from_db()
    save_checkpoint(again, source="fork")
    (anew,) = pause(again, asked.value)
    assert f'href="{link(anew)}">Read what it asks' in html_of(asked, alice)
    assert "On the new branch the agent asks:" in shown(asked, alice)
    run.refresh_from_db()
    ended = reverse("thread-detail", args=[asked.thread_id])
    assert f'href="{ended}?branch={run.checkpoint_id}">Read how it ended' in html_of(asked, alice)


# Costs --------------------------------------------------------------------------------------------


def test_a_receipt_costs_few_queries(alice, bob, django_assert_num_queries):
    asked = make_interrupt(QUESTION)
    viewer = Viewer.of(bob, "ws://console")

    def cost(queries: int) -> None:
        with django_assert_num_queries(queries):
            render(Topic("interrupt", asked.pk), viewer)

    cost(1)
    run = failed_on(asked, alice)
    cost(9)
    again = failures.ask_again(run=run.pk, user=alice)
    cost(7)
    pause(again, QUESTION, at=asked)
    cost(6)
