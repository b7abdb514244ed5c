"""Progress: what a run is at, for people who watch."""

from __future__ import annotations

from django.db import models


class Progress(models.Model):
    """The last thing a runner said of a run in its hands; not history, and gone with its end."""

    run = models.OneToOneField(
        "agents.Run", models.CASCADE, primary_key=True, related_name="progress"
    )
    step = models.IntegerField(null=True)
    nodes = models.JSONField(default=list)  # that run now
    text = models.TextField(blank=True)  # what the model has said so far in this step
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.run_id} at {', '.join(self.nodes)}"
