"""The cast, and the fixtures that every test may use.

alice and bob review, olga operates, ada administers, mallory has signed in and has no role.
"""

import pytest
from django.contrib.auth.models import Group, User

pytest_plugins = ("tests.servers", "tests.chromium")


def person(name: str, *roles: str, **fields: object) -> User:
    """Make a user who holds `roles`; the password is the name."""
    user = User.objects.create_user(name, f"{name}@example.com", name, **fields)
    user.groups.set(Group.objects.filter(name__in=roles))
    assert user.groups.count() == len(roles), f"of the roles {roles} some do not exist"
    return user


@pytest.fixture
def alice(db: None) -> User:
    """A reviewer."""
    return person("alice", "Reviewers")


@pytest.fixture
def bob(db: None) -> User:
    """A second reviewer."""
    return person("bob", "Reviewers")


@pytest.fixture
def olga(db: None) -> User:
    """An operator."""
    return person("olga", "Operators")


@pytest.fixture
def ada(db: None) -> User:
    """An admin."""
    return person("ada", "Admins", is_staff=True)


@pytest.fixture
def mallory(db: None) -> User:
    """Somebody who can sign in and holds no role."""
    return person("mallory")
