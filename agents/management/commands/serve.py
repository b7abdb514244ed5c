"""`manage.py serve`: the console itself."""

import os
import sys
import threading
from typing import Any

from channels.routing import get_default_application
from daphne.endpoints import build_endpoint_description_strings
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.management.server import ConsoleServer

# Python lets a busy thread keep its turn for 5 ms. A thread that stores what runners wait for gives
# its turn away with each query: beside one that draws pages it would wait 5 ms for each answer.
TURN_SECONDS = 0.0005
STOPPING_SECONDS = 3.0  # for threads to finish what they are at


class Command(BaseCommand):
    """Runs Daphne, the server of pages and sockets, with the console's settings."""

    help = "Serves the console on HOST and PORT until it is told to stop (Ctrl-C, SIGTERM)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Check what a deployment of the console needs, then serve.

        Raises:
            CommandError: a check fails, or something else listens on HOST and PORT.
        """
        if not (settings.DEBUG or settings.DEMO):
            self.check(tags=["agents"], include_deployment_checks=True)
        sys.setswitchinterval(TURN_SECONDS)
        server = ConsoleServer(
            application=get_default_application(),
            endpoints=build_endpoint_description_strings(host=settings.HOST, port=settings.PORT),
            # Above its limit Daphne cuts the connection without a close code: leave the consumer
            # room to refuse a frame that is too large with one.
            websocket_max_message_size=2 * settings.RUNNER_MAX_FRAME_BYTES,
            websocket_max_frame_size=2 * settings.RUNNER_MAX_FRAME_BYTES,
            websocket_timeout=-1,  # a runner's connection may grow old
            # Behind a proxy the visitor's address is what the proxy says it is.
            proxy_forwarded_address_header="X-Forwarded-For" if settings.HTTPS else None,
            ready_callable=self.announce,
            server_name="",
        )
        server.run()
        self.end_soon()
        if server.abort_start:
            raise CommandError(
                f"Cannot listen on {settings.HOST}:{settings.PORT}. Most likely another process "
                "does: stop it, or set PORT to another number."
            )

    def end_soon(self) -> None:
        """End the process, even if a thread waits for the event loop that has just stopped.

        A request that was cut off may leave one behind, and Python would wait for it for ever.
        What it had not committed is rolled back.
        """
        end = threading.Timer(STOPPING_SECONDS, os._exit, args=(0,))
        end.daemon = True
        end.start()

    def announce(self) -> None:
        """Say where the console is."""
        self.stderr.write(f"Review Console listens on http://{settings.HOST}:{settings.PORT}/")
