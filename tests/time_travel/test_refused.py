"""A replay that comes to nothing: the thread stays where it is, and is asked there again."""

from __future__ import annotations

import pytest

from agents.models import Decision, Run
from agents.services import travel
from tests.pauses.desk import text
from tests.time_travel.travelling import Traveller

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_answer_that_failed_does_not_come_back(desk: Traveller) -> None:
    """What was asked anew takes its new answer, also where the agent failed with the old one."""
    fails = desk.hold.with_suffix(".fail")
    fails.touch()
    thread = desk.start("frail", {"subject": "pay"})
    desk.decide(desk.question(thread), text("old"))
    desk.failed(thread)
    fails.unlink()
    ordered = travel.replay(
        thread=thread.pk, checkpoint_id=desk.before(thread, "prepare"), next=["prepare"],
        user=desk.alice,
    )  # fmt: skip
    Run.objects.filter(pk=ordered.pk).update(from_next=["gone"])  # the graph has changed since
    desk.browser.nudge()
    refused = desk.settled(thread)
    assert (refused.pk, refused.status) == (ordered.pk, Run.Status.INTERRUPTED)

    desk.decide(desk.question(thread), text("new"))

    assert desk.settled(thread).status == Run.Status.SUCCEEDED
    assert [deed["answer"] for deed in desk.deeds(thread) if deed["deed"] == "did"] == ["new"]
    assert list(
        Decision.objects.filter(interrupt__thread=thread).values_list("resume", "status")
    ) == [("old", Decision.Status.WITHDRAWN), ("new", Decision.Status.APPLIED)]
