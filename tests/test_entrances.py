"""Every entrance of the house, and who gets in: one table of pages, orders, sockets and commands.

A URL, a socket or a command without a row fails the test: who adds a door says who may use it.
"""

from collections.abc import Awaitable, Callable, Mapping

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.core.management import get_commands
from django.test import Client
from django.urls import URLPattern, get_resolver

from agents import routing
from reviewconsole.asgi import application
from tests.factories import (
    make_agent,
    make_interrupt,
    make_token,
    new_checkpoint_id,
    start_run,
    take,
)
from tests.services.saving import put, save, whole

CAST = ("nobody", "mallory", "alice", "olga", "ada")
ROLES = {"alice", "olga", "ada"}
REVIEWERS, OPERATORS, ADMINS = {"alice"}, {"olga"}, {"ada"}


def checkpoint(page: str = "") -> str:
    """The URL of a checkpoint that a run has stored, or of a page about it."""
    run, checkpoint_id = start_run(), new_checkpoint_id()
    lease, thread = take(run), run.thread.thread_id
    assert run.runner is not None
    save(run.runner, put(checkpoint_id, {("plan", "1"): whole("x")}, scope=lease, thread=thread))
    return f"/threads/{run.thread_id}/checkpoints/{checkpoint_id}/{page}"


# What is read: a URL by its name, how to make one, who sees it.
PAGES: Mapping[str, tuple[Callable[[], str], set[str]]] = {
    "inbox": (lambda: "/", ROLES),
    "interrupt-detail": (lambda: f"/interrupts/{make_interrupt().pk}/", ROLES),
    "thread-list": (lambda: "/threads/", ROLES),
    "thread-detail": (lambda: f"/threads/{start_run().thread_id}/", ROLES),
    "thread-compare": (lambda: f"/threads/{start_run().thread_id}/compare/", ROLES),
    "checkpoint-detail": (lambda: checkpoint(), ROLES),
    "checkpoint-raw": (lambda: checkpoint("raw/"), ROLES),
    "checkpoint-replay": (lambda: checkpoint("replay/"), OPERATORS),
    "checkpoint-fork": (lambda: checkpoint("fork/"), OPERATORS),
    "checkpoint-copy": (lambda: checkpoint("copy/"), OPERATORS),
    "thread-delete": (lambda: f"/threads/{start_run().thread_id}/delete/", ADMINS),
    "thread-export-html": (lambda: f"/threads/{start_run().thread_id}/export.html", ROLES),
    "thread-export-json": (lambda: f"/threads/{start_run().thread_id}/export.json", ROLES),
    "agent-list": (lambda: "/agents/", ROLES),
    "agent-detail": (lambda: f"/agents/{make_agent().name}/", ROLES),
    "runner-list": (lambda: "/runners/", ROLES),
    "status": (lambda: "/status/", ROLES),
    "admin:index": (lambda: "/admin/", ADMINS),
}
# What is ordered, by a POST: a URL by its name, how to make one, what is sent, who may.
ORDERS: Mapping[str, tuple[Callable[[], str], dict[str, str], set[str]]] = {
    "interrupt-decide": (lambda: f"/interrupts/{make_interrupt().pk}/decide/", {}, REVIEWERS),
    "interrupt-draft": (lambda: f"/interrupts/{make_interrupt().pk}/draft/", {}, REVIEWERS),
    "interrupt-dismiss": (lambda: f"/interrupts/{make_interrupt().pk}/dismiss/", {}, REVIEWERS),
    "interrupt-change": (
        lambda: f"/interrupts/{make_interrupt().pk}/change/",
        {},
        REVIEWERS | OPERATORS,
    ),
    "checkpoint-replay": (lambda: checkpoint("replay/"), {}, OPERATORS),
    "checkpoint-fork": (lambda: checkpoint("fork/"), {}, OPERATORS),
    "checkpoint-copy": (lambda: checkpoint("copy/"), {}, OPERATORS),
    "agent-detail": (
        lambda: f"/agents/{make_agent().name}/",
        {"way": "message", "message": "Refund order 8812."},
        OPERATORS,
    ),
    "agent-tools": (lambda: f"/tools/{make_agent().name}/", {"always": "refund"}, ADMINS),
    "thread-delete": (lambda: f"/threads/{start_run().thread_id}/delete/", {}, ADMINS),
    "run-ask-again": (lambda: f"/runs/{start_run().pk}/ask-again/", {}, REVIEWERS | OPERATORS),
    "run-cancel": (lambda: f"/runs/{start_run().pk}/cancel/", {}, OPERATORS),
}
TURNED_AWAY = {302, 403}
FOR_EVERYBODY = {"healthz", "login", "logout", "readyz"}
FOR_WATCHERS = {"metrics"}  # with a token, or from a network: see tests/views/test_probes.py
# The operator's terminal asks for no role: who may run `manage.py` holds the database anyway.
COMMANDS = {
    "createrunnertoken",
    "demo",
    "liftsignins",
    "prunecheckpoints",
    "runner",
    "serve",
    "showthread",
    "startrun",
}


