"""The Django application."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Registers the system checks; models, URLs and templates are found by their places."""

    name = "agents"
    verbose_name = "Review Console"

    def ready(self) -> None:
        """Register the checks of `agents.checks`."""
        from agents import checks  # noqa: F401, PLC0415 -- registers on import, once settings are loaded
