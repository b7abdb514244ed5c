"""The receipt: recorded, delivered, applied, as the runner of the resuming run reports it."""

import pytest

from agents.exceptions import RequestRefused
from agents.models import Decision, Interrupt
from agents.services import decisions, runs
from reviewconsole.protocol.messages import Applied, Delivered, Lease
from tests.factories import (
    connect_runner,
    decide,
    finish,
    lease_of,
    make_interrupt,
    pause,
    start_run,
    take,
)


@pytest.fixture
def two(alice):
    """Two decisions of one pause, whose resuming run is in the hands of a runner."""
    first, second = pause(start_run(), "first?", "second?")
    decide(first, alice)
    run = decide(second, alice).run
    take(run, connect_runner("first"))
    return list(run.decisions.order_by("pk"))


def deliver(run, runner=None):
    decisions.deliver(runner=runner or run.runner, request=Delivered(lease_of(run)))


def apply(run, *made, runner=None):
    request = Applied(lease_of(run), tuple(decision.pk for decision in made))
    decisions.apply(runner=runner or run.runner, request=request)


def receipts(run):
    made = run.decisions.order_by("pk").select_related("interrupt")
    return [(decision.status, decision.interrupt.status) for decision in made]


def test_all_decisions_of_the_run_are_delivered_together(two):
    run = two[0].run
    deliver(run)
    assert receipts(run) == [("delivered", "answered"), ("delivered", "answered")]
    delivered_at = set(run.decisions.values_list("delivered_at", flat=True))
    assert (len(delivered_at), None in delivered_at) == (1, False)


def test_each_decision_is_applied_for_itself(two):
    run = two[0].run
    deliver(run)
    apply(run, two[1])
    assert receipts(run) == [("delivered", "answered"), ("applied", "applied")]
    apply(run, two[0])
    assert receipts(run) == [("applied", "applied"), ("applied", "applied")]
    assert all(decision.applied_at >= decision.delivered_at for decision in run.decisions.all())


def test_what_is_applied_was_delivered(two):
    run = two[0].run
    apply(run, *two)
    assert receipts(run) == [("applied", "applied")] * 2
    assert run.decisions.filter(delivered_at=None).count() == 0


def test_receipts_repeated_after_a_lost_reply_change_nothing(two):
    run = two[0].run
    for _ in range(2):
        deliver(run)
    apply(run, two[0])
    before = list(Decision.objects.order_by("pk").values())
    deliver(run)
    apply(run, two[0])
    assert [row["status"] for row in before] == ["applied", "delivered"]
    assert list(Decision.objects.order_by("pk").values()) == before


def test_a_second_runner_delivers_what_the_first_did_not_apply(two):
    run = two[0].run
    deliver(run)
    apply(run, two[0])
    runs.release(runner=run.runner, lease=lease_of(run))
    second = connect_runner("second")
    take(run, second)
    deliver(run, second)
    apply(run, *two, runner=second)
    assert receipts(run) == [("applied", "applied")] * 2


def test_a_refused_decision_is_never_applied(two):
    run = two[0].run
    Decision.objects.filter(pk=two[0].pk).update(status=Decision.Status.REFUSED)
    Interrupt.objects.filter(pk=two[0].interrupt_id).update(status=Interrupt.Status.SUPERSEDED)
    deliver(run)
    apply(run, *two)
    assert receipts(run) == [("refused", "superseded"), ("applied", "applied")]


def test_a_refused_decision_was_never_delivered(alice):
    """It comes again with the answer that took its place: a task is offered all of its thread."""
    before = make_interrupt("pay 1?")
    refused = decide(before, alice)
    (anew,) = pause(refused.run, "pay 2?", refused="another question")
    run = decide(anew, alice).run
    take(run)
    apply(run, refused)
    refused.refresh_from_db()
    assert (refused.status, refused.delivered_at, refused.applied_at) == ("refused", None, None)


def test_decisions_of_another_run_are_not_touched(two, alice):
    run = two[0].run
    other = decide(make_interrupt(), alice)
    apply(run, other)
    deliver(run)
    other.refresh_from_db()
    assert (other.status, other.interrupt.status) == ("recorded", "answered")


@pytest.mark.parametrize("report", [deliver, apply])
def test_only_the_holder_of_the_lease_reports(two, report):
    run = two[0].run
    with pytest.raises(RequestRefused, match="is not yours any more") as refusal:
        report(run, runner=connect_runner("second"))
    assert refusal.value.code == "fenced"
    assert receipts(run) == [("recorded", "answered")] * 2


def test_an_old_attempt_and_an_ended_run_are_fenced(two):
    run = two[0].run
    runner, old = run.runner, lease_of(run)
    runs.release(runner=runner, lease=old)
    take(run, runner)
    with pytest.raises(RequestRefused, match="attempt 1 of"):
        decisions.deliver(runner=runner, request=Delivered(old))
    finish(run)
    with pytest.raises(RequestRefused, match="attempt 2 of"):
        decisions.apply(runner=runner, request=Applied(Lease(run.pk, 2), ()))
    assert receipts(run) == [("recorded", "answered")] * 2