@pytest.fixture
def people(alice: User, olga: User, ada: User, mallory: User) -> dict[str, User]:
    """The cast by name; nobody is not among them."""
    return {person.get_username(): person for person in (alice, olga, ada, mallory)}


def visitor(people: Mapping[str, User], name: str) -> Client:
    """A browser in which this person, or nobody, has signed in."""
    client = Client()
    if name in people:
        client.force_login(people[name])
    return client


@pytest.mark.parametrize("name", CAST)
@pytest.mark.parametrize("page", PAGES)
def test_who_sees_a_page(people: dict[str, User], page: str, name: str):
    make, allowed = PAGES[page]
    status = visitor(people, name).get(make()).status_code
    assert status == 200 if name in allowed else status in TURNED_AWAY


@pytest.mark.parametrize("name", CAST)
@pytest.mark.parametrize("order", ORDERS)
def test_whose_order_is_taken(people: dict[str, User], order: str, name: str):
    """A stranger is turned away before what was sent is looked at: never a 422, never a 2xx."""
    make, sent, allowed = ORDERS[order]
    answer = visitor(people, name).post(make(), sent)
    login = answer.headers.get("Location", "").startswith("/login/?next=")
    refused = answer.status_code == 403 or login
    assert refused == (name not in allowed)


def test_every_url_has_a_row():
    named = {url.name for url in _patterns()}
    assert named == {*PAGES, *ORDERS, *FOR_EVERYBODY, *FOR_WATCHERS} - {"admin:index"}


def _patterns() -> list[URLPattern]:
    """Every URL outside the Django admin, which asks for staff by itself."""
    found: list[URLPattern] = []
    waiting = [entry for entry in get_resolver().url_patterns if "admin" not in str(entry.pattern)]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, URLPattern):
            found.append(entry)
        else:
            waiting += entry.url_patterns
    return found


# Sockets -------------------------------------------------------------------------------------


async def close_code(client: Client, path: str, bearer: str = "") -> int | None:
    """The code with which a socket closes at once; None when it stays open."""
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    headers = [
        (b"cookie", cookies.encode()),
        (b"origin", b"http://localhost"),
        (b"host", b"localhost"),
    ]
    if bearer:
        headers.append((b"authorization", f"Bearer {bearer}".encode()))
    socket = WebsocketCommunicator(application, path, headers=headers)
    try:
        connected, code = await socket.connect(timeout=5)
        assert connected, f"refused with {code}: a refused handshake gives no reason"
        if await socket.receive_nothing(timeout=0.5):
            return None
        event = await socket.receive_output()
        return event["code"] if event["type"] == "websocket.close" else None
    finally:
        await socket.disconnect()


Dial = Callable[[Client], Awaitable[int | None]]
SOCKETS: Mapping[str, tuple[Dial, dict[str, int]]] = {
    "/ws/console/": (
        lambda client: close_code(client, "/ws/console/?topic=inbox"),
        {"nobody": 4401, "mallory": 4403},
    ),
    # A session opens nothing here: a runner is no person, and a person no runner.
    "/ws/runner/": (lambda client: close_code(client, "/ws/runner/"), dict.fromkeys(CAST, 4401)),
}


@pytest.mark.parametrize("name", CAST)
@pytest.mark.parametrize("path", SOCKETS)
async def test_who_opens_a_socket(
    transactional_db: None, people: dict[str, User], path: str, name: str
):
    dial, refused = SOCKETS[path]
    client = Client()
    if name in people:
        await client.aforce_login(people[name])
    assert await dial(client) == refused.get(name)


async def test_a_token_opens_the_runners_socket_and_no_other(transactional_db: None):
    _token, secret = await sync_to_async(make_token)()
    assert await close_code(Client(), "/ws/runner/", secret) is None
    assert await close_code(Client(), "/ws/console/?topic=inbox", secret) == 4401


def test_every_socket_has_a_row():
    routes = [*routing.websocket_urlpatterns, *routing.runner_urlpatterns]
    assert {f"/{route.pattern}" for route in routes} == set(SOCKETS)


def test_every_command_has_a_row():
    assert {name for name, app in get_commands().items() if app == "agents"} == COMMANDS
