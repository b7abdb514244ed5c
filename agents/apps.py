"""The Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    """Registers the system checks, and has every `migrate` mend the roles."""

    name = "agents"
    verbose_name = "Review Console"

    def ready(self) -> None:
        """Connect what needs the loaded models and settings."""
        from agents import checks, roles  # noqa: F401, PLC0415 -- needs the loaded models

        post_migrate.connect(roles.grant, sender=self)
