"""How long pages and posts take, for `/metrics`."""

from __future__ import annotations

from asyncio import iscoroutinefunction
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from agents.instruments import REQUEST

_METHODS = ("GET", "HEAD", "POST")


@sync_and_async_middleware
def timed(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware that observes each request by the name of its view."""
    if iscoroutinefunction(get_response):
        answer: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def timed_async(request: HttpRequest) -> HttpResponseBase:
            began = perf_counter()
            response = await answer(request)
            _observe(request, perf_counter() - began)
            return response

        return timed_async

    def timed_sync(request: HttpRequest) -> HttpResponseBase:
        began = perf_counter()
        response: HttpResponseBase = get_response(request)
        _observe(request, perf_counter() - began)
        return response

    return timed_sync


def _observe(request: HttpRequest, seconds: float) -> None:
    # Few names, whatever a visitor asks for: each is a series that is kept for good.
    match = request.resolver_match
    view = "none" if match is None else match.namespace or match.url_name or "none"
    method = request.method if request.method in _METHODS else "other"
    REQUEST.labels(view, method).observe(seconds)
