"""The websocket URLs: those of browsers, and the runners'."""

from typing import Any

from django.urls import path

from agents.consumers.runner import RunnerConsumer

websocket_urlpatterns: list[Any] = []
# `Any`: the stubs do not know that `path()` takes an ASGI application.
runner_urlpatterns: list[Any] = [path("ws/runner/", RunnerConsumer.as_asgi())]
