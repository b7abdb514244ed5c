"""The queue settles every request exactly once, in order."""

import pytest

from reviewconsole.protocol.messages import (
    CallEnded,
    Claim,
    Done,
    Heartbeat,
    Lease,
    Outcome,
    PutWrites,
    Request,
)
from reviewconsole.runner.outbox import COMPANY_SECONDS, Outbox
from reviewconsole.runner.sent_parts import SentParts
from tests.runner.requests import get

LIMIT = 1_000_000


def taken(outbox: Outbox) -> list[Request]:
    """The requests of the next frame."""
    return outbox.take(SentParts(), LIMIT).requests


def test_what_is_urgent_goes_first() -> None:
    """A heartbeat does not wait behind checkpoints."""
    outbox = Outbox()
    outbox.put([get("1"), get("2")])
    outbox.put([Heartbeat(())], urgent=True)

    assert taken(outbox) == [Heartbeat(()), get("1"), get("2")]


def test_what_is_put_back_goes_before_what_is_newer() -> None:
    """In its own order."""
    outbox = Outbox()
    outbox.put([get("1"), get("2")])
    batch = outbox.take(SentParts(), LIMIT)
    outbox.put([get("3")])
    outbox.put_back(batch.pending)

    assert taken(outbox) == [get("1"), get("2"), get("3")]


def test_what_must_travel_alone_has_a_frame_of_its_own() -> None:
    """Wherever it stands."""
    outbox = Outbox()
    outbox.put([get(str(number)) for number in range(4)])
    for item in outbox.take(SentParts(), LIMIT).pending:
        item.alone = item.request == get("1")
        outbox.put_back([item])

    frames = [taken(outbox) for _ in range(3)]
    assert frames == [[get("3"), get("2")], [get("1")], [get("0")]]


def test_what_is_settled_is_not_sent_again() -> None:
    """Even if it is put back."""
    outbox = Outbox()
    future = outbox.put([get("1"), get("2")])
    batch = outbox.take(SentParts(), LIMIT)
    outbox.settle([(batch.pending[0], Done())])
    outbox.put_back(batch.pending)

    assert taken(outbox) == [get("2")]
    outbox.settle([(batch.pending[1], Done())])
    assert future.result(0) == (Done(), Done())
    assert outbox.wait_settled(0)


def test_the_first_error_of_a_call_counts() -> None:
    """What comes later is for nobody."""
    outbox = Outbox()
    future = outbox.put([get("1"), get("2"), get("3")])
    first, second, third = outbox.take(SentParts(), LIMIT).pending
    outbox.settle([(first, Done())])
    outbox.fail(second, ValueError("second"))
    outbox.fail(third, ValueError("third"))

    with pytest.raises(ValueError, match="second"):
        future.result(0)


def test_the_end_fails_what_is_queued_and_what_was_sent() -> None:
    """And refuses what comes after."""
    outbox = Outbox()
    sent, queued = outbox.put([get("1")]), outbox.put([get("2")])
    (pending, *_) = outbox.take(SentParts(), LIMIT).pending
    outbox.put_back([])
    outbox.end(ValueError("over"))
    outbox.settle([(pending, Done())])

    for future in (sent, queued):
        with pytest.raises(ValueError, match="over"):
            future.result(0)
    with pytest.raises(ValueError, match="over"):
        outbox.put([Claim(1)])
    assert taken(outbox) == []


def test_nothing_asked_is_nothing_answered() -> None:
    """It is done at once."""
    assert Outbox().put([]).result(0) == ()


def writes(*, replace: bool = False) -> PutWrites:
    """The writes of a task, or with `replace` its pause."""
    return PutWrites(Lease(1, 1), "thread", "", "1", "task", "", replace, ())


ENDED = CallEnded(Lease(1, 1), 1, "execution", Outcome.FINISHED, None, "")


def test_what_nobody_waits_for_waits_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    """From when the first of it was queued, and for a moment only."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    outbox = Outbox()
    assert outbox.patience() == 0
    outbox.put([ENDED])
    now[0] += COMPANY_SECONDS / 2
    outbox.put([writes()])
    assert outbox.patience() == pytest.approx(COMPANY_SECONDS / 2)
    now[0] += COMPANY_SECONDS
    assert outbox.patience() < 0
    assert taken(outbox) == [ENDED, writes()]
    assert outbox.patience() == 0


@pytest.mark.parametrize("request_", [get("1"), writes(replace=True)])
def test_what_somebody_waits_for_ends_the_wait(request_: Request) -> None:
    """Wherever it stands in the queue, and when it is sent again."""
    outbox = Outbox()
    outbox.put([writes(), request_, ENDED])
    assert outbox.patience() == 0
    batch = outbox.take(SentParts(), LIMIT)
    outbox.put([writes()])
    assert outbox.patience() > 0
    outbox.put_back(batch.pending)
    assert outbox.patience() == 0
    assert taken(outbox) == [*batch.requests, writes()]


def test_an_end_leaves_nobody_to_wait_for() -> None:
    """Whatever was queued."""
    outbox = Outbox()
    outbox.put([get("1")])
    outbox.end(ValueError("closed"))
    assert outbox.patience() == 0
