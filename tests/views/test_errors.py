"""Pages that cannot be made: the console has failed, or its database does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client

from tests.factories import make_interrupt
from tests.pauses.html_forms import forms

WORDS = "pay <b>it</b>\r\nbut not today"


@contextmanager
def out_of_order(error: Exception) -> Iterator[None]:
    """The database answers nothing but this."""

    def fail(*_: Any) -> Any:
        raise error

    with connection.execute_wrapper(fail):
        yield


@pytest.fixture
def browser(alice: User) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    return browser


LOCKED = OperationalError("database is locked")


def test_a_page_says_what_is_wrong_and_offers_to_load_it_again(browser: Client):
    with out_of_order(LOCKED):
        answer = browser.get("/threads/?q=a&b=%22")
    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "another process holds its write lock: find and end that process" in page
    assert 'href="/threads/?q=a&amp;b=%22"' in page
    assert forms(page) == []


def test_what_was_sent_is_on_the_page_to_be_sent_again(browser: Client):
    pause = make_interrupt()
    given = {"questions.0.actions.0.answer": WORDS, "tags": ["one", "two"]}
    with out_of_order(LOCKED):
        answer = browser.post(f"/interrupts/{pause.pk}/decide/", given)
    assert answer.status_code == 503
    (form,) = forms(answer.content.decode())
    assert form.action == f"/interrupts/{pause.pk}/decide/"
    assert form.fields == [
        ("questions.0.actions.0.answer", WORDS),
        ("tags", "one"),
        ("tags", "two"),
    ]


def test_a_password_is_never_shown(db: None):
    browser = Client(raise_request_exception=False)
    with out_of_order(LOCKED):
        answer = browser.post("/login/", {"username": "alice", "password": "geheim"})
    assert answer.status_code == 503
    assert "geheim" not in answer.content.decode()
    assert "Go back and send it again." in answer.content.decode()


def test_a_fault_of_the_console_is_no_outage(browser: Client):
    with out_of_order(ValueError("a fault")):
        answer = browser.get("/threads/")
    assert answer.status_code == 500
    assert "The console has failed" in answer.content.decode()
