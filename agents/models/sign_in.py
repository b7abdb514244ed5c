"""Attempts to sign in: what bounds how many passwords anybody can try."""

from __future__ import annotations

from django.db import models


class SignInAttempt(models.Model):
    """One attempt that has failed or has not ended.

    Neither the name nor the address can be read from it: people type passwords into wrong fields.
    """

    name = models.CharField(max_length=64)  # keyed digests
    address = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (
            models.Index(fields=("name", "at"), name="attempts_on_a_name"),
            models.Index(fields=("address", "at"), name="attempts_from_an_address"),
            models.Index(fields=("at",), name="attempts_by_age"),
        )

    def __str__(self) -> str:
        return f"attempt of {self.at}"
