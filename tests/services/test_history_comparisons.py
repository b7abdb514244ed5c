"""Two checkpoints side by side: where their ways part, and what differs."""

from itertools import pairwise

import pytest
from langgraph.types import Command

from agents.exceptions import NotFound
from agents.models import Checkpoint, Decision, Interrupt, Run
from agents.services import history
from agents.services.comparisons import MOST_OF_A_WAY
from tests.factories import start_run
from tests.history.graphs import line
from tests.services.replayed import replay


def ask(run, checkpoint_id, **fields):
    """A question at a checkpoint."""
    usual = {"position": 0, "kind": "interrupt", "node": "ask", "digest": "d", "status": "applied"}
    return Interrupt.objects.create(
        run=run, thread=run.thread, checkpoint_id=checkpoint_id, **usual | fields
    )


def decide(asked, user, resume, run, **fields):
    """An answer that `run` carried to the agent."""
    usual = {"actions": [], "summary": "answered", "status": "applied"}
    return Decision.objects.create(
        interrupt=asked, decided_by=user, resume=resume, run=run, **usual | fields
    )


@pytest.fixture
def branches(alice):
    """`line`, answered yes, then asked again at its pause and answered no.

    Each branch has its pause, its decision and the run that took it up.
    """
    recording = line()
    yes = recording.head
    pause = next(key for key, each in recording.snapshots().items() if each.next == ("ask",))
    again = recording.run(None, pause)
    no = recording.run(Command(resume="no"))
    run = start_run()
    thread = replay(recording, run)
    made = {"thread": thread, "trigger": "resume", "status": "succeeded"}
    first, second = (Run.objects.create(**made) for _ in range(2))
    rows = thread.checkpoints
    rows.filter(checkpoint_id__gt=pause, checkpoint_id__lte=yes).update(run=first)
    rows.filter(checkpoint_id__gt=again).update(run=second)
    answered = decide(ask(run, pause), alice, "yes", first)
    asked_again = ask(run, again, position=1, task_id="2")
    return (
        thread,
        {"yes": yes, "no": no, "pause": pause, "again": again},
        answered,
        asked_again,
        second,
    )


def test_two_branches_are_compared_from_where_they_part(branches, alice):
    thread, at, answered, asked_again, second = branches
    refused = decide(asked_again, alice, "no", second)
    found = history.compare(thread=thread, a=at["yes"], b=at["no"])
    assert found.ancestor == at["pause"]
    assert [row.nodes for row in found.way_a] == [("ask",), ("last",)]
    assert [(row.source, row.nodes) for row in found.way_b] == [
        ("fork", ()), ("loop", ("ask",)), ("loop", ("last",))
    ]  # fmt: skip
    assert [change.path for change in found.diff.changes] == [("log", 2)]
    assert (found.cut_a, found.cut_b) == (False, False)
    (differing,) = found.decisions
    assert (differing.a, differing.b) == (answered, refused)
    assert differing.question == answered.interrupt


def test_the_same_answer_on_both_ways_does_not_differ(branches, alice):
    thread, at, _, asked_again, second = branches
    decide(asked_again, alice, "yes", second)
    assert history.compare(thread=thread, a=at["yes"], b=at["no"]).decisions == ()


def test_an_open_question_has_no_decision(branches):
    thread, at, answered, asked_again, _ = branches
    (differing,) = history.compare(thread=thread, a=at["again"], b=at["yes"]).decisions
    assert (differing.asked_a, differing.a) == (asked_again, None)
    assert (differing.asked_b, differing.b) == (answered.interrupt, answered)


def test_a_decision_that_was_taken_back_does_not_count(branches, alice):
    thread, at, answered, asked_again, second = branches
    decide(asked_again, alice, "no", second, status="withdrawn")
    (differing,) = history.compare(thread=thread, a=at["yes"], b=at["no"]).decisions
    assert (differing.a, differing.b) == (answered, None)


def test_a_question_of_one_way_alone_is_told(branches, alice):
    thread, at, answered, asked_again, second = branches
    Interrupt.objects.filter(pk=asked_again.pk).update(node="other")
    decision = decide(asked_again, alice, "yes", second)
    found = history.compare(thread=thread, a=at["yes"], b=at["no"]).decisions
    assert [(each.a, each.b) for each in found] == [(answered, None), (None, decision)]


def test_a_checkpoint_and_its_ancestor(branches):
    thread, at, answered, *_ = branches
    found = history.compare(thread=thread, a=at["pause"], b=at["yes"])
    assert (found.ancestor, found.way_a) == (at["pause"], ())
    assert [row.nodes for row in found.way_b] == [("ask",), ("last",)]
    assert [each.b for each in found.decisions] == [answered]


def test_a_checkpoint_does_not_differ_from_itself(branches):
    thread, at, *_ = branches
    found = history.compare(thread=thread, a=at["yes"], b=at["yes"])
    assert (found.ancestor, found.way_a, found.way_b) == (at["yes"], (), ())
    assert (bool(found.diff), found.decisions) == (False, ())


def test_a_long_way_is_cut_at_its_beginning(branches, django_assert_max_num_queries):
    thread, at, *_ = branches
    last = thread.checkpoints.get(checkpoint_id=at["yes"])
    more = [at["yes"], *(f"2{number:05}" for number in range(MOST_OF_A_WAY + 5))]
    Checkpoint.objects.bulk_create(
        Checkpoint(
            thread=thread, ns="", checkpoint_id=each, parent_id=parent, document=last.document,
            metadata={"source": "loop"},
        )
        for parent, each in pairwise(more)
    )  # fmt: skip
    with django_assert_max_num_queries(26):
        found = history.compare(thread=thread, a=more[-1], b=at["no"])
    assert (len(found.way_a), found.cut_a, found.cut_b) == (MOST_OF_A_WAY, True, False)
    assert found.way_a[-1].is_head


def test_only_checkpoints_of_the_root_are_compared(branches):
    thread, at, *_ = branches
    with pytest.raises(NotFound):
        history.compare(thread=thread, a=at["yes"], b="unknown")
    thread.checkpoints.filter(checkpoint_id=at["no"]).update(ns="sub:1")
    with pytest.raises(NotFound):
        history.compare(thread=thread, a=at["yes"], b=at["no"])
