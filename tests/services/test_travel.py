"""Replays, forks and changed decisions are ordered: what is stored, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from agents.exceptions import CannotTravel, InvalidInput, NotAllowed, NotFound, ThreadBusy
from agents.history.breakpoints import Stop
from agents.models import Agent, Decision, Interrupt, Run, Thread
from agents.services import assignments, runs, travel
from reviewconsole.protocol import plain
from reviewconsole.protocol.messages import Travel, Whole
from tests.factories import (
    apply,
    connect_runner,
    decide,
    describe_agent,
    dismiss,
    finish,
    fork,
    make_agent,
    new_checkpoint_id,
    pause,
    pause_at,
    replay,
    save_checkpoint,
    start_run,
    take,
)

CONTEXT = {"tenant": "acme"}


@pytest.fixture
def asked(alice) -> Interrupt:
    """A decided pause of a thread that has finished since."""
    run = start_run(context=CONTEXT, interrupt_before=["tools"], interrupt_after=["model"])
    (asked,) = pause_at(run)
    resumed = decide(asked, alice).run
    take(resumed)
    apply(resumed)
    save_checkpoint(resumed, waiting=(), parent=asked.checkpoint_id)
    finish(resumed)
    asked.refresh_from_db()
    return asked


def order(asked: Interrupt, user: Any, **fields: Any) -> Run:
    """A fork at the checkpoint of a question."""
    return travel.fork(
        thread=asked.thread_id,
        checkpoint_id=asked.checkpoint_id,
        user=user,
        **{"next": ["tools"], "update": {"messages": []}, **fields},
    )


# What is stored -----------------------------------------------------------------------------------


def test_a_replay_is_a_queued_run_with_what_its_checkpoint_was_made_with(asked, olga):
    run = replay(asked.thread, asked.checkpoint_id, olga, reason=" once more ")
    assert (run.trigger, run.status, run.created_by) == ("replay", Run.Status.QUEUED, olga)
    assert (run.from_checkpoint_id, run.from_ns, run.from_next) == (
        asked.checkpoint_id, "", ["tools"],
    )  # fmt: skip
    assert (run.context, run.interrupt_before, run.interrupt_after) == (
        CONTEXT, ["tools"], ["model"],
    )  # fmt: skip
    assert (run.reason, run.update, run.as_node, run.stays) == ("once more", None, "", False)
    assert run.recursion_limit == asked.run.recursion_limit
    assert Thread.objects.get().status == Thread.Status.BUSY


def test_a_runner_gets_all_of_a_fork_and_no_answer(asked, olga):
    run = fork(
        asked.thread, asked.checkpoint_id, olga, update={"messages": [1.0]}, as_node="tools",
        stays=True,
    )  # fmt: skip
    take(run)
    made = assignments.make(Run.objects.select_related("thread__agent").get(pk=run.pk))
    assert (made.trigger, made.answers, made.context) == ("fork", (), CONTEXT)
    assert made.travel == Travel(
        checkpoint_id=asked.checkpoint_id,
        ns="",
        update=Whole(*plain.encode({"messages": [1.0]})),
        as_node="tools",
        stays=True,
        next=("tools",),
    )


@pytest.mark.parametrize(
    "way", [{"as_node": "tools"}, {"as_node": "__end__"}, {"update": None, "stays": True}]
)
def test_a_fork_may_write_nothing(asked, olga, way):
    run = order(asked, olga, **{"update": None, **way})
    take(run)
    assert assignments.make(run).travel.update is None


def test_the_newest_run_lends_its_context_where_none_made_the_checkpoint(asked, olga):
    Thread.objects.get().checkpoints.update(run=None)
    assert replay(asked.thread, asked.checkpoint_id, olga).context == CONTEXT


def test_a_decision_is_changed_by_a_replay_of_its_pause(asked, bob):
    run = travel.change_decision(interrupt=asked.pk, next=["tools"], user=bob, reason="wrong order")
    assert (run.trigger, run.revises, run.reason) == ("replay", asked, "wrong order")
    assert (run.from_checkpoint_id, run.from_next) == (asked.checkpoint_id, ["tools"])
    asked.refresh_from_db()
    assert (asked.status, asked.decision.status) == ("applied", Decision.Status.APPLIED)


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "ada", "mallory"])
def test_only_operators_travel(asked, request, name):
    with pytest.raises(NotAllowed, match="for operators"):
        order(asked, request.getfixturevalue(name))


@pytest.mark.parametrize(("name", "may"), [("bob", True), ("olga", True), ("ada", False)])
def test_reviewers_and_operators_change_decisions(asked, request, name, may):
    change = {
        "interrupt": asked.pk,
        "next": ["tools"],
        "user": request.getfixturevalue(name),
        "reason": "wrong",
    }
    if may:
        travel.change_decision(**change)
    else:
        with pytest.raises(NotAllowed):
            travel.change_decision(**change)


def test_unknown_foreign_and_deleted_are_not_found(asked, olga):
    (other,) = pause_at(start_run())
    thread = asked.thread_id
    places = [(thread, other.checkpoint_id), (thread, new_checkpoint_id()), (99999, "1efc")]
    for place, checkpoint_id in places:
        with pytest.raises(NotFound):
            travel.foresee(thread=place, checkpoint_id=checkpoint_id)
        with pytest.raises(NotFound):
            travel.replay(thread=place, checkpoint_id=checkpoint_id, next=["tools"], user=olga)
    Thread.objects.filter(pk=thread).update(deleted_at=asked.created_at)
    with pytest.raises(NotFound):
        order(asked, olga)
    with pytest.raises(NotFound, match="was deleted"):
        start_run(thread=asked.thread.thread_id)
    with pytest.raises(NotFound):
        travel.change_decision(interrupt=99999, next=["tools"], user=olga, reason="wrong")


def test_what_the_page_said_must_still_be_so(asked, olga):
    with pytest.raises(CannotTravel, match=r"said that model would run .* by now it is tools"):
        order(asked, olga, next=["model"])
    assert Run.objects.count() == 2


def test_nothing_runs_after_the_end_but_what_a_fork_makes_run(asked, olga):
    end = asked.thread.checkpoints.latest("checkpoint_id").checkpoint_id
    with pytest.raises(CannotTravel, match="Nothing runs after this checkpoint"):
        replay(asked.thread, end, olga)
    assert fork(asked.thread, end, olga, as_node="tools").from_next == []


def test_a_node_that_is_gone_cannot_be_replayed_and_can_be_forked(asked, olga):
    agent = make_agent()
    graph = {"nodes": [{"id": "model", "name": "model"}], "edges": []}
    Agent.objects.filter(pk=agent.pk).update(spec=describe_agent(graph=graph))
    with pytest.raises(CannotTravel, match=r"no node tools any more. Fork .* it has \(model\)"):
        replay(asked.thread, asked.checkpoint_id, olga)
    with pytest.raises(CannotTravel, match="no node tools any more"):
        order(asked, olga)
    assert order(asked, olga, as_node="model").from_next == []


def test_a_fork_is_checked_by_path(asked, olga):
    schema = {"properties": {"count": {"type": "integer"}}}
    Agent.objects.update(spec=describe_agent(state_schema=schema))
    with pytest.raises(InvalidInput) as refused:
        order(asked, olga, update={"count": "many", "cuont": 1}, as_node="wirte")
    assert set(refused.value.errors) == {"state.count", "state.cuont", "as_node"}
    assert refused.value.errors["as_node"] == "The agent has no node 'wirte'; it has tools."
    with pytest.raises(InvalidInput, match="changes nothing"):
        order(asked, olga, update=None)
    assert Run.objects.count() == 2


def test_a_checkpoint_of_a_graph_inside_names_the_one_to_use(asked, olga):
    thread = asked.thread
    inside = thread.checkpoints.first()
    inside.ns, inside.metadata = "tools:1", {"parents": {"": asked.checkpoint_id}}
    inside.pk = (thread.pk, "tools:1", inside.checkpoint_id)
    inside.save(force_insert=True)
    place = {"thread": thread.pk, "checkpoint_id": inside.checkpoint_id, "ns": "tools:1"}
    foreseen = travel.foresee(**place)
    assert f"ran it ({asked.checkpoint_id})" in foreseen.blocked
    with pytest.raises(CannotTravel, match="of a graph inside"):
        travel.replay(next=foreseen.next, user=olga, **place)


def test_behind_any_other_run_the_thread_is_busy(asked, alice, olga):
    start_run(thread=asked.thread.thread_id, user=olga)
    with pytest.raises(ThreadBusy, match=r"Run \d+ \(start\) of olga is queued: wait"):
        order(asked, olga)
    with pytest.raises(ThreadBusy):
        travel.change_decision(interrupt=asked.pk, next=["tools"], user=alice, reason="wrong")


def test_a_decision_is_changed_once_it_counts_and_with_a_reason(alice, bob):
    change = {"user": bob, "reason": "wrong"}
    (asked,) = pause_at(start_run())
    with pytest.raises(CannotTravel, match="Nobody has decided this yet: decide it"):
        travel.change_decision(interrupt=asked.pk, next=["tools"], **change)
    decided = decide(asked, alice)
    with pytest.raises(ThreadBusy):
        travel.change_decision(interrupt=asked.pk, next=["tools"], **change)
    with pytest.raises(InvalidInput) as refused:
        travel.change_decision(interrupt=asked.pk, next=["tools"], user=bob, reason=" ")
    assert set(refused.value.errors) == {"reason"}
    pause(decided.run, refused="another question", at=asked)
    with pytest.raises(CannotTravel, match="refused and counts no more"):
        travel.change_decision(interrupt=asked.pk, next=["tools"], **change)


def test_there_is_no_decision_to_change_of_a_question_that_was_superseded(olga, bob):
    (asked,) = pause_at(start_run())
    replay(asked.thread, asked.checkpoint_id, olga)
    with pytest.raises(CannotTravel, match="the question was superseded"):
        travel.change_decision(interrupt=asked.pk, next=["tools"], user=bob, reason="wrong")


# What is said before ------------------------------------------------------------------------------


def test_a_replay_is_foreseen(asked, alice, django_assert_max_num_queries):
    connect_runner()
    with django_assert_max_num_queries(20):
        seen = travel.foresee(thread=asked.thread_id, checkpoint_id=asked.checkpoint_id)
    assert (seen.next, seen.first, seen.may_run) == (("tools",), (), ())
    assert seen.stop == Stop("before", ("tools",), ("tools",), is_sure=True)
    assert (seen.asks_again, seen.superseded, seen.loses) == ((asked,), (), ())
    assert (seen.gone_nodes, seen.gone_channels, seen.new_channels) == ((), (), ())
    assert (seen.context_of, seen.waits_for, seen.blocked) == (asked.run, None, "")
    assert seen.runners == 2


def test_what_stays_or_ends_runs_nothing(asked):
    place: dict[str, Any] = {"thread": asked.thread_id, "checkpoint_id": asked.checkpoint_id}
    ways: list[dict[str, Any]] = [{"stays": True}, {"as_node": "__end__"}]
    for way in ways:
        seen = travel.foresee(**place, **way)
        assert (seen.next, seen.first, seen.may_run, seen.repeats) == (("tools",), (), (), ())
        assert (seen.stop is not None) == ("stays" in way)  # which asks at once


def test_what_waits_now_is_foreseen_to_be_superseded(alice, olga):
    first, second = pause_at(start_run(), "first?", "second?")
    decide(first, alice)
    place: dict[str, Any] = {"thread": first.thread_id, "checkpoint_id": first.checkpoint_id}
    seen = travel.foresee(**place)
    assert (seen.superseded, seen.asks_again) == ((first, second), (first,))
    run = replay(first.thread, first.checkpoint_id, olga)
    seen = travel.foresee(**place)
    assert (seen.superseded, seen.waits_for, seen.blocked) == ((), run, "")


def test_a_busy_thread_says_who_and_what(asked, olga, alice):
    run = start_run(thread=asked.thread.thread_id, user=olga)
    seen = travel.foresee(thread=asked.thread_id, checkpoint_id=asked.checkpoint_id)
    assert seen.blocked == (
        f"Run {run.pk} (start) of olga is queued: wait until it has ended, or cancel it."
    )
    runs.cancel(run=run.pk, user=olga)
    seen = travel.foresee(thread=asked.thread_id, checkpoint_id=asked.checkpoint_id)
    assert (seen.blocked, seen.runners) == ("", 1)


def test_a_graph_that_has_changed_is_foreseen(asked):
    graph: Any = {"nodes": [{"id": "model", "name": "model"}], "edges": []}
    channels: Any = {"": {"notes": {"kind": "last"}}}
    Agent.objects.update(spec=describe_agent(graph=graph, channels=channels))
    place: dict[str, Any] = {"thread": asked.thread_id, "checkpoint_id": asked.checkpoint_id}
    seen = travel.foresee(**place)
    assert (seen.gone_nodes, seen.new_channels) == (("tools",), ("notes",))
    assert "no node tools any more" in seen.blocked
    assert travel.foresee(**place, as_node="model").blocked == ""
    assert "no node 'other'. It has model." in travel.foresee(**place, as_node="other").blocked


def test_a_dismissed_pause_can_be_asked_again(alice, bob):
    (asked,) = pause_at(start_run())
    (made,) = dismiss(asked, alice)
    take(made.run)
    apply(made.run)
    save_checkpoint(made.run, waiting=(), parent=asked.checkpoint_id)
    finish(made.run)
    assert (
        travel.change_decision(
            interrupt=asked.pk, next=["tools"], user=bob, reason="a mistake"
        ).revises
        == asked
    )
