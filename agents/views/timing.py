"""How long pages and posts take, for `/metrics`."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from agents.instruments import REQUEST

_METHODS = ("GET", "HEAD", "POST")


def timed(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """A middleware that observes each request by the name of its view."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        began = perf_counter()
        response = get_response(request)
        _observe(request, perf_counter() - began)
        return response

    return answer


def _observe(request: HttpRequest, seconds: float) -> None:
    # Few names, whatever a visitor asks for: each is a series that is kept for good.
    match = request.resolver_match
    view = "none" if match is None else match.namespace or match.url_name or "none"
    method = request.method if request.method in _METHODS else "other"
    REQUEST.labels(view, method).observe(seconds)
