"""The hops between a paused agent and the person who decides: each checked, with the repair.

The same checks tell a script whether this process is ready (`/readyz`) and an operator what
is broken (`/status/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from time import perf_counter
from typing import TypeAlias

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Exists, OuterRef
from django.utils import timezone

from agents import push
from agents.models import Agent, Decision, Run, Runner

_Check: TypeAlias = tuple[str, str, Callable[[], None]]
"""The name of a hop, its purpose, and what raises `_Broken` when it is broken."""

_ECHO_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop: what it is for, what is wrong with it (empty: nothing), and what to do then."""

    name: str
    purpose: str
    fault: str = ""
    repair: str = ""
    seconds: float = 0.0  # the check took
    is_needed: bool = True  # else nothing stops without it, and no process is better off

    @property
    def milliseconds(self) -> int:
        """The same, for people."""
        return round(self.seconds * 1000)


class _Broken(Exception):
    """What is wrong, and the repair."""


def of_this_process() -> list[Hop]:
    """The hops between this process and what it works with; hints may be lost, the others not.

    Those behind a broken one are not checked. Takes as long as the database takes to answer or to
    be given up, and at most two seconds for the broker. Queries: 4 with no rows to read.
    """
    checked = list(_until_broken(_PROCESS))
    if not checked[-1].fault:
        checked.append(replace(_checked(*_HINTS), is_needed=False))
    return checked


def of_the_system() -> list[Hop]:
    """The hops that need the others: runners for what waits. Queries: 3."""
    return [_checked(*hop) for hop in _SYSTEM]


def _until_broken(hops: tuple[_Check, ...]) -> Iterator[Hop]:
    for hop in hops:
        checked = _checked(*hop)
        yield checked
        if checked.fault:
            return


def _checked(name: str, purpose: str, check: Callable[[], None]) -> Hop:
    began = perf_counter()
    try:
        check()
    except _Broken as broken:
        fault, repair = broken.args
        return Hop(name, purpose, fault, repair, perf_counter() - began)
    return Hop(name, purpose, seconds=perf_counter() - began)


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        raise _Broken(
            f"The database does not answer: {error}",
            "Start it, or mend DATABASE_URL. What was acknowledged is kept; the console goes on "
            "by itself when the database is back.",
        ) from error


def _migrations() -> None:
    try:
        missing = _migrations_of_the_code() - set(
            MigrationRecorder(connection).applied_migrations()
        )
    except Error as error:
        raise _Broken(
            f"The migrations that were applied cannot be read: {error}",
            "Let the database's user read and write its tables.",
        ) from error
    if missing:
        named = ", ".join(f"{app}.{name}" for app, name in sorted(missing)[:3])
        more = " …" if len(missing) > 3 else ""
        raise _Broken(
            f"{len(missing)} migrations are not applied: {named}{more}.",
            "Run `python manage.py migrate`; no process has to be stopped for it.",
        )


@cache
def _migrations_of_the_code() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _writes() -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor != "postgresql":
                return  # the transaction began, which takes the right to write
            cursor.execute("SHOW transaction_read_only")
            is_read_only = cursor.fetchone() == ("on",)
    except Error as error:
        raise _Broken(
            f"The database takes no writes: {error}",
            "See that its disk has room and its file may be written by this user.",
        ) from error
    if is_read_only:
        raise _Broken(
            "The database takes no writes: it is a standby, or set to read only.",
            "Let DATABASE_URL name the primary (libpq: target_session_attrs=read-write).",
        )


def _hints() -> None:
    try:
        async_to_sync(push.echo)(_ECHO_SECONDS)
    except Exception as error:  # whatever a broker's client raises
        raise _Broken(
            f"The broker does not carry hints: {str(error) or type(error).__name__}",
            "Start Redis, or mend REDIS_URL. Nothing is lost meanwhile; pages are "
            f"up to {settings.PAGE_REFRESH_SECONDS} seconds behind.",
        ) from error


def _runners() -> None:
    queued = Run.objects.filter(status=Run.Status.QUEUED, thread__agent=OuterRef("pk"))
    served = Runner.objects.online().filter(agents=OuterRef("pk"))
    waiting = Agent.objects.filter(Exists(queued)).exclude(Exists(served))
    names = list(waiting.order_by("name").values_list("name", flat=True)[:4])
    if names:
        raise _Broken(
            f"Runs wait, and no runner serves {', '.join(names[:3])}{' …' if names[3:] else ''}.",
            "Start a runner that does: `reviewconsole-runner`, with a token for these agents.",
        )


def _leases() -> None:
    overdue = Run.objects.abandoned().count()
    if overdue:
        raise _Broken(
            f"{overdue} running runs are held by runners that have been silent for too long.",
            "The next heartbeat of any runner gives them to another: see that one is connected.",
        )


def _decisions() -> None:
    late = 2 * settings.RUNNER_LEASE_SECONDS
    since = timezone.now() - timedelta(seconds=late)
    # Without a run a decision waits for the others of its pause.
    waiting = Decision.objects.undelivered().exclude(run=None).filter(decided_at__lt=since)
    if count := waiting.count():
        raise _Broken(
            f"{count} decisions have not reached an agent for {late} seconds.",
            "The page of the runners says who is connected and what each has in hand: start more "
            "runners, or look into the log of the one that should take them.",
        )


_PROCESS: tuple[_Check, ...] = (
    ("database", "keeps every pause and every decision", _database),
    ("migrations", "give the tables the form that this version reads", _migrations),
    ("writes", "record what people decide", _writes),
)
_HINTS: _Check = ("hints", "tell open pages and runners at once", _hints)
_SYSTEM: tuple[_Check, ...] = (
    ("runners", "take up the runs that wait", _runners),
    ("leases", "say which runner executes what", _leases),
    ("deliveries", "bring decisions to the agents", _decisions),
)
