"""The ASGI application: pages, the sockets of browsers, and the sockets of runners."""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reviewconsole.settings")
pages = get_asgi_application()

# Consumers import models, which need the applications that the line above loads.
from agents import routing  # noqa: E402

# `Any`: the type stubs of Channels do not know that routes are made by `path()`.
browser_sockets: list[Any] = [*routing.websocket_urlpatterns]
browsers = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(browser_sockets)))
# A runner is no browser: no Origin and no cookie, a bearer token instead.
sockets: list[Any] = [*routing.runner_urlpatterns, re_path(r"", browsers)]

application = ProtocolTypeRouter({"http": pages, "websocket": URLRouter(sockets)})
