"""Errors on their way to the console."""

from __future__ import annotations

import pytest

from reviewconsole.protocol.exceptions import FrameTooLarge, Unauthorised
from reviewconsole.protocol.messages import Lease, RefusalCode
from reviewconsole.runner.exceptions import Disconnected, Refusal
from reviewconsole.runner.failures import connection_error, failed, is_over

FENCED = Refusal(RefusalCode.FENCED, "over")


def wrapped(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("the agent's own words") from cause
    except RuntimeError as outer:
        return outer


def test_a_refusal_is_found_behind_what_was_made_of_it():
    assert connection_error(wrapped(FENCED)) is FENCED
    assert connection_error(wrapped(ValueError())) is None


@pytest.mark.parametrize(
    ("error", "over"),
    [
        (FENCED, True),
        (Disconnected(), True),
        (Unauthorised(), True),
        (Refusal(RefusalCode.INVALID, "no"), False),
        (FrameTooLarge(), False),
    ],
)
def test_when_there_is_nobody_to_tell(error, over):
    assert is_over(error) is over


def test_a_report_is_cut_to_what_people_read_and_can_be_sent():
    report = failed(ValueError("\ud800" * 50_000), Lease(1, 1), None)
    assert report.message == ("\\ud800" * 50_000)[:10_000]
    assert len(report.traceback) == 20_000
    assert (report.error, report.checkpoint_id, report.snapshot) == ("ValueError", None, None)
