"""`manage.py runner`: the runner, in a process of its own."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand

from agents.management.environment import for_agents


class Command(BaseCommand):
    """Becomes `python -m reviewconsole.runner`.

    The process is replaced, so that the one that runs agents has neither Django, nor the database,
    nor a secret of the console.
    """

    help = "Serve agents to a console; takes the arguments of `python -m reviewconsole.runner`."

    def run_from_argv(self, argv: list[str]) -> NoReturn:
        """Hand all arguments on as they are, `--help` too."""
        environment = for_agents()
        paths = [str(settings.BASE_DIR), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        arguments = [sys.executable, "-m", "reviewconsole.runner", *argv[2:]]
        os.execve(sys.executable, arguments, environment)  # noqa: S606 -- no shell is meant
