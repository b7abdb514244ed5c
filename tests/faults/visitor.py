"""A person with a browser without scripts, who sees whatever comes: errors, too."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.pauses.html_forms import Form, forms

Fields = list[tuple[str, str]]
TIMEOUT_SECONDS = 60
ANSWER = "questions.0.actions.0.answer"


def may_sign_in(user: User) -> None:
    """Give somebody of a test's cast a password that a console understands, too."""
    user.password = PBKDF2PasswordHasher().encode(user.username, "salt", iterations=1)
    user.save()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Visitor:
    """Somebody of the cast, signed in."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._cookies = CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self._cookies)
        self._open = urllib.request.build_opener(_NoRedirect, cookies).open
        (form,) = forms(self.get("/login/")[1])
        signed_in = self.post("/login/", form.filled({"username": name, "password": name}))
        assert signed_in[0] == 302

    def get(self, path: str) -> tuple[int, str]:
        """The code and the page of an address."""
        return self._send(path, None)

    def post(self, path: str, fields: Fields) -> tuple[int, str]:
        """The code and the page that a form leads to."""
        return self._send(path, urllib.parse.urlencode(fields).encode())

    def answer(self, pause: int, words: str) -> tuple[str, Fields]:
        """The filled form of a pause with one question: where it goes, and what it sends."""
        page = self.get(f"/interrupts/{pause}/")[1]
        (form,) = [form for form in forms(page) if form.action.endswith("/decide/")]
        return form.action, form.filled({ANSWER: words})

    def send_again(self, page: str) -> tuple[int, str]:
        """Send the one form of a page as it is."""
        form: Form
        (form,) = forms(page)
        return self.post(form.action, form.fields)

    @staticmethod
    def close_of(socket: ClientConnection) -> tuple[int, str] | None:
        """With which code and reason the console closes a socket, after all that it says."""
        try:
            while True:
                socket.recv()
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None

    @contextmanager
    def open_page(self, topic: str) -> Iterator[ClientConnection]:
        """The socket of an open page that shows a live topic; it has heard the first fragment."""
        address = f"{self._url.replace('http', 'ws', 1)}/ws/console/?topic={topic}"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._cookies)
        headers = {"Cookie": cookies}
        with connect(address, additional_headers=headers, origin=Origin(self._url)) as socket:
            socket.recv()
            yield socket

    def _send(self, path: str, data: bytes | None) -> tuple[int, str]:
        request = urllib.request.Request(urllib.parse.urljoin(self._url, path), data)
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()
