"""The page of a call that may have run: what it says and what can be said, without scripts too."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Decision, Effect, Interrupt
from reviewconsole.protocol.messages import Outcome
from tests.services.journalling import ask, doubted, end, running

NAME = "questions.0.actions.0"


@pytest.fixture
def asked(alice: User, client: Client) -> Interrupt:
    """A question about a refund that may have run; Alice is signed in."""
    client.force_login(alice)
    run = running()
    ask(run)
    return doubted(run, ask(run))


def text(client: Client, asked: Interrupt) -> str:
    return unescape(client.get(f"/interrupts/{asked.pk}/").text)


def post(client: Client, asked: Interrupt, kind: str, **fields: str) -> Any:
    data = {"questions.0.fingerprint": asked.fingerprint, f"{NAME}.type": kind}
    data |= {f"{NAME}.{name}": value for name, value in fields.items()}
    return client.post(f"/interrupts/{asked.pk}/decide/", data)


def decided() -> Any:
    return Decision.objects.get().resume


def test_it_says_what_is_known_and_what_each_button_does(client, asked):
    page = text(client, asked)
    effect = Effect.objects.get()
    assert "May have run: refund 120.00 EUR" in page
    assert "It may have run." in page
    assert str(effect.runner) in page
    for words in ("Run <b>", "Give its result…", "Do not run <b>"):
        assert words in page
    assert 'value="edit"' not in page


def test_the_inbox_says_it(client, asked):
    assert "May have run: refund 120.00 EUR" in client.get("/").text


def test_running_it_again(client, asked):
    assert post(client, asked, "approve").status_code == 302
    assert decided() == {"type": "approve"}
    assert "Run again" in text(client, asked)


@pytest.mark.parametrize(
    ("reply", "shape", "message"),
    [
        ("refunded", "text", "refunded"),
        ('{"id": 5}', "text", '{"id": 5}'),
        ('{"id": 5}', "json", {"id": 5}),
    ],
)
def test_giving_its_result(reply, shape, message, client, asked):
    assert post(client, asked, "respond", reply=reply, shape=shape).status_code == 302
    assert decided() == {"type": "respond", "message": message}


def test_a_result_that_is_no_json_is_given_back(client, asked):
    page = post(client, asked, "respond", reply="{id: 5}", shape="json")
    assert page.status_code == 422
    assert f'href="#{NAME}.reply"' in page.text
    assert not Decision.objects.exists()
    assert 'value="json" checked' in page.text


def test_not_running_it_again(client, asked):
    assert post(client, asked, "reject", reason="it is booked").status_code == 302
    assert decided() == {"type": "reject", "message": "it is booked"}


def test_who_may_not_decide_reads_it(client, asked, olga):
    client.force_login(olga)
    page = text(client, asked)
    assert "It may have run." in page
    assert "Give its result" not in page


def test_a_call_that_failed_shows_its_error(client, alice):
    client.force_login(alice)
    run = running()
    end(run, ask(run), Outcome.FAILED, error="<b>TimeoutError</b>")
    Effect.objects.update(attempt=0)
    page = client.get(f"/interrupts/{doubted(run, ask(run)).pk}/").text
    assert "It failed, perhaps after a part of its work." in page
    assert "&lt;b&gt;TimeoutError" in page
