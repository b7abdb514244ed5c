"""A person at one of several consoles: reads pages, sends forms, keeps a page open."""

from __future__ import annotations

import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.pauses.html_forms import forms

CSRF = "n" * 32
PATIENCE_SECONDS = 40.0


class Person:
    """Signed in; `url` is a console's or the proxy's, whose authority is in `certificate`."""

    def __init__(self, url: str, user: User, certificate: Path) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.url = url
        self.tls = ssl.create_default_context(cafile=str(certificate / "ca.pem"))
        self.headers = {
            "Cookie": f"__Host-reviewconsole={session}; __Host-reviewconsole-csrf={CSRF}",
            "Referer": f"{url}/",
        }
        if not url.startswith("https:"):
            self.headers |= {"X-Forwarded-Proto": "https", "Referer": url.replace("http", "https")}

    def get(self, path: str) -> str:
        """Read a page."""
        return self._open(urllib.request.Request(self.url + path, headers=self.headers))

    def send(self, path: str, leads_to: str, changes: Mapping[str, str]) -> str:
        """Send the form of a page whose address ends with `leads_to`; what is shown then."""
        (form,) = [form for form in forms(self.get(path)) if form.action.endswith(leads_to)]
        fields = [*form.filled({**changes, "csrfmiddlewaretoken": CSRF})]
        data = urllib.parse.urlencode(fields).encode()
        headers = self.headers | {"Origin": self.headers["Referer"].rstrip("/")}
        return self._open(urllib.request.Request(self.url + form.action, data, headers))

    def watch(self, topic: str) -> OpenPage:
        """Keep a page open that shows a live topic."""
        return OpenPage(self, topic)

    def _open(self, request: urllib.request.Request) -> str:
        with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:
            page: str = answer.read().decode()
            return page


class OpenPage:
    """The socket of a page: hears fragments, and opens itself again when it is cut."""

    def __init__(self, person: Person, topic: str) -> None:
        self.person = person
        self.address = f"{person.url.replace('http', 'ws', 1)}/ws/console/?topic={topic}"
        self.socket: ClientConnection | None = None
        self._at_close = ExitStack()
        self.opened = 0  # times

    def hear(self, words: str, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait for a fragment with these words; return how long that took.

        Raises:
            AssertionError: none came.
        """
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0:
            with suppress(OSError, WebSocketException, TimeoutError):
                if words in self._connected().recv(timeout=left):
                    return time.monotonic() - began
                continue
            if not self._is_open():
                self.close()
                time.sleep(0.2)  # as a browser waits before it tries again
        raise AssertionError(f"The page of {self.address} was not told {words!r}.")

    def close(self) -> None:
        """Leave; what comes next opens it again."""
        if self.socket is not None:
            self._at_close.close()
            self.socket = None

    def _is_open(self) -> bool:
        return self.socket is not None and self.socket.close_code is None

    def _connected(self) -> ClientConnection:
        if self.socket is None:
            tls = self.person.tls if self.address.startswith("wss:") else None
            opening = connect(
                self.address,
                ssl=tls,
                additional_headers={"Cookie": self.person.headers["Cookie"]},
                origin=Origin(self.person.url),
                proxy=None,
                open_timeout=5,
                close_timeout=1,
            )
            self.socket = self._at_close.enter_context(opening)
            self.opened += 1
        return self.socket
