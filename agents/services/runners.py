"""Runners: who is connected, and which runs each holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agents import push
from agents.exceptions import RequestRefused, TokenEnded
from agents.models import Agent, Run, Runner, RunnerToken
from agents.prepared import Each, Given, Prepared, PreparedUpdate, together
from agents.reviews.storable import MAX_DEPTH, is_too_deep
from agents.services.column_text import column_text
from reviewconsole.protocol.messages import Beat, Hello, Lease, RefusalCode


def lease_time() -> timedelta:
    """How long a runner may be silent before its runs are given to another."""
    return timedelta(seconds=settings.RUNNER_LEASE_SECONDS)


@transaction.atomic
def connect(*, token: RunnerToken, hello: Hello, channel: str) -> tuple[Runner, tuple[Lease, ...]]:
    """Register a process and the agents it announces; renew the leases it still holds.

    Returns the runner and those of `hello.held` that it has lost. Agents that the token does not
    serve are passed over. Idempotent: a reconnecting process keeps its row. Queries: about 7, and 2
    an agent.

    Raises:
        TokenEnded: the token was revoked, or the process connected with another one before.
        RequestRefused: `invalid` — the description of an agent could not be shown.
    """
    now = timezone.now()
    if not RunnerToken.objects.filter(pk=token.pk, revoked_at=None).exists():
        raise TokenEnded(f"token {token.name} was revoked")
    if Runner.objects.filter(instance=hello.instance).exclude(token=token).exists():
        raise TokenEnded(f"runner {hello.instance} belongs to another token")
    announced = {spec["name"]: spec for spec in hello.agents if spec.get("name") in token.agents}
    agents = [_announce(announced[name]) for name in sorted(announced)]  # one order for all
    runner, _made = Runner.objects.update_or_create(
        instance=hello.instance,
        defaults={
            "token": token,
            "name": column_text(hello.name, 200),
            "capacity": hello.capacity,
            "versions": hello.versions,
            "cannot_gate": column_text(hello.cannot_gate or ""),
            "channel": channel,
            "connected_at": now,
            "last_seen_at": now,
            "disconnected_at": None,
        },
    )
    runner.agents.set(agents)
    held = [lease.run for lease in hello.held]
    # What it was given and does not name never reached it: the next claim may have it at once.
    Run.objects.filter(runner=runner, status=Run.Status.RUNNING).exclude(pk__in=held).update(
        lease_expires_at=now
    )
    RunnerToken.objects.filter(pk=token.pk).update(last_used_at=now)
    push.changed("runners", "agents", "inbox", *(f"agent.{agent.pk}" for agent in agents))
    return runner, renew(runner=runner, held=hello.held).lost


_SHAPES: dict[str, type] = {
    "tools": list, "input_schema": dict, "interrupt_before": list, "interrupt_after": list,
    "notes": list,
}  # fmt: skip


def _announce(spec: dict[str, Any]) -> Agent:
    if is_too_deep(spec):  # type: ignore[arg-type]  # a dict with text keys is plain
        raise RequestRefused(
            RefusalCode.INVALID, f"agent {spec['name']} nests more than {MAX_DEPTH} levels deep"
        )
    for name, shape in _SHAPES.items():
        if not isinstance(spec.get(name), shape | None):
            raise RequestRefused(
                RefusalCode.INVALID,
                f"{name} of agent {spec['name']} is a {shape.__name__} or null, and not "
                f"{type(spec[name]).__name__}",
            )
    description = column_text(str(spec.get("description") or ""))
    told = {"description": description, "spec": spec}
    agent, _made = Agent.objects.update_or_create(
        name=str(spec["name"]),
        defaults=told,
        create_defaults={**told, "tool_default": settings.TOOL_DEFAULT},
    )
    return agent


def current_token(*, runner: Runner) -> RunnerToken:
    """The token of a connected runner, as it is now. One query.

    Raises:
        TokenEnded: it was revoked.
    """
    return _valid(_TOKEN(token=runner.token_id), runner)


_TOKEN = Prepared(lambda: RunnerToken.objects.filter(pk=Given("token", int), revoked_at=None))


def served(*, runner: Runner) -> list[str]:
    """The agents a runner announced, as far as its token serves them now.

    Queries: 2, in one round trip.

    Raises:
        TokenEnded: it was revoked.
    """
    found, announced = together(
        _TOKEN.given(token=runner.token_id), _ANNOUNCED.given(runner=runner.pk)
    )
    serves = _valid(found, runner).agents
    return [name for (name,) in announced if name in serves]


def _valid(found: Sequence[RunnerToken], runner: Runner) -> RunnerToken:
    if not found:
        raise TokenEnded(f"the token of runner {runner.name} was revoked")
    return found[0]


def _announced() -> QuerySet[Agent, tuple[str]]:
    return Agent.objects.filter(runners=Given("runner", int)).values_list("name")


_ANNOUNCED = Prepared(_announced)


@transaction.atomic
def renew(*, runner: Runner, held: Sequence[Lease]) -> Beat:
    """Renew the leases a runner holds, and tell which it has lost and which to cancel.

    Queries: 1, and 2 more where it holds any. A run that the console gives to this runner but that
    the runner does not name stays with it until the lease ends: its assignment may still be on the
    way.
    """
    now = timezone.now()
    if not held:
        _SEEN(runner=runner.pk, now=now)
        return Beat(lost=(), cancel=())
    mine = {"runner": runner.pk, "runs": {lease.run for lease in held}}
    _, _, found = together(
        _SEEN.given(runner=runner.pk, now=now),
        _RENEW.given(**mine, until=now + lease_time()),
        _HELD.given(**mine),
    )
    mine_now = {Lease(run, attempt): cancelled_at for run, attempt, cancelled_at in found}
    return Beat(
        lost=tuple(lease for lease in held if lease not in mine_now),
        cancel=tuple(lease for lease in held if mine_now.get(lease)),
    )


_SEEN = PreparedUpdate(
    lambda: Runner.objects.filter(pk=Given("runner", int)),
    last_seen_at=Given("now", datetime),
    disconnected_at=None,
)


def _mine() -> QuerySet[Run]:
    held = Run.objects.filter(pk__any=Each("runs", int), runner=Given("runner", int))
    return held.filter(status=Run.Status.RUNNING)


_RENEW = PreparedUpdate(_mine, lease_expires_at=Given("until", datetime))
_HELD = Prepared(lambda: _mine().order_by().values_list("pk", "attempt", "cancel_requested_at"))


@transaction.atomic
def disconnect(*, runner: Runner, channel: str) -> None:
    """Note that a runner's socket has closed; shorten its leases to the grace of a reconnect.

    Does nothing when the runner has another socket by now. Queries: 2.
    """
    now = timezone.now()
    here = Runner.objects.filter(pk=runner.pk, channel=channel, disconnected_at=None)
    if here.update(disconnected_at=now, channel=""):
        grace = now + timedelta(seconds=settings.RUNNER_DISCONNECT_GRACE_SECONDS)
        held = Run.objects.filter(runner=runner, status=Run.Status.RUNNING)
        held.filter(lease_expires_at__gt=grace).update(lease_expires_at=grace)
        push.changed("runners", "inbox", *(f"agent.{pk}" for pk in _agents(runner)))


def _agents(runner: Runner) -> Iterable[int]:
    return runner.agents.values_list("pk", flat=True)
