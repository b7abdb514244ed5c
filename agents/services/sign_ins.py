"""Signing in: how many passwords anybody can try.

An attempt is written down before its password is looked at, and counts itself: of any number made
at once, in any number of processes, no more than the limit pass.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from agents.models import SignInAttempt

WINDOW = timedelta(minutes=15)
# One person at one place mistypes; many people share an address; and one name that is tried from
# everywhere is being guessed. Who is shut out by the last is a person with a good password whom
# somebody wants shut out: it is set high, and over after a quarter of an hour.
OF_A_PAIR, OF_AN_ADDRESS, OF_A_NAME = 5, 50, 50
_ONE_LINE = 128 - 56  # bits of an IPv6 address that are whose line it is to choose


def begin(*, name: str, address: str) -> SignInAttempt | None:
    """Write an attempt down before its password is checked; None when there were too many.

    `address` is the visitor's; of an IPv6 address the network counts, which one visitor has whole.
    What is refused counts no further. Queries: 5.
    """
    now = timezone.now()
    SignInAttempt.objects.filter(at__lt=now - WINDOW).delete()
    attempt = SignInAttempt.objects.create(
        name=_name(name),
        address=_digest(_network(address)),
    )
    on_name, from_address = Q(name=attempt.name), Q(address=attempt.address)
    for attempts, limit in (
        (on_name & from_address, OF_A_PAIR),
        (from_address, OF_AN_ADDRESS),
        (on_name, OF_A_NAME),
    ):
        if SignInAttempt.objects.filter(attempts).count() > limit:
            attempt.delete()
            return None
    return attempt


def succeed(*, attempt: SignInAttempt) -> None:
    """Forget what this person mistyped here before. One query."""
    SignInAttempt.objects.filter(name=attempt.name, address=attempt.address).delete()


def lift(*, name: str | None = None) -> int:
    """Forget all attempts for a name, or everybody's; returns how many. One query."""
    named = {} if name is None else {"name": _name(name)}
    return SignInAttempt.objects.filter(**named).delete()[0]


def _name(name: str) -> str:
    return _digest(unicodedata.normalize("NFKC", name).casefold())


def _network(address: str) -> str:
    try:
        visitor = ip_address(address)
    except ValueError:  # a unix socket has none
        return address
    if isinstance(visitor, IPv6Address) and visitor.ipv4_mapped is None:
        return str(int(visitor) >> _ONE_LINE)
    return str(visitor)


def _digest(text: str) -> str:
    return salted_hmac("reviewconsole.sign-ins", text, algorithm="sha256").hexdigest()
