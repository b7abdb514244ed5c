"""Tokens: shown once, kept as a digest, ended for good."""

import hashlib

import pytest

from agents.exceptions import InvalidInput
from agents.models import RunnerToken
from agents.services import tokens


def test_a_token_is_made_for_its_agents_and_its_secret_is_not_kept(ada):
    token, secret = tokens.create(name=" host ", agents=["email", " operations", "email"], user=ada)
    token.refresh_from_db()
    assert (token.name, token.agents, token.created_by) == ("host", ["email", "operations"], ada)
    assert (secret[:4], len(secret)) == ("rct_", 47)
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(RunnerToken.objects.values().get())


def test_no_two_secrets_are_alike(db):
    assert len({tokens.create(name=f"host-{n}", agents=["a"])[1] for n in range(20)}) == 20


def test_a_secret_opens_its_own_token(db, django_assert_num_queries):
    token, secret = tokens.create(name="host", agents=["operations"])
    tokens.create(name="other", agents=["operations"])
    with django_assert_num_queries(1):
        assert tokens.authenticate(secret=secret) == token


@pytest.mark.parametrize("secret", ["", "rct_", "rct_wrong", "ü\0", "x" * 10_000])
def test_another_secret_opens_nothing(db, secret):
    tokens.create(name="host", agents=["operations"])
    assert tokens.authenticate(secret=secret) is None


def test_the_digest_opens_nothing(db):
    token, _secret = tokens.create(name="host", agents=["operations"])
    assert tokens.authenticate(secret=token.digest) is None


def test_a_revoked_token_opens_nothing_for_ever(db):
    token, secret = tokens.create(name="host", agents=["operations"])
    revoked_at = tokens.revoke(token=token).revoked_at
    assert revoked_at is not None
    assert tokens.authenticate(secret=secret) is None
    assert tokens.revoke(token=token).revoked_at == revoked_at


@pytest.mark.parametrize(
    ("name", "agents", "errors"),
    [
        (" ", ["operations"], {"name": "Say who will use the token."}),
        ("host", [" ", ""], {"agents": "Name an agent."}),
        ("host", [], {"agents": "Name an agent."}),
        ("taken", ["operations"], {"name": "This name is taken."}),
    ],
)
def test_a_token_needs_a_name_of_its_own_and_an_agent(db, name, agents, errors):
    tokens.create(name="taken", agents=["operations"])
    with pytest.raises(InvalidInput) as refusal:
        tokens.create(name=name, agents=agents)
    assert refusal.value.errors == errors
    assert RunnerToken.objects.count() == 1
