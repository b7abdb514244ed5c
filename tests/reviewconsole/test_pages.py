"""What answers requests: each in one thread, from its first middleware to its view."""

import threading
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.urls import path
from pytest_django.fixtures import Settings

from reviewconsole.asgi import Pages

seen: list[tuple[str, int]] = []


def note(what: str) -> None:
    seen.append((what, threading.get_ident()))


def both_ways(get_response: Any) -> Any:
    """Middleware as Django's own: it could await, too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        note("before")
        response: HttpResponse = get_response(request)
        note("after")
        return response

    return middleware


both_ways.sync_capable = both_ways.async_capable = True  # type: ignore[attr-defined]  # Django asks


def view(request: HttpRequest) -> HttpResponse:
    note("view")
    return HttpResponse("seen")


urlpatterns = [path("", view)]


async def test_a_request_stays_in_one_thread_that_is_not_the_loops(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.both_ways"] * 2
    seen.clear()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    request = ApplicationCommunicator(Pages(), scope)
    await request.send_input({"type": "http.request", "body": b""})
    assert (await request.receive_output(5))["status"] == 200
    assert (await request.receive_output(5))["body"] == b"seen"
    await request.wait()
    assert [what for what, _ in seen] == ["before", "before", "view", "after", "after"]
    (thread,) = {thread for _, thread in seen}
    assert thread != threading.get_ident()
