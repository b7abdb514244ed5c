"""A person's browser without a screen: pages are read as HTML, forms are sent as they stand."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Any
from urllib.request import build_opener

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import make_agent
from tests.pauses.html_forms import Form, forms
from tests.servers import Console

CSRF = "n" * 32


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else."""

    def http_error_302(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        """Answer what was answered."""
        return fp


class Browser:
    """Signed in at a running console."""

    def __init__(self, console: Console, user: User) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self._cookies = (
            f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}"
        )
        self._url = console.url

    def get(self, path: str) -> str:
        """Read a page."""
        return self._open(urllib.request.Request(self._url + path))

    def post(self, path: str, fields: list[tuple[str, str]]) -> str:
        """Send these fields; what is shown then."""
        return self._open(self._filled(path, fields))

    def order(self, path: str, fields: list[tuple[str, str]]) -> None:
        """Send these fields as `post`, and do not look at the page that this leads to."""
        request = self._filled(path, fields)
        request.add_header("Cookie", self._cookies)
        with build_opener(_Stay).open(request, timeout=30) as answer:
            if answer.status != HTTPStatus.FOUND:
                raise ValueError(f"{path} took nothing: {answer.read().decode()[:2000]}")

    def _filled(self, path: str, fields: list[tuple[str, str]]) -> urllib.request.Request:
        fields = [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"]
        data = urllib.parse.urlencode([*fields, ("csrfmiddlewaretoken", CSRF)]).encode()
        return urllib.request.Request(self._url + path, data)

    def form(self, path: str, leads_to: str) -> Form:
        """The form of a page whose address ends with `leads_to`."""
        (found,) = [form for form in forms(self.get(path)) if form.action.endswith(leads_to)]
        return found

    def send(self, form: Form, changes: Mapping[str, str]) -> str:
        """Send a form after a person changed some of its fields; what is shown then."""
        return self.post(form.action, form.filled(changes))

    def nudge(self) -> None:
        """Have the console tell its runners to look what is queued.

        It had no hint of what this process did. An order to an agent that no runner serves is
        never carried out, and wakes them all.
        """
        make_agent("nobody")
        self.post("/agents/nobody/", [("way", "json"), ("json", "{}")])

    def _open(self, request: urllib.request.Request) -> str:
        request.add_header("Cookie", self._cookies)
        with urllib.request.urlopen(request, timeout=30) as answer:
            page: str = answer.read().decode()
            return page
