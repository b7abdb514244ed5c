"""What runners and agents may claim of the effect journal, and what it gives to whom."""

from __future__ import annotations

from agents.services import tool_calls
from reviewconsole.protocol.messages import RefusalCode, Verdict
from tests.services.journalling import ask, call, end, holder, running, stored


def test_a_round_answers_what_fits_into_a_frame_and_one_call_always(settings, db):
    settings.RUNNER_MAX_FRAME_BYTES = 2500
    run = running()
    for number in range(3):
        end(run, ask(run, call_id=f"call_{number}"), result="x" * 1000)
    runner = holder(run).pk
    asked = [(runner, call(run, call_id=f"call_{number}")) for number in range(3)]
    first, second, third = tool_calls.execute(asked)
    assert {getattr(answer, "verdict", None) for answer in (first, second)} == {Verdict.ANSWER}
    assert getattr(third, "reason", None) == RefusalCode.TOO_LARGE
    settings.RUNNER_MAX_FRAME_BYTES = 10
    (alone,) = tool_calls.execute(asked[2:])
    assert getattr(alone, "result", None) == stored("x" * 1000)
