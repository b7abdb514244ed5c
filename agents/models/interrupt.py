"""Interrupts: the questions of a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from agents.models.fields import PlainField

if TYPE_CHECKING:
    from agents.models.run import Run


class InterruptQuerySet(models.QuerySet["Interrupt"]):
    """Interrupts, asked in the product's words."""

    def pending(self) -> InterruptQuerySet:
        """Those that wait for a person."""
        return self.filter(status=Interrupt.Status.PENDING)


class Interrupt(models.Model):
    """One question of a paused run, and what became of it."""

    class Status(models.TextChoices):
        """pending → answered → applied, or pending | answered → superseded, or → cancelled."""

        PENDING = "pending"  # waits for a person
        ANSWERED = "answered"  # decided; see the decision for how far it has come
        APPLIED = "applied"  # the paused task has taken the answer and gone on
        SUPERSEDED = "superseded"  # the thread moved on without this answer
        CANCELLED = "cancelled"  # the run was cancelled
        EXPIRED = "expired"  # nobody answered in time

    class Kind(models.TextChoices):
        """How the graph came to pause."""

        INTERRUPT = "interrupt"  # `interrupt(value)` in a node or tool
        BREAKPOINT = "breakpoint"  # interrupt_before / interrupt_after
        NODE_INTERRUPT = "node_interrupt"  # `NodeInterrupt`, deprecated: takes no answer

    run = models.ForeignKey("agents.Run", models.CASCADE, related_name="interrupts")
    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="interrupts")
    position = models.PositiveSmallIntegerField()  # among the interrupts of the pause
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    # Where it stands in LangGraph. An id alone does not identify a question.
    checkpoint_id = models.CharField(max_length=64)  # the root's
    interrupt_id = models.CharField(max_length=128)
    task_id = models.CharField(max_length=64, blank=True)
    ns = models.TextField(blank=True)
    node = models.CharField(max_length=255)

    superseded_by: models.ForeignKey[Run | None, Run | None] = models.ForeignKey(
        "agents.Run", models.SET_NULL, null=True, related_name="superseded"
    )  # the run that took the thread elsewhere, or was to let the agent ask again

    # What it asks.
    value = PlainField(null=True)
    response_schema = PlainField(null=True)
    fingerprint = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)  # of the question alone
    dialect = models.CharField(max_length=32)
    headline = models.CharField(max_length=200)
    actions = models.PositiveSmallIntegerField(default=1)  # calls to decide
    call_ids = models.JSONField(default=list)  # of these calls, in order; "" where unknown
    origin = PlainField(null=True)  # {"tool", "call_id"} or {"edge": true}; None: a node's body

    # A question that is another one each time it is asked.
    moved_from: models.ForeignKey[Interrupt | None, Interrupt | None] = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="moved_to"
    )  # what the same task asked before, whose decision was refused for it
    moving = models.JSONField(default=list)  # the parts that differ: [{"path", "how"}, …]

    objects = InterruptQuerySet.as_manager()

    class Meta:
        ordering = ("run", "position")
        permissions = (("decide_interrupt", "Can decide what a paused agent may do"),)
        constraints = (
            models.UniqueConstraint(fields=("run", "position"), name="one_interrupt_per_position"),
            models.UniqueConstraint(
                fields=("run", "task_id", "interrupt_id"), name="one_question_per_task_and_id"
            ),
        )
        indexes = (
            models.Index(fields=("id",), condition=Q(status="pending"), name="inbox"),
            models.Index(fields=("closed_at",), name="interrupt_closed"),
            models.Index(fields=("thread", "checkpoint_id"), name="interrupt_of_checkpoint"),
            models.Index(
                fields=("node", "-id"), condition=Q(status="applied"), name="interrupt_learned"
            ),  # what waits, however much, is passed over
        )

    def __str__(self) -> str:
        return self.headline
