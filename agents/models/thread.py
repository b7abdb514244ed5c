"""Threads: conversations with one agent."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from agents.models.fields import PlainField
from agents.models.thread_search import ThreadWords
from agents.reviews.search_words import tokens

if TYPE_CHECKING:
    from django.contrib.auth.models import User

FEW = 1000  # threads that a search names


def new_thread_id() -> str:
    """A fresh LangGraph thread id."""
    return str(uuid.uuid4())


class ThreadQuerySet(models.QuerySet["Thread"]):
    """Threads, asked in the product's words."""

    def kept(self) -> ThreadQuerySet:
        """Those that were not deleted."""
        return self.filter(deleted_at=None)

    def matching(self, text: str) -> ThreadQuerySet:
        """Those in whose id, title, metadata and messages each word of `text` begins one.

        Text without a word matches all. One query now: where few match they are named, so that no
        planner walks through all threads in search of the next; where many do, walking is short.
        """
        if not (words := tokens(text)):
            return self
        rows = ThreadWords.objects.filter(words__matches=words).values_list("pk", flat=True)
        few = list(rows[: FEW + 1])
        return (
            self.filter(searched__words__matches=words)
            if len(few) > FEW
            else self.filter(pk__in=few)
        )


class Thread(models.Model):
    """A conversation with one agent; what LangGraph names by `thread_id`."""

    class Status(models.TextChoices):
        """What the thread is doing, in LangGraph's words."""

        IDLE = "idle"  # nothing runs, nothing waits
        BUSY = "busy"  # a run is queued or running
        INTERRUPTED = "interrupted"  # a person is asked
        ERROR = "error"  # the last run failed

    thread_id = models.CharField(max_length=255, unique=True, default=new_thread_id)
    agent = models.ForeignKey("agents.Agent", models.PROTECT, related_name="threads")
    title = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.IDLE)
    snapshot = PlainField(null=True)  # the state's public values, as the runner reported them last
    snapshot_checkpoint_id = models.CharField(max_length=64, blank=True)
    metadata = PlainField(default=dict)  # what whoever began it says about it, to search by
    copied_from: models.ForeignKey[Thread | None, Thread | None] = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="copies"
    )  # whose history up to `copied_checkpoint_id` it began with
    copied_checkpoint_id = models.CharField(max_length=64, blank=True)
    copied_because = models.TextField(blank=True)  # in the words of who copied it
    created_by: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # A thread that was deleted keeps its row, its interrupts and their decisions, and nothing else.
    deleted_at = models.DateTimeField(null=True)
    deleted_by: models.ForeignKey[User | None, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    # Parts are numbered per thread and numbers are never used twice. The epoch moves when parts
    # are deleted, so that no process goes on trusting the numbers it remembers.
    part_next = models.BigIntegerField(default=0)
    part_epoch = models.IntegerField(default=0)

    objects = ThreadQuerySet.as_manager()

    class Meta:
        ordering = ("-updated_at", "-pk")
        # Each filter of the list has an index in its order: a page reads what it shows.
        indexes = (
            models.Index(fields=("-updated_at", "-id"), name="thread_newest"),
            models.Index(fields=("agent", "-updated_at", "-id"), name="thread_by_agent"),
            models.Index(fields=("status", "-updated_at", "-id"), name="thread_by_status"),
            models.Index(
                fields=("agent", "status", "-updated_at", "-id"), name="thread_by_agent_and_status"
            ),
            models.Index(
                fields=("-updated_at", "-id"),
                condition=models.Q(deleted_at__isnull=False),
                name="thread_deleted",
            ),
        )

    def __str__(self) -> str:
        return self.title or self.thread_id

    @property
    def is_begun_by_people(self) -> bool:
        """Whether it was begun in the console; an agent that works without runs begins the others.

        A copy that somebody made stays one when the account is gone: only these name a checkpoint.
        """
        return self.created_by_id is not None or self.copied_checkpoint_id != ""
