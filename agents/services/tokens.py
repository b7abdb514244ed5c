"""Runner tokens: the right of a process to run certain agents, and nothing else."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import push
from agents.exceptions import InvalidInput
from agents.models import RunnerToken

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_PREFIX = "rct_"  # so that secret scanners can recognise one


def create(
    *, name: str, agents: Sequence[str], user: User | None = None
) -> tuple[RunnerToken, str]:
    """Make a token and its secret. The secret is returned here and kept nowhere.

    Raises:
        InvalidInput: the name is empty or taken, or no agent is named.
    """
    served = sorted({agent.strip() for agent in agents} - {""})
    if not name.strip():
        raise InvalidInput("a token needs a name", {"name": "Say who will use the token."})
    if not served:
        raise InvalidInput("a token serves at least one agent", {"agents": "Name an agent."})
    secret = _PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = RunnerToken.objects.create(
                name=name.strip(), agents=served, digest=_digest(secret), created_by=user
            )
    except IntegrityError:
        raise InvalidInput(
            f"there is a token named {name.strip()!r} already; choose another name",
            {"name": "This name is taken."},
        ) from None
    return token, secret


def authenticate(*, secret: str) -> RunnerToken | None:
    """The token with this secret, None if there is none or it was revoked. One query."""
    return RunnerToken.objects.filter(digest=_digest(secret), revoked_at=None).first()


@transaction.atomic
def revoke(*, token: RunnerToken) -> RunnerToken:
    """End a token: its runners are refused from their next request on. Idempotent."""
    RunnerToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db()
    push.token_revoked(token.pk)
    push.changed("runners")
    return token


def _digest(secret: str) -> str:
    # The secret is 256 random bits: a plain hash cannot be guessed, and is cheap at each connect.
    return hashlib.sha256(secret.encode()).hexdigest()
