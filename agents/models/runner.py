"""Runners: the processes that execute agents, and the tokens they connect with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Expression
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class RunnerToken(models.Model):
    """The right to run certain agents. The secret is shown once and kept as a digest."""

    name = models.CharField(max_length=200, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256 of the secret
    agents = models.JSONField(default=list, help_text="Names of the agents this token serves.")
    created_by: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


def online_since() -> datetime:
    """When a runner that is online was heard at the latest: two lease times ago."""
    return timezone.now() - timedelta(seconds=2 * settings.RUNNER_LEASE_SECONDS)


class RunnerQuerySet(models.QuerySet["Runner"]):
    """Runners, asked in the product's words."""

    def online(self, since: datetime | Expression | None = None) -> RunnerQuerySet:
        """Those with an open socket that were heard since then, by default `online_since`."""
        since = online_since() if since is None else since
        return self.filter(disconnected_at=None, last_seen_at__gte=since)

    def serving(self, agent: str | Expression) -> RunnerQuerySet:
        """Those that announced this agent."""
        return self.filter(agents__name=agent)


class Runner(models.Model):
    """One runner process, from its first hello on. A reconnecting process keeps its row."""

    instance = models.CharField(max_length=64, unique=True)
    token = models.ForeignKey(RunnerToken, models.PROTECT, related_name="runners")
    name = models.CharField(max_length=200)
    agents = models.ManyToManyField("agents.Agent", related_name="runners")
    capacity = models.PositiveIntegerField()
    versions = models.JSONField(default=dict)
    cannot_gate = models.TextField(blank=True)  # why it cannot hold tool calls; empty: it can
    channel = models.CharField(max_length=200, blank=True)  # where hints reach its socket
    connected_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    disconnected_at = models.DateTimeField(null=True, blank=True)

    objects = RunnerQuerySet.as_manager()

    class Meta:
        ordering = ("-last_seen_at",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_online(self) -> bool:
        """Whether its socket is open and it was heard within two lease times."""
        quiet = timezone.now() - self.last_seen_at
        limit = timedelta(seconds=2 * settings.RUNNER_LEASE_SECONDS)
        return self.disconnected_at is None and quiet < limit
