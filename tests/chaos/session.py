"""A person's browser without scripts: signs in, reads pages, sends their forms."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any

from tests.pauses.html_forms import Form, forms

TIMEOUT_SECONDS = 30
AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: where a redirection leads, or the page."""

    code: int
    page: str
    location: str = ""


class Unreachable(Exception):
    """The console did not answer, or only that something is broken: nobody knows what it did."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Session:
    """One person, signed in with a password; signs in again as often as needed."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._url = url
        self._open = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPCookieProcessor(CookieJar())
        ).open

    def get(self, path: str) -> Reply:
        """Read a page; sign in first if that is what it takes.

        Raises:
            Unreachable: the console is not there, or not well.
        """
        reply = self._send(path, None)
        if reply.code == 302 and "/login/" in reply.location:
            (form,) = forms(self._send(reply.location, None).page)
            given = form.filled({"username": self.name, "password": self.name})
            answer = self._send("/login/", given)
            if answer.code != 302:
                raise AssertionError(f"{self.name} cannot sign in: {answer.code}")
            reply = self._send(path, None)
        return reply

    def form(self, path: str, leads_to: str) -> Form | None:
        """The form of a page whose address ends with `leads_to`; None if it has none.

        Raises:
            Unreachable: as `get`.
        """
        found = forms(self.get(path).page)
        return next((form for form in found if form.action.endswith(leads_to)), None)

    def post(self, path: str, fields: list[tuple[str, str]]) -> Reply:
        """Send these fields.

        Raises:
            Unreachable: as `get`; it may have been done.
        """
        return self._send(path, fields)

    def insist(self, path: str, fields: list[tuple[str, str]], seconds: float) -> tuple[Reply, int]:
        """Send the very same form until there is an answer; tell how often it had to be sent."""
        deadline, sent = time.monotonic() + seconds, 0
        while True:
            sent += 1
            try:
                return self.post(path, fields), sent
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(AGAIN_SECONDS)

    def _send(self, path: str, fields: list[tuple[str, str]] | None) -> Reply:
        data = None if fields is None else urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(urllib.parse.urljoin(self._url, path), data)
        try:
            with self._open(request, timeout=TIMEOUT_SECONDS) as answer:
                return Reply(answer.status, answer.read().decode())
        except urllib.error.HTTPError as answer:
            with answer:
                if answer.code >= 500:
                    raise Unreachable(f"{path}: {answer.code}") from None
                page = answer.read().decode(errors="replace")
                return Reply(answer.code, page, answer.headers.get("Location", ""))
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{path}: {error}") from error
