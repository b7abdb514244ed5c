"""A person's browser without a screen: pages are read as HTML, forms are sent as they stand."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Mapping

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import make_agent
from tests.pauses.html_forms import Form, forms
from tests.servers import Console

CSRF = "n" * 32


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
        fields = [(name, value) for name, value in fields if name != "csrfmiddlewaretoken"]
        data = urllib.parse.urlencode([*fields, ("csrfmiddlewaretoken", CSRF)]).encode()
        return self._open(urllib.request.Request(self._url + path, data))

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
