"""The websocket URLs: those of browsers, and the runners'."""

from typing import Any

from django.urls import path

from agents.consumers.console import ConsoleConsumer
from agents.consumers.runner import RunnerConsumer
from agents.instruments import SOCKETS


def counted(of: str, consumer: Any) -> Any:
    """Count the open sockets of a consumer, for `/metrics`."""
    # `Any`: the stubs do not know that `path()` takes an ASGI application.
    open_sockets = SOCKETS.labels(of)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        with open_sockets.track_inprogress():
            await consumer(scope, receive, send)

    return application


console = counted("browsers", ConsoleConsumer.as_asgi())
runner = counted("runners", RunnerConsumer.as_asgi())

websocket_urlpatterns = [path("ws/console/", console)]
runner_urlpatterns = [path("ws/runner/", runner)]
