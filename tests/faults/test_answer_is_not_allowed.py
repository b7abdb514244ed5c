"""An answer comes that the request does not allow: no runner sees it, and nothing is lost."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Decision, Interrupt, Run
from tests.factories import make_interrupt, tool_review

pytestmark = pytest.mark.django_db
ONE = tool_review(allowed=("approve", "reject"))
TWO = tool_review(("send_email", {"to": "alice@example.com"}), ("refund", {"order": 1}))
BAD_JSON = '{"to": 7, "subject": "typed by alice"}'


@pytest.mark.parametrize(
    ("value", "posted", "kept"),
    [
        pytest.param(
            ONE, {"questions.0.actions.0.type": "edit"}, None, id="edit where none is allowed"
        ),
        pytest.param(
            ONE,
            {
                "questions.0.actions.0.type": "respond",
                "questions.0.actions.0.reply": "typed by alice",
            },
            None,
            id="an answer where none is allowed",
        ),
        pytest.param(
            ONE, {"questions.0.actions.0.type": "burn"}, None, id="a decision nobody knows"
        ),
        pytest.param(
            TWO,
            {
                "questions.0.actions.0.type": "reject",
                "questions.0.actions.0.reason": "typed by alice",
            },
            "typed by alice",
            id="one decision for two calls",
        ),
        pytest.param(
            tool_review(),
            {"questions.0.actions.0.type": "edit", "questions.0.actions.0.args:json": BAD_JSON},
            "typed by alice",
            id="arguments against the schema",
        ),
    ],
)
def test_it_is_refused_and_the_form_keeps_what_was_typed(
    alice: User, value, posted: dict[str, str], kept: str | None
):
    asked = make_interrupt(value)
    client = Client()
    client.force_login(alice)

    answer = client.post(
        f"/interrupts/{asked.pk}/decide/", {"questions.0.fingerprint": asked.fingerprint, **posted}
    )

    asked.refresh_from_db()
    assert (answer.status_code, asked.status) == (422, Interrupt.Status.PENDING)
    assert kept is None or kept in answer.text
    assert not Decision.objects.exists()
    assert Run.objects.filter(status=Run.Status.QUEUED).count() == 0
