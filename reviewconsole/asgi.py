"""The ASGI application: pages, the sockets of browsers, and the sockets of runners."""

import os
from typing import Any

import django
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reviewconsole.settings")
django.setup(set_prefix=False)


class Pages(ASGIHandler):
    """Django's own, with all of a request in one thread: its middleware and its view.

    Django changes threads for every middleware that can do both, and back: some twenty times a
    request, each time behind whatever the event loop does for the sockets.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """Load it for threads, whatever is asked for."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request, in a thread of its own."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


pages = Pages()

# Consumers import models, which need the applications that were loaded above.
from agents import routing  # noqa: E402

# `Any`: the type stubs of Channels do not know that routes are made by `path()`.
browser_sockets: list[Any] = [*routing.websocket_urlpatterns]
browsers = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(browser_sockets)))
# A runner is no browser: no Origin and no cookie, a bearer token instead.
sockets: list[Any] = [*routing.runner_urlpatterns, re_path(r"", browsers)]

application = ProtocolTypeRouter({"http": pages, "websocket": URLRouter(sockets)})
