"""Decisions: what a person decided, and how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from agents.models.fields import PlainField

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Decisions, asked in the product's words."""

    def undelivered(self) -> DecisionQuerySet:
        """Those on their way to an agent; nothing waits for a run that is over."""
        under_way = Q(run=None) | Q(run__status__in=("queued", "running"))
        return self.filter(under_way, status=Decision.Status.RECORDED)


class Decision(models.Model):
    """The one answer to an interrupt. The unique interrupt is what makes it the one."""

    class Status(models.TextChoices):
        """recorded → delivered → applied, or recorded | delivered → refused.

        Any of them → withdrawn, when the run failed with it and its question is asked again;
        recorded | delivered → withdrawn, when its run was cancelled at the pause, which is asked
        anew; recorded → withdrawn, when the thread was dismissed before it was sent. Back from
        withdrawn, when nobody took up the run that was to ask again.
        """

        RECORDED = "recorded"  # stored here
        DELIVERED = "delivered"  # a runner compared it with the live pause and hands it over
        APPLIED = "applied"  # the paused task has taken it and gone on
        REFUSED = "refused"  # the live pause was another one than the reviewer saw
        WITHDRAWN = "withdrawn"  # taken back: it counts no more

    class Then(models.TextChoices):
        """How the agent goes on."""

        RUN = "run"  # with the answer
        SKIP = "skip"  # as if the waiting node had run and changed nothing
        WRITE = "write"  # as if the waiting node had run and made these values
        FINISH = "finish"  # not at all: the thread was dismissed

    VOID = (Status.REFUSED, Status.WITHDRAWN)  # never applied, or asked anew: it says nothing

    interrupt = models.OneToOneField("agents.Interrupt", models.PROTECT, related_name="decision")
    run = models.ForeignKey(  # the run that carries it to the agent; NULL until all are decided
        "agents.Run", models.SET_NULL, null=True, related_name="decisions"
    )
    decided_by: models.ForeignKey[User, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions"
    )
    decided_at = models.DateTimeField(auto_now_add=True)
    fingerprint = models.CharField(max_length=64)  # of what was shown
    actions = PlainField()  # what was decided for each call: [{type, name, args?, message?}, …]
    resume = PlainField(null=True)  # the value that is sent to the agent
    then = models.CharField(max_length=8, choices=Then, default=Then.RUN)
    update = PlainField(null=True)  # channels of the state that are written before it goes on
    moving = models.JSONField(default=list)  # parts of the question it does not depend on
    summary = models.CharField(max_length=300)
    status = models.CharField(max_length=16, choices=Status, default=Status.RECORDED)
    delivered_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        indexes = (
            models.Index(fields=("id",), condition=Q(status="recorded"), name="undelivered"),
        )

    def __str__(self) -> str:
        return self.summary
