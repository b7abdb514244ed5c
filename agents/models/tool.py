"""Tool calls under the console's own rule: what admins set, what was decided, what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from agents.models.fields import PlainField

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Gate(models.TextChoices):
    """What the console does when an agent calls a tool."""

    AGENT = "agent"  # as the agent says: nothing of its own
    ALWAYS = "always"  # a person reviews every call
    NEVER = "never"  # no call runs


class ToolSettingQuerySet(models.QuerySet["ToolSetting"]):
    """Settings of tools, asked in the product's words."""

    def in_force(self) -> ToolSettingQuerySet:
        """Of each agent's tool the newest one."""
        last = self.order_by().values("agent", "tool").annotate(newest=models.Max("pk"))
        return ToolSetting.objects.filter(pk__in=last.values("newest"))

    def strict(self) -> ToolSettingQuerySet:
        """Those in force by which calls are held or refused."""
        return self.in_force().exclude(gate=Gate.AGENT)


class ToolSetting(models.Model):
    """One change of a tool's gate. The newest of a tool is in force; the others are its history."""

    agent = models.ForeignKey("agents.Agent", models.CASCADE, related_name="tool_settings")
    tool = models.CharField(max_length=255)
    gate = models.CharField(max_length=8, choices=Gate)
    is_idempotent = models.BooleanField(default=False, db_default=False)  # a doubt just runs again
    set_by: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    set_at = models.DateTimeField(auto_now_add=True)

    objects = ToolSettingQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        permissions = (("gate_tool", "Can set which tools are reviewed or blocked"),)
        indexes = (models.Index(fields=("agent", "tool", "-id"), name="tool_setting_newest"),)

    def __str__(self) -> str:
        return f"{self.tool}: {self.gate}"


class CallVerdict(models.Model):
    """What a decision said about one tool call: the newest of a call is what may run.

    An approval covers the calls of one task, which claims it with its first.
    """

    class Type(models.TextChoices):
        """Whether the call may run, and with which arguments."""

        APPROVE = "approve"  # as proposed
        EDIT = "edit"  # with other arguments
        REJECT = "reject"  # not at all: rejected, or answered in its place

    decision = models.ForeignKey("agents.Decision", models.CASCADE, related_name="calls")
    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="call_verdicts")
    call_id = models.CharField(max_length=255)
    tool = models.CharField(max_length=255)
    type = models.CharField(max_length=8, choices=Type)
    digest = models.CharField(max_length=64)  # of the arguments that may run
    ns = models.TextField(blank=True, default="")  # task that claimed it; blank: none

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=("thread", "call_id", "-id"), name="verdict_of_call"),
            models.Index(fields=("tool", "thread"), name="verdict_of_tool"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.tool} {self.call_id}"


class Violation(models.Model):
    """A tool call that an agent tried to make against a decision; it did not run."""

    run = models.ForeignKey("agents.Run", models.CASCADE, related_name="violations")
    verdict = models.ForeignKey(CallVerdict, models.CASCADE, related_name="violations")
    ns = models.TextField(blank=True)
    tool = models.CharField(max_length=255)
    args = PlainField(null=True)  # that it would have run with
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=("run", "verdict"), name="violation_of_run"),)

    def __str__(self) -> str:
        return self.message
