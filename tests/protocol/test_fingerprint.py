"""A fingerprint names one pause, a digest one question."""

from typing import Any

import pytest
from hypothesis import given

from reviewconsole.protocol.fingerprint import fingerprint, question_digest
from tests.protocol.values import confusable, form

PAUSE: dict[str, Any] = {
    "agent": "email",
    "thread": "t-1",
    "checkpoint_id": "1f0",
    "interrupt_id": "abc",
    "value": {"question": "pay?", "amount": 2**60},
}


def test_fingerprints_never_change() -> None:
    """Recorded decisions are bound to them."""
    assert fingerprint(**PAUSE) == (
        "1a35fec46101dedca20450f689cc444a04c949ffffec52da35bb3b683775b611"
    )
    assert question_digest(PAUSE["value"]) == (
        "97aecf34a4462d6f0162ff6584c2f692b535fd1089459cb10f88fdda8f1d56ef"
    )


@pytest.mark.parametrize("field", PAUSE)
def test_each_field_counts(field: str) -> None:
    """The same question elsewhere is another pause."""
    assert fingerprint(**PAUSE | {field: "another"}) != fingerprint(**PAUSE)


def test_fields_do_not_run_together() -> None:
    """What is moved from one field to the next makes a difference."""
    assert fingerprint(**PAUSE | {"agent": "a", "thread": "bc"}) != fingerprint(
        **PAUSE | {"agent": "ab", "thread": "c"}
    )


@given(confusable, confusable)
def test_a_digest_names_one_question(one: Any, other: Any) -> None:
    """An answer to `1` is none to `1.0` or to `True`."""
    assert (question_digest(one) == question_digest(other)) == (form(one) == form(other))
