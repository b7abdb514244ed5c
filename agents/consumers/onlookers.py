"""Who looks: the people of many sessions at once, read afresh each time that something is drawn.

They may have signed out, been shut out, or lost a role since. What Django asks for one session is
asked here for all of them at once: a thousand open pages cost no more queries than one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from django.utils.crypto import constant_time_compare

_Permissions = frozenset[str]


def onlookers(sessions: Collection[str]) -> Mapping[str, _Permissions]:
    """What the people of these sessions may do in the console; who has not signed in is left out.

    Queries: 3, one more where a superuser looks.
    """
    claims = _claims(sessions)
    people = User.objects.filter(is_active=True).in_bulk({user for user, _ in claims.values()})
    held = _permissions(people)
    return {
        session: held[user]
        for session, (user, session_hash) in claims.items()
        if user in people and _is_of(people[user], session_hash)
    }


def _claims(sessions: Collection[str]) -> dict[str, tuple[int, str]]:
    """Who these sessions say that it is, and the hash that proves it."""
    model = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class()
    rows = model.objects.filter(session_key__in=sessions, expire_date__gt=timezone.now())
    said = {session: _decoded(data) for session, data in rows.values_list("pk", "session_data")}
    return {
        session: (int(each[SESSION_KEY]), each.get(HASH_SESSION_KEY, ""))
        for session, each in said.items()
        if each.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
    }


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


def _permissions(people: Mapping[int, User]) -> Mapping[int, _Permissions]:
    """What each of them may do in the console, by roles or for themselves."""
    ours = Permission.objects.filter(content_type__app_label="agents")
    by_role = ours.filter(group__user__in=people).values_list("group__user", "codename")
    by_name = ours.filter(user__in=people).values_list("user", "codename")
    held: dict[int, set[str]] = defaultdict(set)
    for user, codename in by_role.order_by().union(by_name.order_by()):
        held[user].add(f"agents.{codename}")
    if superusers := [pk for pk, user in people.items() if user.is_superuser]:
        everything = {f"agents.{codename}" for codename in ours.values_list("codename", flat=True)}
        held |= dict.fromkeys(superusers, everything)
    return {pk: frozenset(held[pk]) for pk in people}
