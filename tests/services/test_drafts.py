"""Drafts: kept for one person and one pause until its owner decides."""

import pytest

from agents.exceptions import InvalidInput, NotAllowed, NotFound
from agents.models import Draft
from agents.services import drafts
from tests.factories import apply, decide, finish, make_interrupt, pause, start_run, take

TYPED = {
    "questions.0.actions.0.type": ["edit"],
    "questions.0.actions.0.args.to": ["\0 \ud800 <b>"],
    "questions.1.actions.0.answer": ["a", "b"],
    "state.priority": ["high"],
}


@pytest.fixture
def run(db):
    run = start_run()
    pause(run, "first?", "second?")
    return run


def keep(run, user, post=TYPED):
    drafts.keep(run=run.pk, user=user, post=post)


def of(run, user):
    return drafts.of(run=run.pk, user=user)


def test_what_was_typed_is_there_again_and_the_last_post_wins(run, alice):
    assert of(run, alice) is None
    keep(run, alice, {"questions.0.actions.0.type": ["reject"]})
    keep(run, alice)
    assert of(run, alice) == TYPED
    assert Draft.objects.count() == 1


def test_only_the_inputs_of_the_form_are_kept(run, alice):
    keep(
        run,
        alice,
        {
            "csrfmiddlewaretoken": ["secret"],
            "op": ["add"],
            "questions.0.fingerprint": ["0" * 64],
            "questions.0.actions.0.type": ["approve"],
        },
    )
    assert of(run, alice) == {"questions.0.actions.0.type": ["approve"]}


def test_a_draft_belongs_to_one_person_and_one_pause(run, alice, bob):
    other = make_interrupt()
    keep(run, alice)
    keep(run, bob, {"questions.0.actions.0.type": ["approve"]})
    keep(other.run, alice, {"questions.0.actions.0.answer": ["mine"]})
    decide(other, alice)
    assert (of(run, alice), of(other.run, alice)) == (TYPED, None)
    assert of(run, bob) == {"questions.0.actions.0.type": ["approve"]}


def test_its_owner_decides_and_what_is_still_open_stays(run, alice, bob):
    first, second = run.interrupts.select_related("thread__agent").order_by("position")
    keep(run, alice)
    keep(run, bob)
    decide(first, alice)
    assert of(run, alice) == {"questions.1.actions.0.answer": ["a", "b"]}
    assert of(run, bob) == TYPED
    decide(second, alice)
    assert of(run, alice) is None


def test_a_new_pause_of_the_thread_wipes_no_draft(run, alice, bob):
    keep(run, bob)
    for asked in run.interrupts.select_related("thread__agent"):
        resumed = decide(asked, alice).run
    take(resumed)
    apply(resumed)
    pause(resumed, "third?")
    assert of(run, bob) == TYPED


def test_a_pause_that_is_over_needs_no_draft(alice):
    """A page that is left sends its form once more, and may come after the decision."""
    asked = make_interrupt()
    resumed = decide(asked, alice).run
    take(resumed)
    finish(resumed)
    keep(asked.run, alice)
    assert of(asked.run, alice) is None


def test_a_draft_is_thrown_away_at_its_owners_word(run, alice, bob):
    keep(run, alice)
    keep(run, bob)
    for _ in range(2):
        drafts.drop(run=run.pk, user=alice)
    assert (of(run, alice), of(run, bob)) == (None, TYPED)


def test_more_than_is_kept_is_refused_and_what_was_kept_stays(run, alice, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_CHARACTERS", 500)
    keep(run, alice)
    with pytest.raises(InvalidInput, match="drafts of at most 500 are kept"):
        keep(run, alice, {"questions.0.actions.0.answer": ["x" * 500]})
    assert of(run, alice) == TYPED


def test_drafts_are_for_reviewers(run, olga):
    with pytest.raises(NotAllowed, match="Drafts are for reviewers"):
        keep(run, olga)


def test_a_draft_is_of_a_run(alice):
    with pytest.raises(NotFound, match="There is no run 4711"):
        drafts.keep(run=4711, user=alice, post={})


def test_a_draft_tells_nobody(run, alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as told:
        keep(run, alice)
        drafts.drop(run=run.pk, user=alice)
    assert told == []


def test_a_draft_goes_with_its_run(run, alice):
    keep(run, alice)
    run.delete()
    assert Draft.objects.count() == 0
