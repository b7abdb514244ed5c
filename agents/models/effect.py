"""The effect journal: the tool calls that ran, and what came of each."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from agents.models.fields import PlainField


class Effect(models.Model):
    """One execution of a tool call. Begun before the tool starts; the newest of a call counts.

    `key` says which call it is: the same one when LangGraph runs its task again, and another one on
    a branch that a replay or fork begins.
    """

    class Status(models.TextChoices):
        """How far it has come.

        started → finished | failed | paused | untouched | in_doubt
        in_doubt → finished | failed | given   (its result came late, or from a person)
        """

        STARTED = "started"  # without an end: it runs, or nobody knows
        FINISHED = "finished"  # with a result
        FAILED = "failed"  # with an exception
        PAUSED = "paused"  # it asked a person, and runs again from its start
        UNTOUCHED = "untouched"  # before its body: the arguments did not fit
        IN_DOUBT = "in_doubt"  # cut off, or its runner was lost: it may have done its work
        GIVEN = "given"  # in doubt, until a person said what its result is

    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="effects")
    key = models.CharField(max_length=64)  # sha256: see `services.made_calls`
    number = models.PositiveIntegerField(default=1)  # the how-many-eth execution of this call
    execution = models.CharField(max_length=64)  # as the runner names it
    status = models.CharField(max_length=16, choices=Status, default=Status.STARTED)

    # Who made the call. An end is taken of this runner and this execution only.
    run = models.ForeignKey("agents.Run", models.CASCADE, related_name="effects")
    attempt = models.PositiveIntegerField()
    runner = models.ForeignKey("agents.Runner", models.SET_NULL, null=True, related_name="+")

    # The call.
    ns = models.TextField(blank=True)
    tool = models.CharField(max_length=255)
    call_id = models.CharField(max_length=255, blank=True)
    args = PlainField(null=True)
    is_idempotent = models.BooleanField(default=False)
    decision = models.ForeignKey(  # by which it may run; NULL: nobody was asked
        "agents.Decision", models.SET_NULL, null=True, related_name="effects"
    )
    settled_by = models.ForeignKey(  # what a person said of it while it was in doubt
        "agents.Decision", models.SET_NULL, null=True, related_name="settled_effects"
    )

    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)  # the exception, or why the result could not be kept

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=("thread", "key", "number"), name="one_effect_a_number"),
            models.CheckConstraint(
                condition=Q(status__in=("started", "in_doubt")) | Q(ended_at__isnull=False),
                name="ended_effects_have_a_time",
            ),
        )
        indexes = (models.Index(fields=("run", "status"), name="effect_of_run"),)

    def __str__(self) -> str:
        return f"{self.tool} {self.call_id}".strip()


class EffectResult(models.Model):
    """What a call returned, as the runner's serializer wrote it; kept while it can be asked for."""

    effect = models.OneToOneField(Effect, models.CASCADE, primary_key=True, related_name="result")
    kind = models.CharField(max_length=32)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"result of {self.effect_id}"
