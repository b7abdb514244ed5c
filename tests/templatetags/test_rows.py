"""Rows of the inbox: drawn once, for as long as they say the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from agents.live.inbox_rows import Closed, Decided, Waiting
from agents.templatetags.rows import _drawn

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WAITING = Waiting(
    7, "pending", "interrupt", "raw", "Which?", 1, NOON, "operations", "Title", "id", "interrupted"
)
CLOSED = Closed(7, "answered", "Which?", NOON, "said yes", "", "bob", "replay", "Olga", "olga")
DECIDED = Decided(3, 7, "applied", "said yes", NOON, "", "bob", "Which?", "operations")
# What tells nobody anything: the others of the same row come first.
SILENT = {"thread_id", "decided_by_username", "began_by_username", "summary", "decided_by_name"}
OTHER: dict[str, Any] = {
    "kind": "breakpoint", "dialect": "review", "run_status": "failed", "trigger": "fork",
    "status": "cancelled",
}  # fmt: skip


@pytest.mark.parametrize(("name", "row"), [("waiting", WAITING), ("closed", CLOSED)])
def test_whatever_a_row_tells_is_drawn_anew(name: str, row: Waiting | Closed):
    drawn = _drawn(name, row, "1 min")
    assert _drawn(name, row, "2 min") != drawn
    assert _drawn(name, row, "1 min", "?q=a") != drawn
    assert _drawn(name, row, "1 min", "", True) != drawn
    assert _drawn(name, row, "1 min") is drawn
    for field, value in row._asdict().items():
        if field not in SILENT:
            assert _drawn(name, row._replace(**{field: other(field, value)}), "1 min") != drawn


def test_of_a_decision_too():
    drawn = _drawn("decided", DECIDED, "1 min")
    for field, value in DECIDED._asdict().items():
        if field != "decided_by_name":
            changed = DECIDED._replace(**{field: other(field, value)})
            assert _drawn("decided", changed, "1 min") != drawn


def other(field: str, value: Any) -> Any:
    """Another value of a field."""
    if field in OTHER:
        return OTHER[field]
    return value + timedelta(hours=1) if isinstance(value, datetime) else value * 2


def test_no_template_of_a_row_asks_for_the_time():
    for name in ("waiting", "closed", "decided"):
        text = Path(settings.BASE_DIR, f"templates/agents/live/_row_{name}.html").read_text()
        assert not any(tag in text for tag in ("{% age ", "{% ago ", "{% now ", "since", "until"))
