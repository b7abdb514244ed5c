"""Sessions are Django's: who had signed in before stays so, and who has not is nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from agents.sessions import SessionStore


@pytest.fixture
def saved(db: None) -> str:
    """The key of a session that Django's own store has saved."""
    return _saved()


def _saved() -> str:
    store = db.SessionStore()
    store["word"] = "swordfish"
    store.save()
    assert store.session_key
    return store.session_key


def test_what_djangos_own_has_saved_is_read(saved: str, django_assert_num_queries: Any) -> None:
    store = SessionStore(saved)
    with django_assert_num_queries(1):
        assert (store["word"], store.session_key) == ("swordfish", saved)
    store["word"] = "another"
    store.save()
    assert db.SessionStore(saved)["word"] == "another"


def test_of_a_session_that_is_over_nothing_is_left(saved: str) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    store = SessionStore(saved)
    assert (store.get("word"), store.session_key) == (None, None)


@pytest.mark.parametrize("key", ["of-nobody-at-all", "'; --%s", "schlüssel"])
def test_an_unknown_session_is_nobodys(saved: str, key: str) -> None:
    store = SessionStore(key)
    assert (store.get("word"), store.session_key) == (None, None)


def test_a_session_that_was_meddled_with_holds_nothing(saved: str) -> None:
    Session.objects.update(session_data="eyJ3b3JkIjoic3dvcmRmaXNoIn0:1:forged")
    assert SessionStore(saved).get("word") is None


def test_who_signs_out_is_out(client: Client, alice: User) -> None:
    client.force_login(alice)
    name = settings.SESSION_COOKIE_NAME
    key = client.cookies[name].value
    assert client.get("/").status_code == 200
    client.post("/logout/")
    client.cookies[name] = key
    assert client.get("/").status_code == 302
