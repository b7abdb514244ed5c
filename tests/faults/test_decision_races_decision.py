"""Two reviewers decide at the same moment: one wins, the other is told who and what."""

from functools import partial

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.exceptions import AlreadyDecided
from agents.models import Decision, Interrupt, Run
from agents.reviews import ActionDecision, DecisionType
from tests.factories import APPROVE, decide, make_interrupt, pause, start_run, tool_review
from tests.faults.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]

ROUNDS = 200
PAIRS = 50
HTTP_ROUNDS = 25
REJECT = ActionDecision(DecisionType.REJECT, message="wrong customer")


def resumes(run: Run) -> int:
    return Run.objects.filter(resumes=run).count()


def test_one_wins_and_the_other_is_told_who_and_what(alice: User, bob: User):
    for _ in range(ROUNDS):
        asked = make_interrupt(tool_review())
        results = race(partial(decide, asked, alice, APPROVE), partial(decide, asked, bob, REJECT))

        decision = Decision.objects.select_related("decided_by", "run").get(interrupt=asked)
        winner = decision.decided_by
        by_person = dict(zip((alice, bob), results, strict=True))
        assert by_person.pop(winner) == decision
        (refusal,) = by_person.values()
        assert isinstance(refusal, AlreadyDecided), refusal
        assert (str(refusal), refusal.decision) == (
            f"{winner.username} was first: {decision.summary}",
            decision.pk,
        )
        asked.refresh_from_db()
        assert asked.status == Interrupt.Status.ANSWERED
        assert (resumes(asked.run), decision.run.status) == (1, Run.Status.QUEUED)


def test_two_answers_to_one_pause_queue_one_run(alice: User, bob: User):
    """Each might take the other for still undecided, or both might queue the run."""
    for _ in range(PAIRS):
        run = start_run()
        first, second = pause(run, "first?", "second?")
        results = race(partial(decide, first, alice), partial(decide, second, bob))
        made = list(Decision.objects.filter(interrupt__run=run).order_by("interrupt"))
        assert results == made
        assert resumes(run) == 1
        assert {decision.run for decision in made} == {Run.objects.get(resumes=run)}


def test_the_same_through_the_pages(alice: User, bob: User):
    clients = {"alice": Client(), "bob": Client()}
    for name, person in (("alice", alice), ("bob", bob)):
        clients[name].force_login(person)
    posted = {
        "alice": {"questions.0.actions.0.type": "approve"},
        "bob": {
            "questions.0.actions.0.type": "reject",
            "questions.0.actions.0.reason": "wrong customer",
        },
    }
    for _ in range(HTTP_ROUNDS):
        asked = make_interrupt(tool_review())
        answers = race(
            *(
                partial(
                    clients[name].post,
                    f"/interrupts/{asked.pk}/decide/",
                    {"questions.0.fingerprint": asked.fingerprint, **fields},
                )
                for name, fields in posted.items()
            )
        )
        by_name = dict(zip(posted, answers, strict=True))
        decision = Decision.objects.select_related("decided_by").get(interrupt=asked)
        winner = decision.decided_by.username
        assert by_name.pop(winner).status_code == 302
        (refusal,) = by_name.values()
        assert refusal.status_code == 409
        assert f"{winner} was first" in refusal.text
        assert resumes(asked.run) == 1
