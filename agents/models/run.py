"""Runs: single executions of a graph on a thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, Expression, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from agents.models.checkpoint import Checkpoint
from agents.models.decision import Decision
from agents.models.fields import PlainField

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from agents.models.interrupt import Interrupt


_CHANGES = 20  # checkpoints after a pause that are looked at: its decisions make one each


class RunQuerySet(models.QuerySet["Run"]):
    """Runs, asked in the product's words."""

    def active(self) -> RunQuerySet:
        """Those that are queued or running: at most one a thread."""
        return self.filter(status__in=Run.ACTIVE)

    def claimable(self, agents: Sequence[str] | Expression) -> RunQuerySet:
        """Queued runs of these agents, oldest first; an expression stands for `any` of them."""
        named = "thread__agent__name__" + ("any" if isinstance(agents, Expression) else "in")
        return self.filter(**{named: agents}, status=Run.Status.QUEUED).order_by("pk")

    def abandoned(self, now: Expression | None = None) -> RunQuerySet:
        """Running runs whose lease is over: their runner has vanished or stalled."""
        over = timezone.now() if now is None else now
        return self.filter(status=Run.Status.RUNNING, lease_expires_at__lt=over)

    def effective(self) -> RunQuerySet:
        """Those that may have changed their thread.

        Not one that waits, nor one that was cancelled before a runner took it up, nor a replay or
        fork that was refused, failed or was cancelled before it had made a checkpoint.
        """
        stopped = Q(status__in=(Run.Status.CANCELLED, Run.Status.FAILED)) | ~Q(refused="")
        unmoved = Q(stopped, ~Exists(_made_by_outer_run()), trigger__in=Run.TRAVELS)
        untouched = Q(status=Run.Status.WAITING) | Q(status=Run.Status.CANCELLED, attempt=0)
        return self.exclude(untouched).exclude(unmoved)

    def travelled(self) -> RunQuerySet:
        """Those on a branch that a replay or fork began, or on a copy, with no input since.

        What no runner was given has begun no branch.
        """
        rows = self.annotate(began=Subquery(_begun().values("trigger")[:1]))
        is_copy = Q(began=None, thread__copied_from__isnull=False)
        return rows.filter(Q(began__in=Run.TRAVELS) | is_copy)

    def with_branch(self) -> RunQuerySet:
        """Each with `branch`, the run that began the branch it is on, and with what `began` it.

        `began` is the trigger of the last run that was to begin one, as for `travelled`; `branch`
        passes over those that ended before they had.
        """
        begun = _begun()
        return self.annotate(
            began=Subquery(begun.values("trigger")[:1]),
            branch=Subquery(begun.effective().values("pk")[:1]),
        )


def _begun() -> RunQuerySet:
    """The runs that began a branch up to an outer run, itself among them, newest first."""
    begins = Q(attempt__gte=1) | Q(pk=OuterRef("pk"))
    return Run.objects.filter(
        begins, thread=OuterRef("thread"), trigger__in=Run.ANEW, pk__lte=OuterRef("pk")
    ).order_by("-pk")


def _made_by_outer_run() -> models.QuerySet[Checkpoint]:
    """The checkpoints a run has made at the root, all newer than the head it found there."""
    base = Coalesce(OuterRef("base_checkpoint_id"), models.Value(""))
    return Checkpoint.objects.filter(
        thread=OuterRef("thread"), ns="", checkpoint_id__gt=base, run=OuterRef("pk")
    )


