"""Start a run from the terminal."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.exceptions import AgentsError
from agents.reviews import raw_json
from agents.services import runs


class Command(BaseCommand):
    """Queue a run and print where it is."""

    help = 'Start a run of an agent; prints {"thread": …, "run": …}.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the agent, its input and perhaps a thread."""
        parser.add_argument("agent", help="the agent's name")
        parser.add_argument("--input", required=True, help="the input, as JSON")
        parser.add_argument("--thread", help="an existing thread; without it a new one is made")
        parser.add_argument("--title", default="", help="the title of a new thread")

    def handle(
        self,
        *,
        agent: str,
        input: str,
        thread: str | None,
        title: str,
        **_: Any,
    ) -> None:
        """Start it, or say why not."""
        try:
            value = raw_json.load(input)
        except raw_json.NotJson as error:
            raise CommandError(
                f"--input is not JSON ({error}) Write it like "
                """'{"messages": [{"role": "user", "content": "…"}]}'."""
            ) from error
        try:
            run = runs.start(agent=agent, input=value, user=None, thread=thread, title=title)
        except AgentsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps({"thread": run.thread.thread_id, "run": run.pk}))
