"""Who gets in at which door."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import make_agent, make_interrupt, start_run

PAGES: dict[str, Callable[[], str]] = {
    "inbox": lambda: "/",
    "thread list": lambda: "/threads/",
    "thread": lambda: f"/threads/{start_run().thread_id}/",
    "agent list": lambda: "/agents/",
    "agent": lambda: f"/agents/{make_agent().name}/",
    "runner list": lambda: "/runners/",
    "interrupt": lambda: f"/interrupts/{make_interrupt().pk}/",
}
START = {"way": "message", "message": "Refund order 8812."}


@pytest.mark.parametrize("page", PAGES)
class TestPages:
    """Every page is for everybody who holds a role, and for nobody else."""

    @pytest.mark.parametrize("name", ["alice", "bob", "olga", "ada"])
    def test_a_role_opens_it(
        self, client: Client, request: pytest.FixtureRequest, page: str, name: str
    ):
        client.force_login(request.getfixturevalue(name))
        assert client.get(PAGES[page]()).status_code == 200

    def test_nobody_comes_in_unnamed(self, client: Client, db: None, page: str):
        path = PAGES[page]()
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")

    def test_a_name_alone_shows_nothing(self, client: Client, mallory: User, page: str):
        client.force_login(mallory)
        path = PAGES[page]()
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Your account holds no role yet." in answer.text
        assert "operations" not in answer.text


@pytest.mark.parametrize(
    ("name", "status"), [("olga", 302), ("alice", 403), ("ada", 403), ("mallory", 403)]
)
class TestOrders:
    """Starting and cancelling runs is for operators."""

    def test_start(self, client: Client, request: pytest.FixtureRequest, name: str, status: int):
        client.force_login(request.getfixturevalue(name))
        agent = make_agent()
        assert client.post(f"/agents/{agent.name}/", START).status_code == status
        assert agent.threads.count() == (1 if status == 302 else 0)

    def test_cancel(self, client: Client, request: pytest.FixtureRequest, name: str, status: int):
        client.force_login(request.getfixturevalue(name))
        run = start_run()
        assert client.post(f"/runs/{run.pk}/cancel/").status_code == status
        run.refresh_from_db()
        assert run.status == ("cancelled" if status == 302 else "queued")


def test_orders_need_a_name(client: Client, db: None):
    run = start_run()
    answer = client.post(f"/runs/{run.pk}/cancel/")
    assert answer["Location"] == f"/login/?next=/runs/{run.pk}/cancel/"
    run.refresh_from_db()
    assert run.status == "queued"


def test_orders_need_a_token(olga: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    run = start_run()
    assert client.post(f"/runs/{run.pk}/cancel/").status_code == 403
    run.refresh_from_db()
    assert run.status == "queued"


@pytest.mark.parametrize("path", ["/runs/1/cancel/"])
def test_orders_are_posts(client: Client, olga: User, path: str):
    client.force_login(olga)
    assert client.get(path).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/threads/4711/",
        "/agents/nobody/",
        "/threads/x/",
        "/interrupts/4711/",
        "/nowhere/",
        "/agents/a%00b/",  # PostgreSQL refuses to look for a NUL
        "/?q=%00",
        "/?agent=%00",
        "/threads/?q=%00",
    ],
)
def test_what_is_not_there_is_a_404(client: Client, olga: User, path: str):
    client.force_login(olga)
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Go to the inbox" in answer.text


def test_cancelling_nothing_is_a_404(client: Client, olga: User):
    client.force_login(olga)
    assert client.post("/runs/4711/cancel/").status_code == 404


def test_the_policy_of_every_page_is_strict(client: Client, alice: User):
    client.force_login(alice)
    policy = client.get("/")["Content-Security-Policy"]
    assert "'unsafe" not in policy
    assert "default-src 'none'" in policy
