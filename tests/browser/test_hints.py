"""What one person does, another sees at once: long before pages look for themselves."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.test_inbox import live
from tests.chromium import PATIENCE_MILLISECONDS, Visit
from tests.factories import make_agent
from tests.servers import Console, StartConsole

REFRESH_SECONDS = 60


@pytest.fixture
def console(start_console: StartConsole) -> Console:
    """A running console with patient pages."""
    return start_console(PAGE_REFRESH_SECONDS=str(REFRESH_SECONDS))


def test_a_run_that_somebody_starts_appears_and_disappears(visit: Visit, alice: User, olga: User):
    assert PATIENCE_MILLISECONDS < REFRESH_SECONDS * 1000 / 2
    make_agent()
    watching = live(visit(alice, "/runners/"))
    acting = visit(olga, "/agents/operations/")
    acting.get_by_label("Message").fill("Refund order 8812.")
    acting.get_by_role("button", name="Start operations").click()
    waiting = watching.get_by_role("link", name="Refund order 8812.")
    expect(waiting).to_be_visible()
    acting.get_by_role("button", name="Cancel run").click()
    expect(waiting).to_have_count(0)
