"""The websocket URLs: those of browsers, and the runners'."""

from typing import Any

from django.urls import path

from agents.consumers.console import ConsoleConsumer
from agents.consumers.runner import RunnerConsumer

# `Any`: the stubs do not know that `path()` takes an ASGI application.
websocket_urlpatterns: list[Any] = [path("ws/console/", ConsoleConsumer.as_asgi())]
runner_urlpatterns: list[Any] = [path("ws/runner/", RunnerConsumer.as_asgi())]
