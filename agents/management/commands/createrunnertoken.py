"""Make a runner token from the terminal."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.exceptions import InvalidInput
from agents.services import tokens


class Command(BaseCommand):
    """Print the secret of a new token, once."""

    help = "Make a token with which a runner connects. The secret is printed once and kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the token's name and its agents."""
        parser.add_argument("name", help="who uses it, for example a host's name")
        parser.add_argument(
            "--agents", required=True, help="the agents it serves, separated by commas"
        )

    def handle(self, *, name: str, agents: str, **_: Any) -> None:
        """Make it, or say why not."""
        try:
            _token, secret = tokens.create(name=name, agents=agents.split(","))
        except InvalidInput as error:
            raise CommandError(f"{error}.") from error
        self.stdout.write(secret)
