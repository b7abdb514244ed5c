"""The Django admin: people and tokens for admins; history for reading; no way to more power."""

import html
import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from agents.models import RunnerToken, Thread
from agents.reviews.show import hidden_count
from agents.roles import REVIEWERS
from agents.services import tokens
from tests.factories import decide, make_interrupt, make_token
from tests.services.journalling import ask, running

HISTORY = ("agent", "thread", "run", "interrupt", "decision", "effect", "runner")


@pytest.fixture
def admin(client: Client, ada: User) -> Client:
    """Ada, signed in."""
    client.force_login(ada)
    return client


class TestTokens:
    """Runner tokens."""

    def test_the_secret_is_shown_once(self, admin: Client, ada: User):
        given = {"name": "mail host", "agents": "email, assistant"}
        page = admin.post("/admin/agents/runnertoken/add/", given, follow=True).text
        shown = re.search(r"<code>(rct_[\w-]+)</code>", page)
        assert shown is not None
        token = RunnerToken.objects.get()
        assert (token.name, token.agents, token.created_by) == (
            "mail host",
            ["assistant", "email"],
            ada,
        )
        assert tokens.authenticate(secret=html.unescape(shown.group(1))) == token
        for path in ("", f"{token.pk}/change/"):
            assert "rct_" not in admin.get(f"/admin/agents/runnertoken/{path}").text

    @pytest.mark.parametrize(
        ("given", "complaint"),
        [
            ({"name": "taken", "agents": "email"}, "already exists"),
            ({"name": "new", "agents": " , "}, "A token serves at least one agent."),
            ({"name": "", "agents": "email"}, "This field is required."),
        ],
    )
    def test_what_cannot_be_made(self, admin: Client, given: dict[str, str], complaint: str):
        make_token("taken")
        page = admin.post("/admin/agents/runnertoken/add/", given)
        assert complaint in page.text
        assert RunnerToken.objects.count() == 1

    def test_revoking(self, admin: Client):
        token, secret = make_token()
        action = {"action": "revoke", "_selected_action": [token.pk]}
        page = admin.post("/admin/agents/runnertoken/", action, follow=True)
        assert "Revoked. Their runners are refused from now on." in page.text
        assert tokens.authenticate(secret=secret) is None

    def test_a_token_is_never_changed_or_deleted(self, admin: Client):
        token, _secret = make_token()
        admin.post(f"/admin/agents/runnertoken/{token.pk}/change/", {"name": "x", "agents": "y"})
        token.refresh_from_db()
        assert (token.name, token.agents) == ("host", ["operations"])
        assert admin.get(f"/admin/agents/runnertoken/{token.pk}/delete/").status_code == 403


class TestPeople:
    """Users and their roles."""

    def test_a_role_is_given(self, admin: Client, mallory: User):
        given = {
            "username": "mallory",
            "is_active": "on",
            "groups": [Group.objects.get(name=REVIEWERS).pk],
        }
        admin.post(f"/admin/auth/user/{mallory.pk}/change/", given)
        assert [group.name for group in mallory.groups.all()] == [REVIEWERS]

    def test_nobody_makes_themselves_a_superuser(self, admin: Client, ada: User):
        given = {"username": "ada", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
        admin.post(f"/admin/auth/user/{ada.pk}/change/", given)
        ada.refresh_from_db()
        assert not ada.is_superuser

    def test_a_superuser_is_out_of_reach(self, admin: Client):
        root = User.objects.create_superuser("root", password="root")
        before = root.password
        given = {"password1": "hunter2hunter2", "password2": "hunter2hunter2"}
        assert admin.post(f"/admin/auth/user/{root.pk}/password/", given).status_code == 403
        admin.post(f"/admin/auth/user/{root.pk}/change/", {"username": "toor"})
        root.refresh_from_db()
        assert (root.username, root.password) == ("root", before)

    def test_a_superuser_makes_another(self, client: Client, mallory: User):
        client.force_login(User.objects.create_superuser("root", password="root"))
        given = {"username": "mallory", "is_active": "on", "is_superuser": "on"}
        client.post(f"/admin/auth/user/{mallory.pk}/change/", given)
        mallory.refresh_from_db()
        assert mallory.is_superuser

    def test_nobody_is_deleted(self, admin: Client, mallory: User):
        assert admin.get(f"/admin/auth/user/{mallory.pk}/delete/").status_code == 403


class TestHistory:
    """What happened is looked at, and nothing more."""

    @pytest.fixture
    def decided(self, alice: User) -> dict[str, int]:
        """One row of everything."""
        decision = decide(make_interrupt(), alice)
        asked = decision.interrupt
        return {
            "agent": asked.thread.agent_id,
            "thread": asked.thread_id,
            "run": asked.run_id,
            "interrupt": asked.pk,
            "decision": decision.pk,
            "effect": ask(running()).effect or 0,
            "runner": asked.run.runner_id or 0,
        }

    @pytest.mark.parametrize("model", HISTORY)
    def test_it_is_shown(self, admin: Client, decided: dict[str, int], model: str):
        assert admin.get(f"/admin/agents/{model}/").status_code == 200
        assert admin.get(f"/admin/agents/{model}/{decided[model]}/change/").status_code == 200

    def test_nothing_in_it_is_hidden(self, admin: Client):
        thread = make_interrupt({"query": "pay\u202e001\u200b"}).thread
        Thread.objects.update(title="pay\u202e001")
        pages = [
            admin.get(f"/admin/agents/{path}").text
            for path in ("interrupt/", "thread/", f"thread/{thread.pk}/change/")
        ]
        assert [page.count("\\u202e") > 0 for page in pages] == [True, True, True]
        assert [hidden_count(page) for page in pages] == [0, 0, 0]

    @pytest.mark.parametrize("model", HISTORY)
    def test_it_stays(self, admin: Client, decided: dict[str, int], model: str):
        row = f"/admin/agents/{model}/{decided[model]}"
        answers = [
            admin.get(f"/admin/agents/{model}/add/"),
            admin.post(f"{row}/change/", {}),
            admin.post(f"{row}/delete/", {"post": "yes"}),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]


@pytest.mark.parametrize("name", ["alice", "olga", "mallory"])
@pytest.mark.parametrize("path", ["", "auth/user/", "agents/runnertoken/", "agents/decision/"])
def test_the_admin_is_for_admins(
    client: Client, request: pytest.FixtureRequest, name: str, path: str
):
    client.force_login(request.getfixturevalue(name))
    answer = client.get(f"/admin/{path}")
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next=/admin/{path}")
