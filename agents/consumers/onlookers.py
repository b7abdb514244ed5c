"""Who looks: the people of many sessions at once, read afresh each time that something is drawn.

They may have signed out, been shut out, or lost a role since. What Django asks for one session is
asked here for all of them at once: a thousand open pages cost no more queries than one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from agents.prepared import Each, Given, Prepared, together

_Permissions = frozenset[str]


def onlookers(sessions: Collection[str]) -> Mapping[str, _Permissions]:
    """What the people of these sessions may do in the console; who has not signed in is left out.

    Queries: 3, one more where a superuser looks.
    """
    claims = _claims(sessions)
    if not claims:
        return {}
    users = {user for user, _ in claims.values()}
    active, granted = together(_ACTIVE.given(users=users), _GRANTED.given(users=users))
    people = {user.pk: user for user in active}
    held = _permissions(people, granted)
    return {
        session: held[user]
        for session, (user, session_hash) in claims.items()
        if user in people and _is_of(people[user], session_hash)
    }


def _active() -> QuerySet[User]:
    people = User.objects.filter(pk__any=Each("users", int), is_active=True)
    return people.only("password", "is_superuser")


def _granted() -> QuerySet[Permission, tuple[int, str]]:
    """By roles and for themselves."""
    of_role, of_person = Each("users", int), Each("users", int)
    by_role = _ours().filter(group__user__id__any=of_role).values_list("group__user", "codename")
    by_name = _ours().filter(user__id__any=of_person).values_list("user", "codename")
    return by_role.order_by().union(by_name.order_by())


def _ours() -> QuerySet[Permission]:
    return Permission.objects.filter(content_type__app_label="agents")


_ACTIVE, _GRANTED = Prepared(_active), Prepared(_granted)


def _claims(sessions: Collection[str]) -> dict[str, tuple[int, str]]:
    """Who these sessions say that it is, and the hash that proves it."""
    rows = _OPEN(sessions=sessions, now=timezone.now())
    said = {session: _decoded(data) for session, data in rows}
    return {
        session: (int(each[SESSION_KEY]), each.get(HASH_SESSION_KEY, ""))
        for session, each in said.items()
        if each.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
    }


def _open() -> QuerySet[Any, tuple[str, str]]:
    model = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class()
    rows: QuerySet[Any] = model.objects.filter(
        session_key__any=Each("sessions", str), expire_date__gt=Given("now", datetime)
    )
    return rows.values_list("pk", "session_data")


_OPEN = Prepared(_open)


@lru_cache(4096)
def _decoded(session_data: str) -> Mapping[str, Any]:
    """What a session holds; to check its signature takes longer than to read its row."""
    decoded: Mapping[str, Any] = (
        import_module(settings.SESSION_ENGINE).SessionStore().decode(session_data)
    )
    return decoded


def _is_of(user: User, session_hash: str) -> bool:
    """Whether a session is this person's still: a new password ends all others."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(session_hash, each) for each in hashes)


def _permissions(
    people: Mapping[int, User], granted: Iterable[tuple[int, str]]
) -> Mapping[int, _Permissions]:
    """What each of them may do in the console."""
    held: dict[int, set[str]] = defaultdict(set)
    for user, codename in granted:
        held[user].add(f"agents.{codename}")
    if superusers := [pk for pk, user in people.items() if user.is_superuser]:
        everything = {
            f"agents.{codename}" for codename in _ours().values_list("codename", flat=True)
        }
        held |= dict.fromkeys(superusers, everything)
    return {pk: frozenset(held[pk]) for pk in people}
