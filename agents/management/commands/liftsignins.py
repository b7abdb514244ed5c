"""Let people sign in again who were shut out by too many wrong passwords."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from agents.services import sign_ins


class Command(BaseCommand):
    """Forget attempts to sign in: those for a name, or all."""

    help = "Forget wrong passwords, so that whoever they shut out can sign in again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take a name, or none for everybody."""
        parser.add_argument("name", nargs="?", help="of one person; without it: of everybody")

    def handle(self, *, name: str | None, **_: Any) -> None:
        """Forget them, and say how many there were."""
        self.stdout.write(f"{sign_ins.lift(name=name)} attempts forgotten")