class Run(models.Model):
    """One execution of a graph on a thread, from its start or from decisions, to a pause or an end.

    A run that pauses has ended: its interrupts belong to it, and the decisions start the next run.
    """

    class Status(models.TextChoices):
        """Where the run is; each arrow is one compare-and-set in `services.runs`.

        queued → running → interrupted | succeeded | failed | cancelled
        running → queued   (the lease ended, or the runner handed it back)
        queued → cancelled
        waiting → queued | cancelled   (a replay or fork behind another one of its thread)
        """

        WAITING = "waiting"
        QUEUED = "queued"
        RUNNING = "running"
        INTERRUPTED = "interrupted"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Trigger(models.TextChoices):
        """What began the run."""

        START = "start"  # an input
        RESUME = "resume"  # decisions
        ASK_AGAIN = "ask_again"  # a run that failed: its questions are asked anew
        REPLAY = "replay"  # a checkpoint of the past, as it was
        FORK = "fork"  # a checkpoint of the past, changed

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    TRAVELS = (Trigger.REPLAY, Trigger.FORK)
    ANEW = (Trigger.START, *TRAVELS)  # what goes on from no decision

    thread = models.ForeignKey("agents.Thread", models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=16, choices=Trigger)
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    resumes: models.ForeignKey[Run | None, Run | None] = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="resumed_by"
    )
    created_by: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)  # the first attempt's claim
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    # What to execute. Context and breakpoints are not in LangGraph's store: each resume needs them.
    input = PlainField(null=True)
    context = PlainField(null=True)
    interrupt_before = models.JSONField(default=list)
    interrupt_after = models.JSONField(default=list)
    recursion_limit = models.PositiveIntegerField(default=100)  # supersteps

    # Where a replay or fork begins, and what it changes there.
    from_checkpoint_id = models.CharField(max_length=64, blank=True)
    from_ns = models.TextField(blank=True)
    from_next = models.JSONField(default=list)  # the nodes that were next there, as people saw
    update = PlainField(null=True)  # channels of the state and their values
    as_node = models.CharField(max_length=255, blank=True)  # whose writes they are
    stays = models.BooleanField(default=False)  # nothing runs afterwards
    reason = models.TextField(blank=True)  # why, in the words of who asked for it
    revises: models.ForeignKey[Interrupt | None, Interrupt | None] = models.ForeignKey(
        "agents.Interrupt", models.SET_NULL, null=True, related_name="revised_by"
    )  # the decided question that is asked anew, where a person changes a decision

    # Who executes it. Frames of another attempt than this are refused.
    attempt = models.PositiveIntegerField(default=0)
    vanished = models.PositiveIntegerField(default=0, db_default=0)  # runners that did so meanwhile
    runner = models.ForeignKey("agents.Runner", models.SET_NULL, null=True, related_name="runs")
    lease_expires_at = models.DateTimeField(null=True)
    base_checkpoint_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 -- NULL: not claimed or no checkpoint

    # How it ended.
    checkpoint_id = models.CharField(max_length=64, blank=True)
    next = models.JSONField(default=list)  # the nodes that wait, for an interrupted run
    error = models.CharField(max_length=200, blank=True)  # the exception's type
    message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    refused = models.TextField(blank=True)  # why the runner did not apply this run's decisions

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        permissions = (("start_run", "Can start, cancel, replay and fork runs"),)
        constraints = (
            models.UniqueConstraint(
                fields=("thread",),
                condition=Q(status__in=("queued", "running")),
                name="one_active_run_per_thread",
            ),
            models.CheckConstraint(
                condition=~Q(status="running") | Q(lease_expires_at__isnull=False, attempt__gte=1),
                name="running_means_leased",
            ),
        )
        indexes = (models.Index(fields=("status", "lease_expires_at"), name="run_by_status"),)

    def __str__(self) -> str:
        return f"run {self.pk} of {self.thread_id}"

    @property
    def pause(self) -> Run | None:
        """The pause a run that ended stands at, or has stood at last: its own, or the resumed."""
        return self if self.interrupts.exists() else self.resumes

    def later(self) -> models.QuerySet[Run]:
        """The runs of the thread after this one that may have changed it, oldest first."""
        return Run.objects.effective().filter(thread=self.thread_id, pk__gt=self.pk).order_by("pk")

    def has_changed_nothing(self) -> bool:
        """Whether it ended and left its thread as it had found it. One query."""
        return not Run.objects.effective().filter(pk=self.pk).exists()

    def has_gone_on(self, pause: Run) -> bool:
        """Whether the thread has left this pause; a change of its state is no step. Queries: 2."""
        passed = self.decisions.filter(status=Decision.Status.APPLIED)
        if passed.exclude(then=Decision.Then.RUN).exists():
            return True
        newer = Checkpoint.objects.filter(
            thread=self.thread_id, ns="", checkpoint_id__gt=pause.checkpoint_id
        )
        found = newer.order_by("checkpoint_id").values_list("metadata", flat=True)[:_CHANGES]
        return any(dict(metadata).get("source") != "update" for metadata in found)

    def can_be_asked_again(self) -> bool:
        """Whether it failed on answers to questions the agent can ask again. At most 6 queries."""
        if self.status != Run.Status.FAILED or self.later().exists():
            return False
        pause = self.pause
        return pause is not None and not self.has_gone_on(pause)
