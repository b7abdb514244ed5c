"""Drafts: what a reviewer has typed into the form of a pause and not sent yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Draft(models.Model):
    """The half-made decision of one person on one pause, as their browser posted it."""

    run = models.ForeignKey("agents.Run", models.CASCADE, related_name="drafts")
    user: models.ForeignKey[User, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts"
    )
    post = models.TextField()  # JSON: {name: [text, …]}, the lone surrogates of browsers included
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("run", "user"), name="one_draft_per_pause_and_person"),
        )

    def __str__(self) -> str:
        return f"draft of {self.user_id} for run {self.run_id}"
