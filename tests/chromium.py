"""A real browser for the tests of pages.

Chromium is the one that the environment variable CHROMIUM names, the system's, or Playwright's own;
where there is none the tests are skipped, and the summary says so. A page that logs an error,
throws, or breaks the Content-Security-Policy fails its test.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error as PlaywrightError,
    Page,
    expect,
    sync_playwright,
)

from tests import interfaces
from tests.servers import Console

PATIENCE_MILLISECONDS = 20_000
# A page that is left before its socket opens is no fault.
LEFT_EARLY = "WebSocket is closed before the connection is established"
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"  # an interface of the machine came or went meanwhile


class Visit(Protocol):
    """Opens `path` in a browser of its own, as `user`; None is somebody who has not signed in.

    `options` are those of a browser context: `viewport`, `color_scheme`, `java_script_enabled`, …
    """

    def __call__(self, user: User | None, path: str = "/", **options: Any) -> Page: ...


def executable() -> str | None:
    """Return the path of Chromium; None leaves the choice to Playwright."""
    for candidate in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if candidate and (path := shutil.which(candidate)):
            return path
    return None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of one module.

    It is not kept for the whole session: while it is there, an event loop seems to run in this
    thread, which tests of coroutines cannot bear, and Django needs to be told to.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        try:
            browser = playwright.chromium.launch(
                executable_path=executable(),
                # Root, and containers with a small /dev/shm, cannot do without.
                args=["--no-sandbox", "--disable-dev-shm-usage"],
            )
        except PlaywrightError as error:
            pytest.skip(f"no Chromium (install it, or name it in CHROMIUM): {error.message}")
        yield browser
        browser.close()


@pytest.fixture
def expected_complaints() -> list[str]:
    """Patterns of what the browser may complain of in this test, such as a refused form."""
    return []


@pytest.fixture
def visit(
    browser: Browser, console: Console, expected_complaints: list[str], tmp_path: Path
) -> Iterator[Visit]:
    """Opens pages of `console`. Every page is watched until the end of the test."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    contexts = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _is_of_machine(message.text):
            complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def visit(user: User | None, path: str = "/", **options: Any) -> Page:
        context = browser.new_context(base_url=console.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies(
                [{"name": name, "value": client.cookies[name].value, "url": console.url}]
            )
        context.on("console", note)
        context.on("weberror", lambda error: complaints.append(f"thrown: {error.error}"))
        page = context.new_page()
        page.goto(path)
        return page

    with interfaces.steady():
        yield visit
        for context in contexts:
            context.close()
    unexpected = [
        complaint
        for complaint in complaints
        if not any(re.search(pattern, complaint) for pattern in expected_complaints)
    ]
    assert unexpected == []


def _is_of_machine(complaint: str) -> bool:
    """Whether a complaint is about what the console has no part in."""
    return LEFT_EARLY in complaint or NETWORK_CHANGED in complaint
