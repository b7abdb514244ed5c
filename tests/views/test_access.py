"""Who gets in at which door."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.http import Http404
from django.test import Client

from agents import precedence, roles
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


class TestWhoLooks:
    """What a person may do is what Django says, for one query."""

    def test_people_may_what_their_roles_say_and_what_they_were_given(
        self, client: Client, alice: User
    ):
        alice.groups.add(Group.objects.get(name=roles.OPERATORS))
        alice.user_permissions.add(Permission.objects.get(codename="gate_tool"))
        client.force_login(alice)
        seen = client.get("/").wsgi_request.user
        known = User.objects.get(pk=alice.pk)
        assert seen.get_all_permissions() == known.get_all_permissions()
        assert seen.has_perms((roles.DECIDE, roles.START, roles.GATE))

    def test_who_was_given_nothing_may_nothing(self, client: Client, mallory: User):
        client.force_login(mallory)
        answer = client.get("/")
        assert (answer.status_code, answer.wsgi_request.user.get_all_permissions()) == (403, set())

    def test_a_superuser_may_everything(self, client: Client, mallory: User):
        mallory.is_superuser = True
        mallory.save()
        client.force_login(mallory)
        answer = client.get("/")
        assert answer.status_code == 200
        assert roles.ERASE in answer.wsgi_request.user.get_all_permissions()

    @pytest.mark.parametrize("is_superuser", [True, False])
    def test_who_was_sent_away_is_nobody(self, client: Client, alice: User, is_superuser: bool):
        client.force_login(alice)
        alice.is_active, alice.is_superuser = False, is_superuser
        alice.save()
        assert client.get("/").status_code == 302

    def test_a_visit_reads_the_session_the_person_and_their_permissions(
        self, client: Client, alice: User, django_assert_num_queries: Any
    ):
        client.force_login(alice)
        with django_assert_num_queries(3):
            assert client.get("/interrupts/1/decide/").status_code == 302


def test_a_page_gives_way_to_runners_before_anything_is_read_for_it(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
):
    client.force_login(alice)
    waits: list[str] = []

    def give_way() -> None:
        waits.append("waited")
        raise Http404("nothing more is done")

    monkeypatch.setattr(precedence.runners, "give_way", give_way)
    with django_assert_num_queries(0):
        assert client.get("/").status_code == 404
    assert waits == ["waited"]
    client.post("/")
    assert waits == ["waited"]
