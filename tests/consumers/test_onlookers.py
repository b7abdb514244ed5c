"""Who looks: the people of many sessions, as Django would tell for each."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents import roles
from agents.consumers.onlookers import onlookers

pytestmark = pytest.mark.django_db


def session_of(user: User) -> str:
    """The key of a session in which this person has signed in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def ours(user: User) -> frozenset[str]:
    """What Django itself says that they may do here."""
    held = User.objects.get(pk=user.pk).get_all_permissions()
    return frozenset(name for name in held if name.startswith("agents."))


def test_each_has_what_their_roles_grant(alice: User, olga: User, ada: User, mallory: User):
    mallory.user_permissions.add(Permission.objects.get(codename="view_thread"))
    sessions = {session_of(user): user for user in (alice, olga, ada, mallory)}
    assert onlookers(sessions) == {session: ours(user) for session, user in sessions.items()}


def test_a_superuser_may_do_everything(mallory: User):
    User.objects.filter(pk=mallory.pk).update(is_superuser=True)
    session = session_of(mallory)
    assert onlookers([session]) == {session: ours(mallory)}


def test_many_cost_as_much_as_one(
    alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
):
    sessions = [session_of(user) for user in (alice, bob, alice)]
    with django_assert_num_queries(3):
        assert set(onlookers(sessions)) == set(sessions)


def test_somebody_without_a_role_is_known_and_may_nothing(mallory: User):
    session = session_of(mallory)
    assert onlookers([session]) == {session: frozenset()}


def test_no_session_is_nobody():
    assert onlookers(["", "4711"]) == {}


def test_a_session_that_has_run_out(alice: User):
    session = session_of(alice)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert onlookers([session]) == {}


def test_a_session_of_before_a_new_password(alice: User):
    session = session_of(alice)
    assert roles.LOOK in onlookers([session])[session]
    alice.set_password("another")
    alice.save()
    assert onlookers([session]) == {}


def test_an_account_that_was_closed(alice: User):
    session = session_of(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert onlookers([session]) == {}


def test_a_session_in_which_nobody_has_signed_in():
    client = Client()
    client.session.save()
    key = client.session.session_key
    assert key is not None
    assert onlookers([key]) == {}
