"""A form is posted that was made for another pause than the current one."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Decision, Interrupt
from tests.factories import decide, make_interrupt, pause, tool_review

pytestmark = pytest.mark.django_db


def post(person: User, interrupt: Interrupt, fingerprint: str | None = None):
    """Post the form as the page made it, but for the fingerprint that is given."""
    client = Client()
    client.force_login(person)
    shown = interrupt.fingerprint if fingerprint is None else fingerprint
    fields = {"questions.0.fingerprint": shown, "questions.0.actions.0.type": "approve"}
    return client.post(f"/interrupts/{interrupt.pk}/decide/", fields)


def test_it_is_refused_with_what_changed(alice: User, bob: User):
    """The runner finds another question than bob decided: it refuses his decision and asks anew.

    Alice still has the first form open.
    """
    stale = make_interrupt(tool_review())
    run = decide(stale, bob).run
    assert run is not None
    (current,) = pause(run, "May I refund 2 EUR instead?", refused="tools asks something else now")

    answer = post(alice, stale)

    assert answer.status_code == 409
    assert "bob was first" in answer.text
    assert f"/interrupts/{current.pk}/" in answer.text
    assert not Decision.objects.filter(decided_by=alice).exists()
    current.refresh_from_db()
    assert current.status == Interrupt.Status.PENDING


@pytest.mark.parametrize("fingerprint", ["", "0" * 64, "of another pause"])
def test_an_edited_hidden_fingerprint_is_refused(alice: User, fingerprint: str):
    asked, other = make_interrupt(tool_review()), make_interrupt(tool_review())
    shown = other.fingerprint if fingerprint == "of another pause" else fingerprint
    answer = post(alice, asked, fingerprint=shown)
    asked.refresh_from_db()
    assert (answer.status_code, asked.status) == (409, Interrupt.Status.PENDING)
    assert "Read it again" in answer.text
    assert not Decision.objects.exists()
