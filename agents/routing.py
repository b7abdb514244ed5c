"""The websocket URLs: those of browsers, and the runners'."""

from typing import Any

from django.urls import path

from agents.consumers.console import ConsoleConsumer
from agents.consumers.runner import RunnerConsumer

# `Any`: the stubs do not know that `path()` takes an ASGI application.
console: Any = ConsoleConsumer.as_asgi()
runner: Any = RunnerConsumer.as_asgi()

websocket_urlpatterns = [path("ws/console/", console)]
runner_urlpatterns = [path("ws/runner/", runner)]
